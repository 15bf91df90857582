#include "gantry/local_command_line.hpp"
#include "gantryd/command_line.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

using namespace gantryd::app;
using namespace std::chrono_literals;

namespace {

/// What the words are refused with on stderr; empty when they are taken.
std::string refusal_of(std::vector<std::string> words)
{
    std::ostringstream out;
    std::ostringstream err;
    const auto what = parse_command_line(std::move(words), out, err);
    if (what)
        return {};
    EXPECT_EQ(what.error(), exit_code::usage);
    EXPECT_FALSE(err.str().empty());
    return err.str();
}

}  // namespace

TEST(command_line, says_which_command_and_for_whom)
{
    std::ostringstream out;
    const auto what = parse_command_line(
        {"update", "shop", "-c", "web", "worker", "--wait", "--timeout", "5m", "-etcd", "10.0.0.1"}, out,
        out);
    ASSERT_TRUE(what) << out.str();
    EXPECT_EQ(what->command, verb::update);
    EXPECT_EQ(what->project, "shop");
    EXPECT_EQ(what->components, (std::vector<std::string>{"web", "worker"}));
    EXPECT_TRUE(what->wait);
    EXPECT_FALSE(what->again);
    EXPECT_EQ(what->timeout, 5min);
    EXPECT_EQ(what->with.etcd, "10.0.0.1");
}

TEST(command_line, a_secret_has_a_name_and_no_value_in_its_words)
{
    std::ostringstream out;
    const auto set = parse_command_line({"secret", "set", "shop", "db", "--from", "/tmp/value"}, out, out);
    ASSERT_TRUE(set) << out.str();
    EXPECT_EQ(set->command, verb::secret_set);
    EXPECT_EQ(set->secret, "db");
    EXPECT_EQ(set->from, "/tmp/value");
    const auto list = parse_command_line({"secret", "list", "shop"}, out, out);
    ASSERT_TRUE(list) << out.str();
    EXPECT_EQ(list->command, verb::secret_list);
    const auto rm = parse_command_line({"secret", "rm", "shop", "db", "--force"}, out, out);
    ASSERT_TRUE(rm) << out.str();
    EXPECT_TRUE(rm->command == verb::secret_rm && rm->force);
    for (const auto& words : std::vector<std::vector<std::string>>{{"secret"}, {"secret", "set", "shop"},
             {"secret", "set", "shop", "db", "hunter2"}, {"secret", "set", "shop", "../db"},
             {"secret", "rm", "shop", "a/b"}})
        EXPECT_NE(refusal_of(words), "") << words.back();
}

TEST(command_line, help_is_no_failure)
{
    std::ostringstream out;
    std::ostringstream err;
    const auto what = parse_command_line({"update", "--help"}, out, err);
    ASSERT_FALSE(what);
    EXPECT_EQ(what.error(), exit_code::done);
    EXPECT_NE(out.str().find("--wait"), std::string::npos);
    EXPECT_TRUE(err.str().empty());
}

TEST(command_line, a_name_is_a_name_wherever_it_stands)
{
    for (const std::string bad :
        {"", "../x", "a/b", "a b", "a\nb", "a;b", "-x", ".x", "$(id)", "`id`", "a'b", "\x1b[m", "\xc3\xa9"}) {
        SCOPED_TRACE(bad);
        EXPECT_NE(refusal_of({"list", bad}), "");
        EXPECT_NE(refusal_of({"update", "shop", "-c", bad}), "");
        EXPECT_NE(refusal_of({"status", "shop", bad}), "");
        EXPECT_NE(refusal_of({"run", "shop", "--tag", bad + "=x"}), "");
    }
}

TEST(command_line, an_address_has_no_spaces_and_no_line_ends)
{
    for (const std::string bad : {"10.0.0.1 x", "a\nb", "\x1b[31m", "\xff"})
        EXPECT_NE(refusal_of({"run", "shop", "--address", bad}), "");
}

TEST(command_line, times_are_ones_that_can_be_waited_for)
{
    for (const std::string bad : {"0", "-1", "1x", "9223372036854775807", "9223372036854775807h", "9000h"})
        EXPECT_NE(refusal_of({"watch", "shop", "--timeout", bad}), "") << bad;
    EXPECT_EQ(refusal_of({"watch", "shop", "--timeout", "8784h"}), "");
}

