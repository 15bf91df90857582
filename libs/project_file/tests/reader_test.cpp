#include "support.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace pf = gantryd::project_file;
namespace model = gantryd::model;
using namespace gantryd::project_file::testing;
using namespace std::chrono_literals;
using strings = std::vector<std::string>;

TEST(syntax_of, goes_by_the_name_and_then_by_the_first_character)
{
    EXPECT_EQ(pf::syntax_of("a.JSON", "components:"), pf::syntax::json);
    EXPECT_EQ(pf::syntax_of("a.yml", "{"), pf::syntax::yaml);
    EXPECT_EQ(pf::syntax_of("a.yaml", "{"), pf::syntax::yaml);
    EXPECT_EQ(pf::syntax_of("myconfigfile", " \r\n\t{"), pf::syntax::json);
    EXPECT_EQ(pf::syntax_of("myconfigfile", "components:"), pf::syntax::yaml);
    EXPECT_EQ(pf::syntax_of("-", ""), pf::syntax::yaml);
}

TEST(read_project, fills_in_the_defaults)
{
    const auto web = component_of(component_with(""));
    EXPECT_EQ(web.name.text(), "web");
    EXPECT_EQ(web.image_reference(), "my/web:latest");
    EXPECT_EQ(web.instances, 1);
    EXPECT_EQ(web.ready_timeout, 10s);
    EXPECT_EQ(web.drain, (model::drain_policy{30s, model::drain_timeout_action::kill}));
    EXPECT_EQ(web.rollout, model::rollout_policy{});
    EXPECT_EQ(web.stop_timeout, 10s);
    EXPECT_EQ(web.stop_signal, "");
    EXPECT_FALSE(web.privileged);
    EXPECT_EQ(web.resources, model::resource_limits{});
    EXPECT_TRUE(web.command.empty() && web.ports.empty() && web.ready_checks.empty() && web.labels.empty());
    ASSERT_EQ(web.termination_checks.size(), 1u);
    EXPECT_EQ(web.termination_checks[0],
        (model::check_spec{.kind = model::check_kind::connection, .id = "connection", .interval = 1s}));
}

TEST(read_project, reads_how_a_release_is_rolled_out)
{
    const auto web =
        component_of(component_with("rollout: {maxParallel: 25%, pause: 5, minHealthyTime: 10s,\n"
                                    "  deadline: 0, lostAfter: 2m, onFailure: pause}"));
    EXPECT_EQ(
        web.rollout, (model::rollout_policy{{25, true}, 5s, 10s, 0s, 2min, model::failure_action::pause}));
    EXPECT_EQ(component_of(component_with("rollout: {maxParallel: 3}")).rollout.max_parallel,
        (model::parallel_limit{3, false}));
    for (const auto* wrong : {"maxParallel: 0", "maxParallel: 1.5", "maxParallel: 0%", "maxParallel: 101%",
             "maxParallel: '%'", "maxParallel: all", "lostAfter: 19s", "onFailure: stop", "pauses: 1"})
        EXPECT_EQ(problems_of(component_with(fmt::format("rollout: {{{}}}", wrong))).size(), 1U) << wrong;
}

TEST(read_project, fills_in_the_defaults_of_checks_signals_ports_and_links)
{
    const auto web =
        component_of(component_with("ports: [{external: 1, container: 80}]\n"
                                    "readyChecks: [{kind: http, port: 80}]\n"
                                    "healthChecks: [{kind: tcp, port: 80, id: ''}]\n"
                                    "terminationChecks: [{kind: exec, command: idle, id: is idle}]\n"
                                    "terminationSignals: [{kind: https, port: 81}]\n"
                                    "defineComponentLinks: [{name: l, port: 81}]"));
    EXPECT_EQ(web.ports[0], (model::port_mapping{1, 80, model::port_kind::tcp, "0.0.0.0"}));
    EXPECT_EQ(web.define_component_links[0], (model::link_export{"l", 81, model::port_kind::tcp}));
    const model::check_spec ready{.kind = model::check_kind::http,
        .id = "http",
        .port = 80,
        .path = "/",
        .interval = 1s,
        .timeout = 2s};
    EXPECT_EQ(web.ready_checks[0], ready);
    EXPECT_EQ(ready.rise, 1);
    EXPECT_EQ(ready.fall, 3);
    EXPECT_EQ(ready.grace, 0s);
    EXPECT_EQ(web.health_checks[0].interval, 10s);
    EXPECT_EQ(web.health_checks[0].id, "tcp");
    EXPECT_EQ(web.termination_checks[0].interval, 1s);
    EXPECT_EQ(web.termination_checks[0].id, "is idle");
    EXPECT_EQ(web.termination_signals[0],
        (model::signal_spec{.kind = model::signal_kind::https, .id = "https", .port = 81, .timeout = 2s}));
}

TEST(read_project, an_empty_list_of_termination_checks_means_none)
{
    EXPECT_TRUE(component_of(component_with("terminationChecks: []")).termination_checks.empty());
}

