// The client against a real Docker engine, which DOCKER_HOST names. Without one every test here fails.
#include "engine_contract.hpp"
#include "real_docker.hpp"

#include <gantryd/docker/client.hpp>
#include <gantryd/runtime/dirty_flag.hpp>
#include <gantryd/runtime/task_scope.hpp>

#include <boost/asio/co_spawn.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

namespace asio = boost::asio;

namespace gantryd::docker {
namespace {

using base::errc;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

class real : public testing::Test {
protected:
    contract_subject subject()
    {
        return {docker_.tested(), docker_.clock(), docker_.image(), docker_.prefix()};
    }
    void check(asio::awaitable<bool> (*part)(contract_subject)) { EXPECT_TRUE(docker_.run(part(subject()))); }
    runtime::time_point soon() { return docker_.clock().now() + 30s; }
    template <class T>
    T run(asio::awaitable<T> op)
    {
        return docker_.run(std::move(op));
    }
    create_request request_for(const std::string& name, std::vector<std::string> command)
    {
        create_request what;
        what.name = docker_.prefix() + "-" + name;
        what.image = docker_.image();
        what.command = std::move(command);
        what.labels = {{"contract", docker_.prefix()}, {"case", name}};
        return what;
    }
    /// Creates and starts; throws when that fails.
    model::container_id start(create_request what)
    {
        const auto id = run(engine_.create(std::move(what), soon()));
        if (!id)
            throw std::runtime_error(id.error().context());
        const auto started = run(engine_.start(*id, soon()));
        if (!started)
            throw std::runtime_error(started.error().context());
        return *id;
    }
    /// The output of a command that runs to its end.
    std::vector<std::string> output_of(create_request what, int lines)
    {
        const auto id = start(std::move(what));
        EXPECT_TRUE(run(engine_.wait(id, soon())));
        auto got = run(engine_.logs(id, lines, soon()));
        EXPECT_TRUE(got) << got.error().context();
        return got.value_or(std::vector<std::string>{});
    }

    real_docker docker_;
    engine& engine_ = docker_.tested();
};

TEST_F(real, knows_nothing_of_unknown_things) { check(check_unknown_things); }
TEST_F(real, one_life) { check(check_one_life); }
TEST_F(real, exits) { check(check_exits); }
TEST_F(real, failed_start) { check(check_failed_start); }
TEST_F(real, stubborn_container) { check(check_stubborn_container); }
TEST_F(real, wait) { check(check_wait); }
TEST_F(real, list) { check(check_list); }

TEST_F(real, info_says_what_is_spoken)
{
    const auto info = run(engine_.info(soon()));
    ASSERT_TRUE(info) << info.error().context();
    EXPECT_THAT(info->api_version, testing::StartsWith("1."));
    EXPECT_FALSE(info->version.empty());
    EXPECT_FALSE(info->architecture.empty());
    EXPECT_TRUE(std::filesystem::is_directory(info->data_root)) << info->data_root;
}

TEST_F(real, image_details)
{
    const auto image = run(engine_.inspect_image(docker_.prefix(), soon()));
    ASSERT_TRUE(image) << image.error().context();
    EXPECT_EQ(image->id, docker_.image());
    EXPECT_THAT(image->repo_tags, Contains(docker_.prefix() + ":latest"));
    EXPECT_THAT(image->command, testing::ElementsAre("/prog", "serve"));
    EXPECT_FALSE(image->architecture.empty());
    EXPECT_EQ(run(engine_.inspect_image(docker_.image().text(), soon()))->id, docker_.image());
}

TEST_F(real, a_container_gets_what_was_asked_for)
{
    const base::temporary_directory files;
    std::ofstream(files / "greeting") << "hello from the machine\n";
    auto what = request_for("given", {"/prog", "show", "COLOUR", "/data/greeting"});
    what.user = "1234";
    what.environment = {"COLOUR=dark blue"};
    what.binds = {files.path() + ":/data"};
    what.memory_bytes = 64 << 20;
    what.nano_cpus = 500'000'000;
    what.pids_limit = 50;
    what.exposed_ports = {8080};
    what.stop_signal = "SIGQUIT";
    std::filesystem::permissions(files.path(), std::filesystem::perms::all);
    EXPECT_THAT(
        output_of(what, 10), testing::ElementsAre("uid=1234 COLOUR=dark blue", "hello from the machine"));

    constexpr auto shown = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}} "
                           "{{.HostConfig.RestartPolicy.Name}} "
                           "{{range $port, $_ := .Config.ExposedPorts}}{{$port}}{{end}} "
                           "{{.Config.StopSignal}} {{.HostConfig.Privileged}}";
    EXPECT_EQ(run_program({"docker", "inspect", "-f", shown, what.name}),
        "67108864 500000000 50 no 8080/tcp SIGQUIT false\n");

