#include "support.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace pf = gantryd::project_file;
using namespace gantryd::project_file::testing;
using strings = std::vector<std::string>;

TEST(problems, come_all_at_once_in_the_order_of_the_file)
{
    EXPECT_EQ(problems_of("components:\n"
                          "  - name: web\n"
                          "    requireComponentLinks: [{name: nobody, alias: x}]\n"
                          "    ports:\n"
                          "      - {external: 80, container: 8080}\n"
                          "      - {external: 80, contaner: 8080}\n"
                          "    readyTimeout: soon\n"
                          "  - repo: UPPER\n"
                          "    name: web\n"),
        (strings{
            ("2:5 components[0].repo: expected an image's name in lower case without its tag, such as "
             "\"my/app\" or "
             "\"registry.example.com:5000/app\" (required)"),
            ("3:36 components[0].requireComponentLinks[0].name: expected a link that a component of the "
             "project "
             "defines, found \"nobody\""),
            "6:9 components[0].ports[1].container: expected a port number from 1 to 65535 (required)",
            ("6:20 components[0].ports[1].external: expected an external port of its own, found 80 on "
             "0.0.0.0, which "
             "clashes with components[0].ports[0]"),
            ("6:24 components[0].ports[1].contaner: unknown field; expected one of: external, container, "
             "kind, bind; "
             "did you mean \"container\"?"),
            ("7:19 components[0].readyTimeout: expected a duration from 1ms to 720h, as a number of "
             "milliseconds or "
             "with a unit (\"30s\", \"1500ms\"), found \"soon\""),
            ("8:11 components[1].repo: expected an image's name in lower case without its tag, such as "
             "\"my/app\" or "
             "\"registry.example.com:5000/app\", found \"UPPER\""),
            ("9:11 components[1].name: expected a name of its own, found \"web\", which components[0] has "
             "already"),
        }));
}

TEST(problems, have_the_same_places_in_json)
{
    EXPECT_EQ(problems_of("{\n\t\"components\": [\r\n\t\t{\"name\": \"\xc3\xa9\xc3\xa9\", \"repo\":\n8}]}",
                  pf::syntax::json),
        (strings{("3:12 components[0].name: expected a name (1 to 63 letters, digits, '_', '.' or '-', the "
                  "first a "
                  "letter or digit), found \"\xc3\xa9\xc3\xa9\""),
            ("4:1 components[0].repo: expected an image's name in lower case without its tag, such as "
             "\"my/app\" or "
             "\"registry.example.com:5000/app\", in quotes, found 8")}));
}

TEST(problems, columns_count_characters)
{
    // The name is six characters in quotes and eight bytes; the tag's value follows.
    const std::string text = "components: [{name: \"\xc3\xa9\xf0\x9f\x98\x80\", tag: '/', repo: a}]";
    const auto found = problems_of(text);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_TRUE(found[0].starts_with("1:21 components[0].name")) << found[0];
    EXPECT_TRUE(found[1].starts_with("1:32 components[0].tag")) << found[1];
}

TEST(problems, of_the_second_of_two_equal_keys)
{
    EXPECT_EQ(problems_of(
                  "{\"components\":[{\"name\":\"a\",\"repo\":\"a\",\n  \"name\":\"b\"}]}", pf::syntax::json),
        strings{"2:3 components[0].name: duplicate field; it may stand here only once"});
}

TEST(problems, text_of_is_what_compilers_print)
{
    const pf::problem at_field{12, 5, "components[0].ports[1].external", "expected a port number"};
    EXPECT_EQ(
        pf::text_of(at_field, "FILE"), "FILE:12:5: components[0].ports[1].external: expected a port number");
    EXPECT_EQ(pf::text_of({1, 1, "", "expected valid JSON"}, "-"), "-:1:1: expected valid JSON");
}

TEST(problems, never_show_the_value_of_a_variable)
{
    const strings shapes{"[{name: A, value: [hunter2]}]", "[{name: A, value: \"hunter2\\0\"}]", "[A=hunter2]",
        "A=hunter2", "{A: hunter2}", "{hunter2: A}", "[{hunter2: x}]", "[{name: A=hunter2, value: x}]",
        "[{A: hunter2}]", "[{name: A, value: {hunter2: hunter2}}]", "[{name: [hunter2], value: x}]",
        "[[hunter2]]", "[{name: A, value: x, hunter2: hunter2}]",
        "[{name: A, value: hunter2, value: hunter2}]",
        "[{name: A, value: hunter2}, {name: A, value: hunter2}]", "[{name: A, value: *hunter2}]",
        "[{name: A, value: !hunter2 x}]", "[{name: A, value: \"\\hunter2\"}]",
        "[{name: A, value: \"hunter2}]"};
    for (const auto& shape : shapes) {
        const auto found = problems_of(component_with("environmentVariables: " + shape));
        EXPECT_FALSE(found.empty()) << shape;
        for (const auto& each : found)
            EXPECT_EQ(each.find("hunter2"), std::string::npos) << shape << "\n" << each;
    }
}