TEST(read_project, bare_numbers_have_the_unit_of_their_field)
{
    const auto web =
        component_of(component_with("readyTimeout: 1500\nstopTimeout: 1.5\ndrain: {timeout: 90}\n"
                                    "healthChecks: [{kind: connection, timeout: 3, interval: '4', "
                                    "grace: 0.25}]"));
    EXPECT_EQ(web.ready_timeout, 1500ms);
    EXPECT_EQ(web.stop_timeout, 1500ms);
    EXPECT_EQ(web.drain.timeout, 90s);
    EXPECT_EQ(web.health_checks[0].timeout, 3s);
    EXPECT_EQ(web.health_checks[0].interval, 4s);
    EXPECT_EQ(web.health_checks[0].grace, 250ms);
}

TEST(read_project, durations_with_a_unit)
{
    const std::vector<std::pair<std::string, model::milliseconds>> cases{{"30s", 30s}, {"1500ms", 1500ms},
        {"2m", 2min}, {"1h", 1h}, {"1.5h", 90min}, {"0.5s", 500ms}, {"05s", 5s}, {"720h", 720h},
        {"0.6ms", 1ms}, {"0s", 0s}};
    for (const auto& [text, meant] : cases)
        EXPECT_EQ(component_of(component_with("stopTimeout: " + text)).stop_timeout, meant) << text;
    for (const auto* text : {"30 s", "s", "", "-1s", "1d", "1.s", ".5s", "1e3s", "721h", "2592001", "+1s",
             "1S", "1s ", "99999999999999999999h", "\"007\"", "[1]", "true"})
        EXPECT_EQ(problems_of(component_with(fmt::format("stopTimeout: {}",
                                  text[0] != '"' && text[0] != '[' &&
                                          std::string_view(text).find_first_not_of("0123456789") !=
                                              std::string_view::npos
                                      ? fmt::format("\"{}\"", text)
                                      : std::string(text))))
                      .size(),
            1u)
            << text;
}

TEST(read_project, a_duration_below_its_least_is_refused)
{
    EXPECT_EQ(problems_of(component_with("healthChecks: [{kind: connection, timeout: 0.0006}]")),
        strings{"4:48 components[0].healthChecks[0].timeout: expected a duration from 1ms to 720h, as a "
                "number of "
                "seconds or with a unit (\"30s\", \"1500ms\"), found 0.0006"});
    EXPECT_TRUE(problems_of(component_with("drain: {timeout: 0}")).empty());
}

TEST(read_project, commands_are_lists_or_cut_like_a_shell_does)
{
    EXPECT_EQ(component_of(component_with("command: [a b, '']")).command, (strings{"a b", ""}));
    EXPECT_EQ(component_of(component_with("command: run 'a b' \"c\" d\\ e")).command,
        (strings{"run", "a b", "c", "d e"}));
    EXPECT_EQ(component_of(component_with("terminationSignals: [{kind: exec, exec_command: nginx -s quit}]"))
                  .termination_signals[0]
                  .command,
        (strings{"nginx", "-s", "quit"}));
    EXPECT_EQ(component_of(component_with("healthChecks: [{kind: exec, exec_command: [x, y z]}]"))
                  .health_checks[0]
                  .command,
        (strings{"x", "y z"}));
}

TEST(read_project, a_command_with_an_open_quote_is_refused_as_a_shell_does)
{
    for (const std::string open : {"sh -c 'x", "sh -c \\\"x", "a '", "a b\\\\"}) {
        const auto found = problems_of(component_with("command: \"" + open + "\""));
        ASSERT_EQ(found.size(), 1u) << open;
        EXPECT_NE(found[0].find("command: expected words with every quote closed"), std::string::npos)
            << found[0];
    }
    EXPECT_TRUE(problems_of(component_with("command: \"a ''\"")).empty());
    EXPECT_TRUE(problems_of(component_with("command: \"\"")).empty());
}

TEST(read_project, amounts_of_memory_in_docker_s_units)
{
    const std::vector<std::pair<std::string, std::int64_t>> cases{{"6291456", 6291456},
        {"\"6291456\"", 6291456}, {"64m", 64 << 20}, {"64M", 64 << 20}, {"64MB", 64 << 20},
        {"64MiB", 64 << 20}, {"8192k", 8 << 20}, {"2g", std::int64_t{2} << 30},
        {"1.5GiB", std::int64_t{3} << 29}, {"1t", std::int64_t{1} << 40}, {"7000000b", 7'000'000}};
    for (const auto& [text, bytes] : cases)
        EXPECT_EQ(
            component_of(component_with("resources: {memory: " + text + "}")).resources.memory_bytes, bytes)
            << text;
    for (const auto* text : {"6291455", "5m", "64x", "m", "-64m", "64 m", "2048t", "true", "[]", "64mbb"})
        EXPECT_EQ(problems_of(component_with(fmt::format("resources: {{memory: {}}}", text))).size(), 1u)
            << text;
}

