#include "daemon_test.hpp"

#include <algorithm>

namespace json = boost::json;

namespace gantryd::integration {
namespace {

using project_file = daemon_test;

TEST_F(project_file, comes_back_from_getconfig_as_sorted_json)
{
    const auto path = write_file("project.json",
        R"({"components": [{"repo": "my/repo", "name": "web", "ports": [{"external": 8888, "container": 80}]}]})");
    ASSERT_TRUE(ended_with(0, gantryd({"setconfig", project_, path})));
    const auto got = gantryd({"getconfig", project_});
    ASSERT_TRUE(ended_with(0, got));
    EXPECT_EQ(got.out, R"({
  "components": [
    {
      "name": "web",
      "ports": [
        {
          "container": 80,
          "external": 8888
        }
      ],
      "repo": "my/repo"
    }
  ]
}
)");
}

TEST_F(project_file, may_be_yaml)
{
    const auto path = write_file("project.yaml", "components:\n  - name: web\n    repo: my/repo\n");
    ASSERT_TRUE(ended_with(0, gantryd({"setconfig", project_, path})));
    EXPECT_EQ(json::parse(gantryd({"getconfig", project_}).out),
        json::parse(R"({"components": [{"name": "web", "repo": "my/repo"}]})"));
}

TEST_F(project_file, with_mistakes_is_refused_line_by_line_and_changes_nothing)
{
    const auto good = write_file("good.json", R"({"components": [{"name": "web", "repo": "my/repo"}]})");
    ASSERT_TRUE(ended_with(0, gantryd({"setconfig", project_, good})));
    const auto before = gantryd({"getconfig", project_}).out;

    const auto bad = write_file("bad.json", R"({
  "components": [
    {
      "name": "web",
      "repo": "my/repo",
      "ports": [
        {"external": 888888, "container": 80}
      ],
      "readyTimeout": "soon"
    }
  ]
}
)");
    for (const auto& words : {std::vector<std::string>{"setconfig", project_, bad}, {"validate", bad}}) {
        const auto done = gantryd(words);
        EXPECT_TRUE(ended_with(1, done));
        EXPECT_TRUE(has(done.both(), "bad.json:7:"));
        EXPECT_TRUE(has(done.both(), "bad.json:9:"));
        EXPECT_TRUE(has(done.both(), "components[0].ports[0].external"));
    }
    EXPECT_EQ(gantryd({"getconfig", project_}).out, before);
}

TEST_F(project_file, that_is_no_json_is_refused_with_its_line)
{
    const auto bad = write_file("bad.json", "{\n  \"components\": [\n    oops\n  ]\n}\n");
    const auto done = gantryd({"setconfig", project_, bad});
    EXPECT_TRUE(ended_with(1, done));
    EXPECT_TRUE(has(done.err, "bad.json:3:"));
    EXPECT_TRUE(ended_with(1, gantryd({"getconfig", project_})));
}

TEST_F(project_file, that_is_good_passes_validate_without_a_store)
{
    EXPECT_TRUE(ended_with(0, gantryd({"validate", write_project({component("web", port_)})})));
    EXPECT_FALSE(std::filesystem::exists(state_directory() / "store.db"));
}

TEST_F(project_file, that_does_not_exist_is_named)
{
    const auto done = gantryd({"setconfig", project_, (directory_ / "none.json").string()});
    EXPECT_TRUE(ended_with(1, done));
    EXPECT_TRUE(has(done.err, "none.json"));
}

TEST_F(project_file, two_components_at_one_port_are_refused)
{
    const auto done =
        gantryd({"setconfig", project_, write_project({component("web", port_), component("other", port_)})});
    EXPECT_TRUE(ended_with(1, done));
    EXPECT_TRUE(has(done.err, std::to_string(port_)));
}

/// The same through a shell, whose redirections go behind it.
finished redirected(
    const std::vector<std::string>& words, const std::string& redirection, const std::filesystem::path& state)
{
    std::vector<std::string> all{"/bin/sh", "-c", "\"$@\" " + redirection, "sh", GANTRYD_PROGRAM};
    all.insert(all.end(), words.begin(), words.end());
    return run(std::move(all), {{"GANTRYD_STATE_DIR", state.string()}});
}

TEST_F(project_file, that_cannot_be_written_whole_is_no_success)
{
    const auto path = write_file("project.json", R"({"components": [{"repo": "my/repo", "name": "web"}]})");
    ASSERT_TRUE(ended_with(0, gantryd({"setconfig", project_, path})));
    const auto full = redirected({"getconfig", project_}, ">/dev/full", state_directory());
    EXPECT_TRUE(ended_with(1, full));
    EXPECT_EQ(full.err, "gantryd: stdout: No space left on device\n");
    const auto unread = redirected({"getconfig", project_}, "| true", state_directory());
    EXPECT_TRUE(ended_with(0, unread));
    EXPECT_EQ(unread.err, "") << "nobody wants to know that head has seen enough";
    const auto closed = redirected({"setconfig", project_, path}, "0<&- >&- 2>&-", state_directory());
    EXPECT_TRUE(ended_with(0, closed));
    EXPECT_TRUE(ended_with(0, gantryd({"getconfig", project_}))) << "nothing was printed into the store";
}

TEST_F(project_file, names_are_completed_in_bash)
{
    ASSERT_TRUE(
        ended_with(0, gantryd({"setconfig", project_,
                          write_project({component("web", port_), component("worker", free_port())})})));
    const auto completions = [&](const std::string& line) {
        const auto script = "source " GANTRYD_SCRIPTS "/../config/gantryd.bash-completion; COMP_WORDS=(" +
                            line + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _gantryd; echo ${COMPREPLY[*]}";
        return run({"/bin/bash", "-c", script}, {{"GANTRYD_STATE_DIR", state_directory().string()}}).both();
    };
    const std::string program = GANTRYD_PROGRAM;
    EXPECT_EQ(completions(program + " up"), "update\n");
    EXPECT_EQ(completions(program + " machine ''"), "drain undrain forget\n");
    EXPECT_EQ(completions(program + " update " + project_ + " --w"), "--wait\n");
    EXPECT_EQ(completions(program + " status " + project_ + " w"), "web worker\n");
}

TEST_F(project_file, wrong_usage_is_told_apart_from_a_refusal)
{
    const std::vector<std::vector<std::string>> wrong{{}, {"no-such-command"}, {"setconfig", project_},
        {"update", project_}, {"list"}, {"list", project_, "--no-such-option"}, {"stop", project_}};
    for (const auto& words : wrong) {
        const auto done = gantryd(words);
        EXPECT_TRUE(ended_with(2, done)) << json::serialize(json::value_from(words));
        EXPECT_FALSE(done.err.empty());
        EXPECT_EQ(done.out, "");
    }
    EXPECT_TRUE(ended_with(0, gantryd({"--help"})));
}

}  // namespace
}  // namespace gantryd::integration
