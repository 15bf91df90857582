#include "component_reader.hpp"

#include "check_reader.hpp"
#include "object_reader.hpp"
#include "rules.hpp"
#include "values.hpp"

#include <gantryd/base/names.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace gantryd::project_file {
namespace {

using model::milliseconds;
using std::string_view;

constexpr milliseconds second{1000};
constexpr milliseconds millisecond{1};

constexpr std::array<string_view, 24> component_fields{"name", "repo", "tag", "command", "user", "instances",
    "ports", "bindings", "volumesFrom", "readyChecks", "healthChecks", "readyTimeout", "terminationSignals",
    "terminationChecks", "drain", "rollout", "stopSignal", "stopTimeout", "privileged", "resources",
    "defineComponentLinks", "requireComponentLinks", "environmentVariables", "labels"};
constexpr std::array<string_view, 4> port_fields{"external", "container", "kind", "bind"};
constexpr std::array<string_view, 2> binding_fields{"external", "volume"};
constexpr std::array<string_view, 2> drain_fields{"timeout", "onTimeout"};
constexpr std::array<string_view, 6> rollout_fields{
    "maxParallel", "pause", "minHealthyTime", "deadline", "lostAfter", "onFailure"};
constexpr std::array<string_view, 3> resource_fields{"memory", "cpus", "pids"};
constexpr std::array<string_view, 3> export_fields{"name", "port", "kind"};
constexpr std::array<string_view, 2> import_fields{"name", "alias"};
constexpr std::array<string_view, 3> environment_fields{"name", "value", "secret"};
constexpr std::array<string_view, 1> secret_fields{"file"};

constexpr std::array port_kinds{model::port_kind::tcp, model::port_kind::http};
constexpr std::array timeout_actions{model::drain_timeout_action::kill, model::drain_timeout_action::keep};
constexpr std::array failure_actions{model::failure_action::revert, model::failure_action::pause};
/// A machine has to be able to show that it is there before it is given up.
constexpr milliseconds least_lost_after{20'000};

/// Ready checks of a component that names none: every port that gets traffic must accept a connection, or the
/// first requests to a new instance would be lost.
std::vector<model::check_spec> reachable_ports(const std::vector<model::port_mapping>& ports)
{
    std::vector<model::check_spec> out;
    for (const auto& port : ports)
        if (std::ranges::find(out, port.container, &model::check_spec::port) == out.end())
            out.push_back(
                {.kind = model::check_kind::tcp, .id = "tcp", .port = port.container, .interval = second});
    return out;
}

constexpr text_rule name_rule{
    "a name (1 to 63 letters, digits, '_', '.' or '-', the first a letter or digit)",
    [](string_view t) { return base::is_name(t); }};
static_assert(name_rule.what.contains(base::name_rule));
constexpr text_rule repository_rule{"an image's name in lower case without its tag, such as \"my/app\" or "
                                    "\"registry.example.com:5000/app\"",
    [](string_view t) { return is_repository(t); }};
constexpr text_rule tag_rule{
    "an image's tag (1 to 128 letters, digits, '_', '.' or '-', the first not '.' or '-')",
    [](string_view t) { return is_tag(t); }};
constexpr text_rule user_rule{
    "a user, such as \"www-data\" or \"1000:1000\"", [](string_view t) { return is_user(t); }};
constexpr text_rule address_rule{
    "a numeric IPv4 or IPv6 address", [](string_view t) { return is_address(t); }};
constexpr text_rule volume_source_rule{
    "an absolute path or a volume's name, without ':'", [](string_view t) { return is_volume_source(t); }};
constexpr text_rule volume_target_rule{
    "an absolute path in the container, without ':'", [](string_view t) { return is_volume_target(t); }};
constexpr text_rule volumes_from_rule{"a container's name", [](string_view t) { return is_volumes_from(t); }};
constexpr text_rule signal_rule{
    "a signal, such as \"SIGTERM\", \"QUIT\" or \"3\"", [](string_view t) { return is_stop_signal(t); }};
constexpr text_rule alias_rule{"an alias (1 to 128 letters, digits and '_', the first no digit)",
    [](string_view t) { return is_alias(t); }};
constexpr text_rule variable_rule{"a variable's name, without '=', spaces and control characters",
    [](string_view t) { return is_environment_name(t); }};
constexpr text_rule value_rule{"a text without NUL", [](string_view t) { return has_no_nul(t); }};

constexpr text_rule secret_file_rule{"an absolute path of the machine, to a file that holds the value",
    [](string_view t) { return t.starts_with('/') && !t.ends_with('/') && has_no_nul(t); }};
constexpr text_rule secret_rule{
    "a secret's name (1 to 63 letters, digits, '_', '.' or '-', the first a letter or digit) or "
    "{file: /path}",
    [](string_view t) { return base::is_name(t); }};
static_assert(secret_rule.what.contains(base::name_rule));

/// The member, or the object where there is none: where a problem between two entries is shown.
cursor site(const object_reader& object, string_view name) { return object.find(name).value_or(object.at()); }

/// Reads one component; one function per group of fields.
class component_reader {
public:
    explicit component_reader(const cursor& from)
        : object_(from, "a component, an object with name and repo", component_fields),
          out_{.at = from}
    {
    }

    component_in_file read() &&;

private:
    void read_image();
    void read_ports(const cursor& from);
    void read_bindings(const cursor& from);
    void read_all_checks();
    void read_stop();
    void read_rollout(const cursor& from);
    void read_resources(const cursor& from);
    void read_exports(const cursor& from);
    void read_imports(const cursor& from);
    void read_environment(const cursor& from);
    void read_labels(const cursor& from);
    void check_ports_are_declared() const;

    object_reader object_;
    component_in_file out_;
    std::vector<port_use> uses_;
};

component_in_file component_reader::read() &&
{
    auto& spec = out_.spec;
    read_image();
    const auto before_ports = object_.at().problems().count();
    if (const auto ports = object_.find("ports"))
        read_ports(*ports);
    if (const auto exports = object_.find("defineComponentLinks"))
        read_exports(*exports);
    const bool know_ports = object_.at().problems().count() == before_ports;
    if (const auto bindings = object_.find("bindings"))
        read_bindings(*bindings);
    if (const auto containers = object_.find("volumesFrom"))
        read_texts(*containers, volumes_from_rule, spec.volumes_from);
    read_all_checks();
    read_stop();
    if (const auto rollout = object_.find("rollout"))
        read_rollout(*rollout);
    if (const auto privileged = object_.find("privileged"))
        read_boolean(*privileged, spec.privileged);
    if (const auto resources = object_.find("resources"))
        read_resources(*resources);
    if (const auto imports = object_.find("requireComponentLinks"))
        read_imports(*imports);
    if (const auto variables = object_.find("environmentVariables"))
        read_environment(variables->kept_secret());
    if (const auto labels = object_.find("labels"))
        read_labels(*labels);
    // With a wrong declaration in the file nobody can tell what the checks may use.
    if (know_ports)
        check_ports_are_declared();
    return std::move(out_);
}

void component_reader::read_image()
{
    auto& spec = out_.spec;
    std::string name;
    if (const auto at = object_.require("name", name_rule.what))
        read_text(*at, name_rule, name);
    spec.name = model::component_name(std::move(name));
    if (const auto repo = object_.require("repo", repository_rule.what))
        read_text(*repo, repository_rule, spec.repo);
    if (const auto tag = object_.find("tag"))
        read_text(*tag, tag_rule, spec.tag);
    if (const auto command = object_.find("command"))
        read_words(*command, spec.command);
    if (const auto user = object_.find("user"))
        read_text_or_number(*user, user_rule, spec.user);
    if (const auto instances = object_.find("instances"))
        read_count(*instances, 1, 1000, spec.instances);
}

void component_reader::read_ports(const cursor& from)
{
    for_each_item(from, "a list of ports", [&](const cursor& item) {
        const object_reader port(item, "a port, such as {external: 80, container: 8080}", port_fields);
        model::port_mapping mapping;
        if (const auto external = port.require("external", "a port number from 1 to 65535"))
            read_port(*external, mapping.external);
        if (const auto container = port.require("container", "a port number from 1 to 65535"))
            read_port(*container, mapping.container);
        if (const auto kind = port.find("kind"))
            read_word(*kind, port_kinds, mapping.kind);
        if (const auto bind = port.find("bind"); bind && !read_text(*bind, address_rule, mapping.bind))
            mapping.external = 0;
        out_.spec.ports.push_back(std::move(mapping));
        out_.ports.push_back(site(port, "external"));
    });
}

void component_reader::read_bindings(const cursor& from)
{
    std::set<std::string> targets;
    for_each_item(from, "a list of bindings", [&](const cursor& item) {
        const object_reader object(
            item, "a binding, such as {external: /srv/data, volume: /data}", binding_fields);
        model::volume_binding binding;
        if (const auto external = object.require("external", volume_source_rule.what))
            read_text(*external, volume_source_rule, binding.external);
        const auto volume = object.require("volume", volume_target_rule.what);
        if (volume && read_text(*volume, volume_target_rule, binding.volume) &&
            !targets.insert(binding.volume).second)
            volume->refuse("a path that no other binding of the component has");
        out_.spec.bindings.push_back(std::move(binding));
    });
}

void component_reader::read_all_checks()
{
    auto& spec = out_.spec;
    if (const auto checks = object_.find("readyChecks"))
        read_checks(*checks, second, spec.ready_checks, uses_);
    else
        spec.ready_checks = reachable_ports(spec.ports);
    if (const auto checks = object_.find("healthChecks"))
        read_checks(*checks, 10 * second, spec.health_checks, uses_);
    if (const auto timeout = object_.find("readyTimeout"))
        read_duration(*timeout, millisecond, millisecond, spec.ready_timeout);
    if (const auto signals = object_.find("terminationSignals"))
        read_signals(*signals, spec.termination_signals, uses_);
    if (const auto checks = object_.find("terminationChecks"))
        read_checks(*checks, second, spec.termination_checks, uses_);
    else
        spec.termination_checks.push_back(default_check(model::check_kind::connection, second));
}

void component_reader::read_stop()
{
    auto& spec = out_.spec;
    if (const auto at = object_.find("drain")) {
        const object_reader drain(*at, "an object with timeout and onTimeout", drain_fields);
        if (const auto timeout = drain.find("timeout"))
            read_duration(*timeout, second, milliseconds(0), spec.drain.timeout);
        if (const auto action = drain.find("onTimeout"))
            read_word(*action, timeout_actions, spec.drain.on_timeout);
    }
    if (const auto signal = object_.find("stopSignal");
        signal && read_text_or_number(*signal, signal_rule, spec.stop_signal))
        spec.stop_signal = signal_name(spec.stop_signal).value_or("");
    if (const auto timeout = object_.find("stopTimeout"))
        read_duration(*timeout, second, milliseconds(0), spec.stop_timeout);
}

void component_reader::read_rollout(const cursor& from)
{
    auto& policy = out_.spec.rollout;
    const object_reader rollout(
        from, "an object such as {maxParallel: 1, minHealthyTime: 10s}", rollout_fields);
    if (const auto limit = rollout.find("maxParallel"))
        read_parallel(*limit, policy.max_parallel);
    if (const auto pause = rollout.find("pause"))
        read_duration(*pause, second, milliseconds(0), policy.pause);
    if (const auto time = rollout.find("minHealthyTime"))
        read_duration(*time, second, milliseconds(0), policy.min_healthy_time);
    if (const auto deadline = rollout.find("deadline"))
        read_duration(*deadline, second, milliseconds(0), policy.deadline);
    if (const auto time = rollout.find("lostAfter"))
        read_duration(*time, second, least_lost_after, policy.lost_after);
    if (const auto action = rollout.find("onFailure"))
        read_word(*action, failure_actions, policy.on_failure);
}

void component_reader::read_resources(const cursor& from)
{
    constexpr std::int64_t most_pids = 4'194'304;  // the kernel's own limit
    auto& limits = out_.spec.resources;
    const object_reader resources(from, "an object with memory, cpus and pids", resource_fields);
    if (const auto memory = resources.find("memory"))
        read_memory(*memory, limits.memory_bytes);
    if (const auto cpus = resources.find("cpus"))
        read_cpus(*cpus, limits.nano_cpus);
    if (const auto pids = resources.find("pids"))
        read_integer(*pids, "a number of processes", 1, most_pids, limits.pids);
}

void component_reader::read_exports(const cursor& from)
{
    for_each_item(from, "a list of links", [&](const cursor& item) {
        const object_reader object(item, "a link, such as {name: database, port: 5432}", export_fields);
        model::link_export link;
        if (const auto name = object.require("name", name_rule.what))
            read_text(*name, name_rule, link.name);
        if (const auto port = object.require("port", "a port number from 1 to 65535"))
            read_port(*port, link.port);
        if (const auto kind = object.find("kind"))
            read_word(*kind, port_kinds, link.kind);
        out_.spec.define_component_links.push_back(std::move(link));
        out_.exports.push_back(site(object, "name"));
    });
}

void component_reader::read_imports(const cursor& from)
{
    std::set<std::string> aliases;
    for_each_item(from, "a list of required links", [&](const cursor& item) {
        const object_reader object(
            item, "a required link, such as {name: database, alias: db}", import_fields);
        model::link_import link;
        if (const auto name = object.require("name", name_rule.what))
            read_text(*name, name_rule, link.name);
        if (const auto alias = object.require("alias", alias_rule.what);
            alias && read_text(*alias, alias_rule, link.alias)) {
            // The variables that the container gets have the alias in capitals.
            auto folded = link.alias;
            std::ranges::transform(folded, folded.begin(),
                [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
            if (!aliases.insert(std::move(folded)).second)
                alias->refuse(
                    "an alias that no other link of the component has, whatever the case of its letters");
        }
        out_.spec.require_component_links.push_back(std::move(link));
        out_.imports.push_back(site(object, "name"));
    });
}

/// Who writes the value itself where its place is asked for is not to read it in the answer.
void read_secret(const cursor& from, model::secret_source& out)
{
    if (!from.is(node_kind::object)) {
        read_text(from, secret_rule, out.name);
        return;
    }
    const object_reader object(from, secret_rule.what, secret_fields);
    if (const auto file = object.require("file", secret_file_rule.what))
        read_text(*file, secret_file_rule, out.file);
}

void component_reader::read_environment(const cursor& from)
{
    std::set<std::string> variables;
    constexpr string_view what = "an object with name and value, or name and secret";
    for_each_item(from, "a list of variables, each an object with name and value", [&](const cursor& item) {
        const object_reader object(item, what, environment_fields);
        model::environment_variable variable;
        const auto name = object.require("name", variable_rule.what);
        if (name && read_text(*name, variable_rule, variable.name) && !variables.insert(variable.name).second)
            name->complain(fmt::format("expected each variable once, found {} again", quoted(variable.name)));
        if (const auto secret = object.find("secret")) {
            read_secret(*secret, variable.secret.emplace());
            if (const auto value = object.find("value"))
                value->complain("expected value or secret, not both");
        } else if (const auto value = object.require("value", "a text without NUL, or a secret")) {
            read_text_or_scalar(*value, value_rule, variable.value);
        }
        out_.spec.environment_variables.push_back(std::move(variable));
    });
}

void component_reader::read_labels(const cursor& from)
{
    const object_reader labels(from, "an object of labels and their texts", {});
    if (!labels.is_object())
        return;
    for (auto& child : from.value().children) {
        const auto label = from.member(child);
        if (!is_label_key(child.key))
            from.problems().add(child.key_at, label.field(),
                "expected a label's name, not empty, without control characters, not starting with "
                "\"io.gantryd.\" "
                "(those are gantryd's own)");
        std::string text;
        if (read_text_or_scalar(label, value_rule, text))
            out_.spec.labels.emplace(child.key, std::move(text));
    }
}

void component_reader::check_ports_are_declared() const
{
    std::set<std::uint16_t> declared;
    for (const auto& port : out_.spec.ports)
        declared.insert(port.container);
    for (const auto& link : out_.spec.define_component_links)
        declared.insert(link.port);
    for (const auto& use : uses_)
        if (!declared.contains(use.port))
            use.at.refuse("a container port that the component's ports or defineComponentLinks declare");
}

}  // namespace

component_in_file read_component_object(const cursor& from) { return component_reader(from).read(); }

}  // namespace gantryd::project_file