TEST(command_line, haproxys_limit_is_one_that_haproxy_takes)
{
    EXPECT_EQ(refusal_of({"--haproxy-hard-stop-after", "2147483", "list", "shop"}), "");
    for (const std::string bad : {"0", "2147484", "597h", "9223372036854775807"})
        EXPECT_NE(refusal_of({"--haproxy-hard-stop-after", bad, "list", "shop"}), "") << bad;
}

TEST(command_line, one_line_says_what_is_wrong_and_where_help_is)
{
    EXPECT_EQ(refusal_of({}), "gantryd: a command is expected; see `gantryd --help`\n");
    EXPECT_EQ(refusal_of({"updat", "shop", "-c", "web"}),
        "gantryd: there is no command \"updat\"; see `gantryd --help`\n");
    EXPECT_EQ(refusal_of({"machine", "drian", "shop"}),
        "gantryd: there is no command \"drian\"; see `gantryd machine --help`\n");
    EXPECT_EQ(
        refusal_of({"update", "shop"}), "gantryd: --component is required; see `gantryd update --help`\n");
    EXPECT_EQ(refusal_of({"machine", "drain", "shop"}),
        "gantryd: machine is required; see `gantryd machine drain --help`\n");
    EXPECT_EQ(refusal_of({"list", "shop", "--\x1b[31m"}).find('\x1b'), std::string::npos);
}

TEST(command_line, releases_and_events_are_counted)
{
    for (const std::string bad : {"0", "-1", "abc", "1.5", "99999999999999999999", ""})
        EXPECT_NE(refusal_of({"rollback", "shop", "-c", "web", "-r", bad}), "") << bad;
    EXPECT_EQ(refusal_of({"rollback", "shop", "-c", "web", "-r", "x"}),
        "gantryd: --release: \"x\" is no release: expected a number from 1 on; see `gantryd rollback "
        "--help`\n");
    for (const std::string bad : {"-5", "abc", "99999999999999999999"})
        EXPECT_NE(refusal_of({"events", "shop", "-n", bad}), "") << bad;
    EXPECT_EQ(refusal_of({"events", "shop", "-n", "0", "-f"}), "");
}

TEST(command_line, what_is_wrong_in_the_environment_has_the_variables_name)
{
    ::setenv("GANTRYD_OUTPUT", "xml", 1);  // NOLINT(concurrency-mt-unsafe): there is one thread
    const auto from_environment = refusal_of({"list", "shop"});
    const auto typed = refusal_of({"list", "shop", "-o", "yaml"});
    ::unsetenv("GANTRYD_OUTPUT");  // NOLINT(concurrency-mt-unsafe)
    EXPECT_TRUE(from_environment.starts_with("gantryd: GANTRYD_OUTPUT: xml not in ")) << from_environment;
    EXPECT_TRUE(typed.starts_with("gantryd: --output: yaml not in ")) << typed;
}

TEST(command_line, help_tells_the_exit_codes_and_each_commands_limits)
{
    std::ostringstream out;
    (void)parse_command_line({"--help"}, out, out);
    EXPECT_NE(out.str().find("Exit codes: 0 done; 1 refused"), std::string::npos) << out.str();
    out.str("");
    (void)parse_command_line({"update", "--help"}, out, out);
    EXPECT_NE(out.str().find("(default: 60s)"), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("gantryd --help"), std::string::npos) << out.str();
    out.str("");
    (void)parse_command_line({"watch", "--help"}, out, out);
    EXPECT_NE(out.str().find("(default: none)"), std::string::npos) << out.str();
}

TEST(local_command_line, the_project_is_a_name)
{
    std::ostringstream out;
    std::ostringstream err;
    const auto good =
        parse_local_command_line({"--setconfig", "tag=v2", "shop.json", "start", "web"}, out, err);
    ASSERT_TRUE(good) << err.str();
    EXPECT_EQ(good->overrides, std::vector<std::string>{"tag=v2"});
    const auto bad = parse_local_command_line({"--project", "a/b", "shop.json", "start", "web"}, out, err);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error(), exit_code::usage);
    EXPECT_EQ(err.str(), "gantry: --project: \"a/b\" is no name: expected 1 to 63 letters, digits, '_', '.' "
                         "or '-', the first a "
                         "letter or digit; see `gantry --help`\n");
}