TEST(problems, quote_short_and_without_control_characters)
{
    EXPECT_EQ(problems_of(component_with("tag: \"a\\n\\e\\\"\\\\\"")),
        strings{
            ("4:10 components[0].tag: expected an image's tag (1 to 128 letters, digits, '_', '.' or '-', "
             "the first "
             "not '.' or '-'), found \"a\\x0a\\x1b\\\"\\\\\"")});
    const auto found = problems_of(component_with("tag: " + std::string(500, '/')));
    ASSERT_EQ(found.size(), 1u);
    EXPECT_TRUE(found[0].ends_with("found \"" + std::string(40, '/') + "..\"")) << found[0];
}

TEST(problems, more_than_a_hundred_are_counted)
{
    std::string lines = "labels:";
    for (int i = 0; i < 5000; ++i)
        lines += fmt::format("\n  l{}: []", i);
    const auto found = problems_of(component_with(lines));
    ASSERT_EQ(found.size(), 101u);
    for (std::size_t i = 0; i < 100; ++i)
        EXPECT_TRUE(found[i].starts_with(fmt::format("{}:", 5 + i))) << found[i];
    EXPECT_TRUE(found.back().starts_with("105:")) << found.back();
    EXPECT_TRUE(found.back().ends_with(": 4900 more problems from here on")) << found.back();
}

TEST(problems, of_more_than_a_hundred_the_first_of_the_file_are_kept)
{
    // Clashes between components are found last, but the first of them stands at the top.
    std::string text = "components:\n  - {name: a, repo: a, requireComponentLinks: [{name: x, alias: x}]}\n"
                       "  - name: b\n    repo: b\n    labels:\n";
    for (int i = 0; i < 3000; ++i)
        text += fmt::format("      l{}: []\n", i);
    const auto found = problems_of(text);
    ASSERT_EQ(found.size(), 101u);
    EXPECT_TRUE(found[0].starts_with("2:55 components[0].requireComponentLinks[0].name")) << found[0];
    EXPECT_TRUE(found.back().ends_with("2901 more problems from here on")) << found.back();
}

TEST(problems, a_wrong_port_does_not_make_its_checks_wrong)
{
    const auto found = problems_of(
        component_with("ports: [{external: 1, container: x}]\nhealthChecks: [{kind: tcp, port: 80}]"));
    ASSERT_EQ(found.size(), 1u);
    EXPECT_TRUE(found[0].starts_with("4:38 components[0].ports[0].container")) << found[0];
}

TEST(problems, limits_of_the_text)
{
    EXPECT_EQ(problems_of(std::string(1024UL * 1024 + 1, ' '), pf::syntax::json),
        strings{"1:1 : expected at most 1048576 bytes of text, found 1048577"});
    for (const auto as : {pf::syntax::json, pf::syntax::yaml}) {
        // The lists themselves are wrong here, but that has to be said by the reader of the fields.
        const auto nested = [](std::size_t levels) {
            return std::string(levels, '[') + std::string(levels, ']');
        };
        EXPECT_EQ(problems_of(nested(32), as),
            strings{"1:1 : expected an object with \"components\", found a list"});
        ASSERT_EQ(problems_of(nested(33), as).size(), 1u);
        EXPECT_TRUE(problems_of(nested(33), as)[0].ends_with(": expected at most 32 levels of nesting"));
        std::string many = "[";
        for (int i = 0; i < 50'000; ++i)
            many += "1,";
        EXPECT_TRUE(
            problems_of(many + "1]", as)[0].contains("expected at most 50000 values in the document"));
    }
}

TEST(problems, aliases_cannot_blow_up_the_document)
{
    std::string text = "a0: &a0 [x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 20; ++i) {
        text += fmt::format("a{}: &a{} [", i, i);
        for (int k = 0; k < 8; ++k)
            text += fmt::format("*a{},", i - 1);
        text += "]\n";
    }
    const auto found = problems_of(text);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_TRUE(found[0].contains("aliases counted")) << found[0];
}