    auto heir = request_for("heir", {"/prog", "show", "COLOUR", "/data/greeting"});
    heir.volumes_from = {what.name};
    EXPECT_THAT(output_of(heir, 10), Contains("hello from the machine"));
    heir.name += "-2";
    heir.volumes_from = {docker_.prefix() + "-nobody"};
    const auto orphan = run(engine_.create(heir, soon()));
    ASSERT_FALSE(orphan);
    EXPECT_EQ(orphan.error(), errc::rejected);
}

TEST_F(real, a_container_is_made_privileged_when_that_was_asked_for)
{
    // Only made: an Engine that itself lacks privileges can give none, and would refuse to start it.
    auto what = request_for("privileged", {"/prog", "show"});
    what.privileged = true;
    ASSERT_TRUE(run(engine_.create(what, soon())));
    EXPECT_EQ(run_program({"docker", "inspect", "-f", "{{.HostConfig.Privileged}}", what.name}), "true\n");
}

TEST_F(real, the_kernel_kills_what_eats_too_much)
{
    // The engine learns of the exit and of its reason on different ways: the flag may come a moment later
    // and, when the exit is quicker, not at all.
    bool flagged = false;
    for (int n = 1; n <= 5 && !flagged; ++n) {
        auto what = request_for("eater-" + std::to_string(n), {"/prog", "eat"});
        what.memory_bytes = 8 << 20;
        const auto id = start(what);
        EXPECT_EQ(run(engine_.wait(id, soon())).value_or(-1), 137);
        const auto give_up = docker_.clock().now() + 2s;
        while (!flagged && docker_.clock().now() < give_up) {
            const auto details = run(engine_.inspect(id, soon()));
            ASSERT_TRUE(details) << details.error().context();
            flagged = details->oom_killed;
        }
    }
    EXPECT_TRUE(flagged);
}

TEST_F(real, logs_are_the_last_lines_clean_and_cut)
{
    const auto id = start(request_for("chatter", {"/prog", "chatter", "1000"}));
    EXPECT_EQ(run(engine_.wait(id, soon())).value_or(-1), 0);
    const auto lines = run(engine_.logs(id, 3, soon()));
    ASSERT_TRUE(lines) << lines.error().context();
    EXPECT_THAT(*lines, testing::ElementsAre("line 999", "line 1000", std::string(500, 'x')));
    EXPECT_EQ(run(engine_.logs(id, 5000, soon()))->size(), 1001u);
}

TEST_F(real, logs_of_a_container_with_a_terminal)
{
    const auto name = docker_.prefix() + "-terminal";
    (void)run_program({"docker", "run", "-t", "--name", name, "--label", "contract=" + docker_.prefix(),
        docker_.prefix(), "/prog", "chatter", "2"});
    const auto lines = run(engine_.logs(model::container_id(name), 10, soon()));
    ASSERT_TRUE(lines) << lines.error().context();
    EXPECT_THAT(*lines, testing::ElementsAre("line 1", "line 2", std::string(500, 'x')));
}