TEST(read_project, cpus_are_counted_in_billionths)
{
    EXPECT_EQ(
        component_of(component_with("resources: {cpus: 0.1, pids: 7}")).resources.nano_cpus, 100'000'000);
    EXPECT_EQ(component_of(component_with("resources: {cpus: '2.5'}")).resources.nano_cpus, 2'500'000'000);
}

TEST(read_project, stop_signals_by_name_and_number)
{
    const std::vector<std::pair<std::string, std::string>> cases{{"SIGQUIT", "SIGQUIT"}, {"QUIT", "SIGQUIT"},
        {"\"3\"", "SIGQUIT"}, {"3", "SIGQUIT"}, {"TERM", "SIGTERM"}, {"34", "SIGRTMIN"}, {"37", "SIGRTMIN+3"},
        {"SIGRTMIN+3", "SIGRTMIN+3"}, {"64", "SIGRTMAX"}, {"RTMAX-14", "SIGRTMAX-14"}, {"''", ""}};
    for (const auto& [text, name] : cases)
        EXPECT_EQ(component_of(component_with("stopSignal: " + text)).stop_signal, name) << text;
    for (const auto* text :
        {"SIGTREM", "sigterm", "0", "32", "33", "65", "SIG", "SIG3", "RTMIN+16", "-3", "[]"})
        EXPECT_EQ(problems_of(component_with(fmt::format("stopSignal: {}", text))).size(), 1u) << text;
}

TEST(read_project, names_of_images)
{
    for (const auto* repo : {"web", "my/web", "a/b/c", "localhost/web", "localhost:5000/web",
             "reg.example.com/a", "R.x/a", "host:1/a__b", "a--b", "a.b_c", "0"})
        EXPECT_TRUE(problems_of(fmt::format("components: [{{name: a, repo: '{}'}}]", repo)).empty()) << repo;
    for (const auto* repo : {"", "/", "a/", "/a", "Web", "a//b", "a:1", "a@sha256:0", "a___b", "-a", "a-",
             "a..b", "Host/a", "host:/a", "host:x/a", ".a/b", "a b", "-.x/a", "\xc3\xa4"})
        EXPECT_EQ(problems_of(fmt::format("components: [{{name: a, repo: '{}'}}]", repo)).size(), 1u) << repo;
    EXPECT_EQ(problems_of("components: [{name: a, repo: " + std::string(256, 'a') + "}]").size(), 1u);
}

TEST(read_project, environment_values_may_be_anything_but_nul)
{
    const auto web = component_of(component_with("environmentVariables:\n"
                                                 "  - {name: A, value: \"x=y\\n\\t\\\"'\\x01\"}\n"
                                                 "  - {name: B, value: 1.10}\n"
                                                 "  - {name: C, value: true}\n"
                                                 "  - {name: d.e-f, value: ''}"));
    ASSERT_EQ(web.environment_variables.size(), 4u);
    EXPECT_EQ(web.environment_variables[0].value, "x=y\n\t\"'\x01");
    EXPECT_EQ(web.environment_variables[1].value, "1.10");
    EXPECT_EQ(web.environment_variables[2].value, "true");
    EXPECT_EQ(web.environment_variables[3].value, "");
}

TEST(to_document, keeps_how_a_number_is_written_where_a_text_is_meant)
{
    const auto document =
        pf::to_document(component_with("instances: 2\nenvironmentVariables: [{name: A, value: 1.10}]\n"
                                       "labels: {a: 0x10, b: 1.50, c: true}\nresources: {cpus: 0.50}"),
            pf::syntax::yaml);
    EXPECT_EQ(boost::json::serialize(document),
        R"({"components":[{"name":"web","repo":"my/web","instances":2,"environmentVariables":[{"name":"A",)"
        R"("value":"1.10"}],"labels":{"a":"0x10","b":"1.50","c":"true"},"resources":{"cpus":5E-1}}]})");
}

TEST(to_document, adds_no_defaults)
{
    const std::string text =
        R"({"components":[{"repo":"a","name":"web","ports":[{"external":"80","container":8.0e1}]}]})";
    EXPECT_EQ(boost::json::serialize(pf::to_document(text, pf::syntax::json)),
        R"({"components":[{"repo":"a","name":"web","ports":[{"external":"80","container":80}]}]})");
}

TEST(reader, without_ready_checks_every_port_must_accept_a_connection)
{
    const auto* text = R"({"components":[
        {"name":"a","repo":"r","ports":[{"external":80,"container":8080},{"external":81,"container":8080},
                                        {"external":82,"container":9090}]},
        {"name":"b","repo":"r","ports":[{"external":90,"container":1}],"readyChecks":[]}]})";
    const auto read = gantryd::project_file::read_project(text, gantryd::project_file::syntax::json);
    ASSERT_TRUE(read);
    const auto& checks = read->components[0].ready_checks;
    ASSERT_EQ(checks.size(), 2u);
    EXPECT_EQ(checks[0].kind, gantryd::model::check_kind::tcp);
    EXPECT_EQ(checks[0].port, 8080);
    EXPECT_EQ(checks[1].port, 9090);
    EXPECT_TRUE(read->components[1].ready_checks.empty()) << "an empty list is the operator's word";
}