TEST(problems, read_component_names_fields_without_a_component)
{
    const auto read = pf::read_component(R"({"name":"a","repo":"a","ports":[{"external":1,"container":1},
 {"external":1,"container":"x"}],"requireComponentLinks":[{"name":"elsewhere","alias":"e"}]})");
    ASSERT_FALSE(read);
    strings found;
    for (const auto& each : read.error())
        found.push_back(pf::text_of(each, "f"));
    EXPECT_EQ(found, (strings{("f:2:14: ports[1].external: expected an external port of its own, found 1 on "
                               "0.0.0.0, which clashes "
                               "with ports[0]"),
                         "f:2:28: ports[1].container: expected a port number from 1 to 65535, found \"x\""}));
    EXPECT_FALSE(pf::read_component("[]"));
    EXPECT_FALSE(pf::read_component("name: a\nrepo: a\n"));
}

TEST(problems, component_of_names_fields_without_a_place)
{
    const auto read = pf::component_of(boost::json::parse(
        R"({"name":"a","repo":"a","ports":[{"external":1,"container":"x"}],"privileged":null,"hue":1e9})"));
    ASSERT_FALSE(read);
    strings fields;
    for (const auto& each : read.error())
        fields.push_back(each.field);
    std::ranges::sort(fields);
    EXPECT_EQ(fields, (strings{"hue", "ports[0].container", "privileged"}));
    EXPECT_FALSE(pf::component_of(boost::json::array()));
    boost::json::object large{{"name", "a"}, {"repo", "a"}};
    large["command"].emplace_array().resize(50'000, "word");
    const auto refused = pf::component_of(large);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().front().expected, "expected at most 50000 values in the document");
}

TEST(problems, the_nearest_known_name_is_suggested)
{
    const auto has = [](std::string_view lines, std::string_view meant) {
        const auto found = problems_of(component_with(lines));
        return found.size() == 1 && found[0].ends_with(fmt::format("did you mean \"{}\"?", meant));
    };
    EXPECT_TRUE(has("stoptimeout: 1", "stopTimeout"));
    EXPECT_TRUE(has("comand: x", "command"));
    EXPECT_TRUE(has("binding: []", "bindings"));
    EXPECT_FALSE(problems_of(component_with("restartPolicy: x"))[0].contains("did you mean"));
    EXPECT_FALSE(problems_of(component_with("x: y"))[0].contains("did you mean"));
}

TEST(problems, every_circle_of_links_is_named_once)
{
    const auto component = [](std::string_view name, std::string_view needs) {
        std::string links;
        for (const char each : needs)
            links += fmt::format("{{name: {}, alias: {}}},", each, each);
        return fmt::format("  - {{name: {}, repo: a, defineComponentLinks: [{{name: {}, port: 1}}], "
                           "requireComponentLinks: [{}]}}\n",
            name, name, links);
    };
    const auto found =
        problems_of("components:\n" + component("a", "b") + component("b", "cd") + component("c", "") +
                    component("d", "a") + component("e", "f") + component("f", "e") + component("g", "abc"));
    ASSERT_EQ(found.size(), 2u);
    EXPECT_TRUE(found[0].starts_with("5:") && found[0].ends_with("found a -> b -> d -> a")) << found[0];
    EXPECT_TRUE(found[1].starts_with("7:") && found[1].ends_with("found e -> f -> e")) << found[1];
}

TEST(problems, a_circle_of_ten_is_shown_in_full)
{
    std::string text = "components:\n";
    for (int i = 0; i < 10; ++i)
        text += fmt::format("- {{name: c{0}, repo: a, defineComponentLinks: [{{name: c{0}, port: 1}}], "
                            "requireComponentLinks: [{{name: c{1}, alias: a}}]}}\n",
            i, (i + 1) % 10);
    const auto found = problems_of(text);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_TRUE(found[0].ends_with("c0 -> c1 -> c2 -> c3 -> c4 -> c5 -> c6 -> c7 -> c8 -> c9 -> c0"))
        << found[0];
}

TEST(problems, a_long_chain_of_links_is_followed_without_recursion)
{
    constexpr int length = 2500;
    std::string text = "components:\n";
    for (int i = 0; i < length; ++i)
        text += fmt::format("- {{name: c{0}, repo: a, defineComponentLinks: [{{name: c{0}, port: 1}}], "
                            "requireComponentLinks: [{{name: c{1}, alias: a}}]}}\n",
            i, (i + 1) % length);
    const auto found = problems_of(text);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_TRUE(found[0].starts_with(fmt::format("{}:", length + 1))) << found[0];
    EXPECT_TRUE(found[0].contains("found c0 -> c1 -> ") && found[0].ends_with("c8 -> .. -> c0")) << found[0];
}