TEST_F(real, exec_runs_a_command_to_its_end)
{
    const auto id = start(request_for("exec", {}));
    const auto said = run(engine_.exec(id, {"/prog", "say", "hi there"}, soon()));
    ASSERT_TRUE(said) << said.error().context();
    EXPECT_EQ(said->exit_code, 7);
    EXPECT_THAT(said->output, AllOf(HasSubstr("hi there\n"), HasSubstr("err\n")));
    const auto flood = run(engine_.exec(id, {"/prog", "flood", "5000"}, soon()));
    ASSERT_TRUE(flood) << flood.error().context();
    EXPECT_EQ(flood->exit_code, 0);
    EXPECT_EQ(flood->output, std::string(65536, 'y'));
    const auto bad = run(engine_.exec(id, {"/nope"}, soon()));
    if (bad)  // newer engines refuse it instead
        EXPECT_THAT(bad->exit_code, testing::AnyOf(126, 127));
    else
        EXPECT_EQ(bad.error(), errc::rejected);
    const auto late = run(engine_.exec(id, {"/prog", "serve"}, docker_.clock().now() + 300ms));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error(), errc::timed_out);
}

TEST_F(real, two_removals_at_once_both_succeed)
{
    const auto id = start(request_for("removed-twice", {}));
    runtime::task_scope tasks(docker_.loop().get_executor());
    std::vector<base::result<void>> outcomes;
    const auto remove = [](engine& tested, model::container_id which, runtime::time_point deadline,
                            std::vector<base::result<void>>& to) -> asio::awaitable<void> {
        auto done = co_await tested.remove(which, true, deadline);
        to.push_back(std::move(done));
    };
    for (int i = 0; i < 3; ++i)
        tasks.spawn("remove", remove(engine_, id, soon(), outcomes));
    const auto joined = [](runtime::task_scope& all) -> asio::awaitable<bool> {
        co_await all.join();
        co_return true;
    };
    EXPECT_TRUE(run(joined(tasks)));
    for (const auto& done : outcomes)
        EXPECT_TRUE(done) << done.error().context();
    EXPECT_EQ(run(engine_.inspect(id, soon())).error(), errc::not_found);
}

TEST_F(real, events_since_a_moment_come_again)
{
    const auto before = std::chrono::nanoseconds(docker_.clock().wall_now().time_since_epoch()).count();
    const auto id = start(request_for("past", {"/prog", "exit", "0"}));
    EXPECT_TRUE(run(engine_.wait(id, soon())));
    std::vector<std::string> actions;
    runtime::task_scope tasks(docker_.loop().get_executor());
    const auto follow = [](engine& tested, labels wanted, std::int64_t since,
                            std::vector<std::string>& to) -> asio::awaitable<void> {
        const auto keep = [&to](container_event event) { to.push_back(event.action); };
        const auto why = co_await tested.follow_events(wanted, since, {}, keep);
        ADD_FAILURE() << why.context();
    };
    const auto finish = [](runtime::clock& clk, runtime::task_scope& all, runtime::time_point deadline,
                            const std::vector<std::string>& seen) -> asio::awaitable<bool> {
        while (seen.size() < 3 && clk.now() < deadline)
            co_await clk.sleep_until(clk.now() + 5ms);
        all.stop();
        co_await all.join();
        co_return true;
    };
    tasks.spawn("follow", follow(engine_, {{"contract", docker_.prefix()}}, before, actions));
    EXPECT_TRUE(run(finish(docker_.clock(), tasks, soon(), actions)));
    EXPECT_THAT(actions, testing::ElementsAre("create", "start", "die"));
}

TEST_F(real, a_wrong_socket_is_unavailable)
{
    endpoint nowhere;
    nowhere.address = "/no/such/docker.sock";
    const auto lost = std::move(*make_engine(nowhere, docker_.clock()));
    const auto got = run(lost->list({}, soon()));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::unavailable);
    EXPECT_THAT(got.error().context(), HasSubstr("/no/such/docker.sock"));
}

}  // namespace
}  // namespace gantryd::docker
