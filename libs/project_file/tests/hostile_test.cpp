#include "support.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

// What ends up in HAProxy's file and commands, in paths, in requests and in names is refused when it could
// mean more than itself there; what is only handed to a container is handed over as it is.
namespace json = boost::json;
namespace pf = gantryd::project_file;

namespace {

/// A component "web" with a port, over which `members` go.
std::string component_with(const json::object& members)
{
    json::object component{{"name", "web"}, {"repo", "web"},
        {"ports", json::array{json::object{{"external", 80}, {"container", 8080}}}}};
    for (const auto& member : members)
        component[member.key()] = member.value();
    return json::serialize(component);
}

void expect_refused(const json::object& members)
{
    const auto read = pf::read_component(component_with(members));
    EXPECT_FALSE(read) << component_with(members);
    if (read)
        return;
    const auto text = pf::text_of(read.error().front(), "file");
    EXPECT_EQ(text.find_first_of("\n\r\x1b"), std::string::npos) << "the sentence injects nothing either";
}

/// Ways out of a word: of a line, a command, a path, a quoted text.
const std::vector<std::string> ways_out{"a\nserver evil 10.0.0.1:80", "a\r\nX: y",
    "a; shutdown sessions server be/s1", "a b", "../../etc/passwd", "/etc/passwd", "$(id)", "`id`", "a|b",
    "a&b", "a'b", "a\"b", "a\\b", "a#b", "a%b", "\x1b[2J", "-rf", "\xe2\x80\xae", "a*b", "a{b}", "a<b",
    std::string("a\0b", 3)};

}  // namespace

TEST(hostile, names_are_names_and_nothing_else)
{
    for (const auto& bad : ways_out) {
        expect_refused({{"name", bad}});
        expect_refused({{"tag", bad}});
        expect_refused({{"stopSignal", bad}});
        expect_refused({{"volumesFrom", json::array{bad}}});
        expect_refused({{"defineComponentLinks", json::array{json::object{{"name", bad}, {"port", 80}}}}});
        expect_refused({{"requireComponentLinks", json::array{json::object{{"name", bad}}}}});
        expect_refused({{"requireComponentLinks", json::array{json::object{{"name", "a"}, {"alias", bad}}}}});
        expect_refused(
            {{"ports", json::array{json::object{{"external", 80}, {"container", 80}, {"bind", bad}}}}});
        expect_refused({{"ports", json::array{json::object{{"external", bad}, {"container", 80}}}}});
        expect_refused(
            {{"ports", json::array{json::object{{"external", 80}, {"container", 80}, {"kind", bad}}}}});
    }
}

TEST(hostile, an_image_is_no_option_no_path_and_no_request)
{
    for (const auto& bad : ways_out)
        expect_refused({{"repo", bad}});
    for (const std::string bad :
        {"a@sha256:0", "a?b=c", "http://a/b", "a//b", "a/../b", "user:password@host/a"})
        expect_refused({{"repo", bad}});
}

TEST(hostile, a_path_of_a_check_is_one_word_of_one_line)
{
    for (const std::string bad :
        {"/a\r\nHost: evil", "/a HTTP/1.1", "/a\nb", "a", "http://elsewhere/", "/\x7f", "/\xc3\xa9"})
        for (const auto* list : {"readyChecks", "healthChecks"})
            expect_refused(
                {{list, json::array{json::object{{"kind", "http"}, {"port", 8080}, {"path", bad}}}}});
}

TEST(hostile, a_binding_has_no_second_meaning)
{
    const auto bound = [](const std::string& external, const std::string& volume) {
        return json::object{
            {"bindings", json::array{json::object{{"external", external}, {"volume", volume}}}}};
    };
    for (const std::string bad : {"/a:/b", "/a:ro", "relative/path", "/a\nb", "../up", "-v", "a b"})
        expect_refused(bound(bad, "/v"));
    for (const std::string bad : {"/a:rw", "/", "v", "/a\nb", "//"})
        expect_refused(bound("/srv", bad));
}

TEST(hostile, the_labels_that_gantryd_reads_are_its_own)
{
    for (const std::string bad : {"io.gantryd.project", "io.gantryd.record", "io.gantryd.", "", "a\nb"})
        expect_refused({{"labels", json::object{{bad, "x"}}}});
}

TEST(hostile, a_variables_name_cannot_be_two)
{
    for (const std::string bad : {"", "A=B", "A B", "A\nB", "A\x7f"})
        expect_refused({{"environmentVariables", json::array{json::object{{"name", bad}, {"value", "x"}}}}});
}

TEST(hostile, what_a_container_gets_is_handed_over_as_it_is)
{
    for (const auto& odd : ways_out) {
        if (odd.contains('\0'))
            continue;
        const auto read = pf::read_component(component_with({{"command", json::array{"run", odd}},
            {"environmentVariables", json::array{json::object{{"name", "A"}, {"value", odd}}}},
            {"labels", json::object{{"note", odd}}},
            {"healthChecks",
                json::array{json::object{{"kind", "exec"}, {"command", json::array{"test", odd}}}}}}));
        ASSERT_TRUE(read) << odd << ": " << pf::text_of(read.error().front(), "file");
        EXPECT_EQ(read->command.at(1), odd);
        EXPECT_EQ(read->environment_variables.at(0).value, odd);
        EXPECT_EQ(read->labels.at("note"), odd);
        EXPECT_EQ(read->health_checks.at(0).command.at(1), odd);
    }
}
