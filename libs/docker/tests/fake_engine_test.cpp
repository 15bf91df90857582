#include "engine_contract.hpp"

#include <gantryd/docker/fake_engine.hpp>
#include <gantryd/runtime/simulation.hpp>
#include <gantryd/runtime/task_scope.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>
#include <utility>

namespace asio = boost::asio;

namespace gantryd::docker {
namespace {

using base::errc;
using namespace std::chrono_literals;
using testing::ElementsAre;

const model::image_id image_1("sha256:1111");

class fake : public testing::Test {
protected:
    fake() { engine_.add_image("web:1", image_1, {"/app", "-v"}); }
    ~fake() override
    {
        engine_.set_reachable(false);
        sim_.clock.settle();
    }

    template <class T>
    T now(asio::awaitable<T> op)
    {
        return sim_.outcome_after(0s, std::move(op)).value();
    }
    model::container_id create(const std::string& name)
    {
        create_request what;
        what.name = name;
        what.image = image_1;
        what.labels = {{"project", "shop"}};
        return now(engine_.create(what, soon())).value();
    }
    model::container_id run(const std::string& name)
    {
        const auto id = create(name);
        EXPECT_TRUE(now(engine_.start(id, soon())));
        return id;
    }
    runtime::time_point soon() const { return sim_.clock.now() + 60s; }

    /// Keeps the events that it follows, and why that ended.
    struct follower {
        int connections = 0;
        std::vector<std::string> actions;
        std::optional<base::error> end;
    };
    follower& follow(std::optional<std::int64_t> since = {})
    {
        auto& by = followers_.emplace_back();
        sim_.start(follow_until_it_ends(by, since));
        sim_.clock.settle();
        return by;
    }
    asio::awaitable<void> follow_until_it_ends(follower& by, std::optional<std::int64_t> since)
    {
        auto why = co_await engine_.follow_events(
            {{"project", "shop"}}, since, [&by] { ++by.connections; },
            [&by](container_event event) {
                by.actions.push_back(event.attributes.at("name") + " " + event.action);
            });
        by.end = std::move(why);
    }

    std::list<follower> followers_;  // the streams end in the destructor only
    runtime::simulation sim_;
    fake_engine engine_{sim_.clock};
};

class fake_contract : public fake {
protected:
    fake_contract()
    {
        engine_.on_start = [](const fake_container& which) {
            const auto& command = which.request.command;
            fake_run run;
            if (command.empty())
                return run;
            if (command[0] == "/nope")
                run.start_error = "exec: \"/nope\": stat /nope: no such file or directory";
            else if (command[1] == "exit")
                run.exits_after = 10ms, run.exit_code = std::stoi(command[2]);
            else if (command[1] == "stubborn")
                run.ignores_stop = true, run.log = {"up"};
            return run;
        };
        engine_.on_exec = [](const fake_container&,
                              const std::vector<std::string>&) -> base::result<exec_outcome> {
            return exec_outcome{7, "hi\n"};
        };
    }
    void check(asio::awaitable<bool> (*part)(contract_subject))
    {
        const auto done = sim_.outcome_after(120s, part({engine_, sim_.clock, image_1, "contract"}));
        ASSERT_TRUE(done.has_value()) << "it hangs";
        EXPECT_TRUE(*done);
        EXPECT_TRUE(engine_.containers().empty());
    }
};

TEST_F(fake_contract, knows_nothing_of_unknown_things) { check(check_unknown_things); }
TEST_F(fake_contract, one_life) { check(check_one_life); }
TEST_F(fake_contract, exits) { check(check_exits); }
TEST_F(fake_contract, failed_start) { check(check_failed_start); }
TEST_F(fake_contract, stubborn_container) { check(check_stubborn_container); }
TEST_F(fake_contract, wait) { check(check_wait); }
TEST_F(fake_contract, list) { check(check_list); }

TEST_F(fake, gives_the_lowest_free_address_again)
{
    const auto first = run("a");
    run("b");
    EXPECT_EQ(engine_.find("a")->details.address, "172.17.0.2");
    EXPECT_EQ(engine_.find("b")->details.address, "172.17.0.3");
    engine_.die(first, 1);
    run("c");
    EXPECT_EQ(engine_.find("c")->details.address, "172.17.0.2");
    EXPECT_EQ(engine_.find("a")->details.address, "");
}

TEST_F(fake, keeps_a_log_of_its_calls)
{
    const auto id = run("shop-web-1-1");
    (void)now(engine_.kill(id, "SIGUSR1", soon()));
    (void)now(engine_.exec(id, {"nginx", "-s", "quit"}, soon()));
    (void)now(engine_.list({}, soon()));
    EXPECT_THAT(engine_.calls, ElementsAre("create shop-web-1-1", "start shop-web-1-1",
                                   "kill shop-web-1-1 SIGUSR1", "exec shop-web-1-1 nginx -s quit", "list"));
    EXPECT_EQ(engine_.count_calls("start "), 1u);
    EXPECT_THAT(engine_.find("shop-web-1-1")->signals, ElementsAre("SIGUSR1"));
}

TEST_F(fake, a_run_that_ends_by_itself_tells_those_who_wait)
{
    engine_.on_start = [](const fake_container&) { return fake_run{.exits_after = 5s, .exit_code = 3}; };
    auto& events = follow();
    const auto id = run("a");
    std::optional<base::result<int>> code;
    const auto wait = [](fake_engine& engine, model::container_id which, runtime::time_point deadline,
                          std::optional<base::result<int>>& to) -> asio::awaitable<void> {
        to = co_await engine.wait(which, deadline);
    };
    sim_.start(wait(engine_, id, soon(), code));
    sim_.clock.advance(4999ms);
    EXPECT_FALSE(code);
    sim_.clock.advance(1ms);
    ASSERT_TRUE(code && *code);
    EXPECT_EQ(**code, 3);
    EXPECT_THAT(events.actions, ElementsAre("a create", "a start", "a die"));
}

TEST_F(fake, its_exits_are_seen_without_anybody_waiting)
{
    engine_.on_start = [](const fake_container&) { return fake_run{.exits_after = 5s, .oom_killed = true}; };
    run("a");
    sim_.clock.advance(7s);
    const auto& details = engine_.find("a")->details;
    EXPECT_EQ(details.status, container_status::exited);
    EXPECT_EQ(details.exit_code, 137);
    EXPECT_TRUE(details.oom_killed);
    EXPECT_EQ(sim_.clock.wall_now() - details.finished_at, 2s);
}

TEST_F(fake, stop_takes_as_long_as_the_container_and_no_longer_than_the_grace)
{
    engine_.on_start = [](const fake_container& which) {
        return fake_run{.stop_takes = which.details.name == "slow" ? 30s : 2s, .stop_exit_code = 143};
    };
    const auto quick = run("quick");
    const auto slow = run("slow");
    EXPECT_FALSE(sim_.outcome_after(1999ms, engine_.stop(quick, 10s, soon())));
    sim_.clock.advance(1ms);
    EXPECT_EQ(engine_.find("quick")->details.exit_code, 143);
    const auto stopped = sim_.outcome_after(10s, engine_.stop(slow, 10s, soon()));
    ASSERT_TRUE(stopped && *stopped);
    EXPECT_EQ(engine_.find("slow")->details.exit_code, 137);
    EXPECT_THAT(engine_.find("slow")->signals, ElementsAre("SIGTERM", "SIGKILL"));
}

TEST_F(fake, a_container_that_ends_by_itself_during_its_stop_keeps_its_exit_code)
{
    engine_.on_start = [](const fake_container&) {
        return fake_run{.exits_after = 3s, .exit_code = 9, .stop_takes = 5s};
    };
    auto& events = follow();
    const auto id = run("a");
    const auto stopped = sim_.outcome_after(3s, engine_.stop(id, 10s, soon()));
    ASSERT_TRUE(stopped && *stopped);
    EXPECT_EQ(engine_.find("a")->details.exit_code, 9);
    EXPECT_THAT(events.actions, ElementsAre("a create", "a start", "a kill", "a die", "a stop"));
}

TEST_F(fake, a_stop_goes_on_when_its_caller_has_given_up)
{
    engine_.on_start = [](const fake_container&) { return fake_run{.stop_takes = 5s}; };
    const auto id = run("a");
    const auto given_up = sim_.outcome_after(2s, engine_.stop(id, 10s, sim_.clock.now() + 1s));
    ASSERT_TRUE(given_up);
    EXPECT_EQ(given_up->error(), errc::timed_out);
    EXPECT_TRUE(engine_.find("a")->is_running());
    sim_.clock.advance(3s);
    EXPECT_FALSE(engine_.find("a")->is_running());
}

TEST_F(fake, an_answer_that_comes_too_late_has_had_its_effect)
{
    engine_.latency["create"] = 5s;
    create_request what;
    what.name = "a";
    what.image = image_1;
    const auto late = sim_.outcome_after(1s, engine_.create(what, sim_.clock.now() + 1s));
    ASSERT_TRUE(late);
    EXPECT_EQ(late->error(), errc::timed_out);
    EXPECT_NE(engine_.find("a"), nullptr);
    what.name = "b";
    EXPECT_FALSE(sim_.outcome_after(4999ms, engine_.create(what, soon())));
    sim_.clock.advance(1ms);
}

TEST_F(fake, away_it_refuses_every_call_and_ends_those_under_way)
{
    const auto id = run("a");
    auto& events = follow();
    engine_.latency["inspect"] = 5s;
    std::optional<base::result<container_details>> inspected;
    const auto inspect = [](fake_engine& engine, model::container_id which, runtime::time_point deadline,
                             std::optional<base::result<container_details>>& to) -> asio::awaitable<void> {
        to = co_await engine.inspect(which, deadline);
    };
    sim_.start(inspect(engine_, id, soon(), inspected));
    sim_.clock.settle();
    engine_.set_reachable(false);
    sim_.clock.settle();
    ASSERT_TRUE(events.end && inspected);
    EXPECT_EQ(*events.end, errc::unavailable);
    EXPECT_EQ(inspected->error(), errc::unavailable);
    const auto refused = now(engine_.list({}, soon()));
    EXPECT_EQ(refused.error().context(), "docker list: connect /var/run/docker.sock: connection refused");

    engine_.die(id, 5);  // while it is away: nobody is told
    engine_.set_reachable(true);
    auto& later = follow(0);
    EXPECT_EQ(later.connections, 1);
    EXPECT_THAT(later.actions, ElementsAre("a create", "a start"));
    EXPECT_EQ(engine_.find("a")->details.exit_code, 5);
}

TEST_F(fake, restarted_without_live_restore_it_kills_what_ran)
{
    run("a");
    create("b");
    auto& events = follow();
    engine_.restart();
    sim_.clock.settle();
    EXPECT_TRUE(events.end);
    EXPECT_TRUE(events.actions.empty());
    EXPECT_EQ(engine_.find("a")->details.status, container_status::exited);
    EXPECT_EQ(engine_.find("b")->details.status, container_status::created);

    EXPECT_TRUE(now(engine_.start(engine_.find("a")->details.id, soon())));
    engine_.live_restore = true;
    engine_.restart();
    EXPECT_TRUE(engine_.find("a")->is_running());
    EXPECT_EQ(engine_.find("a")->starts, 2);
}

TEST_F(fake, events_can_be_lost_and_doubled_and_read_again)
{
    engine_.event_copies = [](const container_event& event) {
        return event.action == "start" ? 0 : event.action == "die" ? 2 : 1;
    };
    auto& events = follow();
    const auto start_of_time = sim_.clock.wall_now();
    sim_.clock.advance(1s);
    const auto id = run("a");
    engine_.die(id, 0);
    sim_.clock.settle();
    EXPECT_THAT(events.actions, ElementsAre("a create", "a die", "a die"));
    auto& again = follow(std::chrono::nanoseconds(start_of_time.time_since_epoch() + 1s).count());
    EXPECT_THAT(again.actions, ElementsAre("a create", "a start", "a die"));
}

TEST_F(fake, events_of_other_containers_are_not_told)
{
    auto& events = follow();
    create_request what;
    what.name = "other";
    what.image = image_1;
    EXPECT_TRUE(now(engine_.create(what, soon())));
    EXPECT_TRUE(events.actions.empty());
}

TEST_F(fake, pull_brings_what_the_registry_has)
{
    const model::image_id image_2("sha256:2222");
    engine_.publish("web:1", image_2);
    engine_.latency["pull"] = 3s;
    std::vector<std::string> lines;
    const auto keep = [&lines](std::string line) { lines.push_back(std::move(line)); };
    EXPECT_FALSE(sim_.outcome_after(2s, engine_.pull("web:1", keep, soon())));
    EXPECT_EQ(now(engine_.inspect_image("web:1", soon()))->id, image_1);
    sim_.clock.advance(1s);
    EXPECT_EQ(now(engine_.inspect_image("web:1", soon()))->id, image_2);
    EXPECT_EQ(lines.size(), 2u);
    // The old image is there by its id, for the way back.
    EXPECT_TRUE(now(engine_.inspect_image("sha256:1111", soon()))->repo_tags.empty());

    EXPECT_EQ(sim_.outcome_after(3s, engine_.pull("nope:1", {}, soon()))->error(), errc::not_found);
    engine_.registry_error = base::error(errc::unavailable, "no such host");
    EXPECT_EQ(sim_.outcome_after(3s, engine_.pull("web:1", {}, soon()))->error(), errc::unavailable);
}

TEST_F(fake, a_call_can_be_made_to_fail)
{
    engine_.on_call = [](const std::string& call) -> std::optional<base::error> {
        if (call == "create a")
            return base::error(errc::rejected, "disk full");
        return std::nullopt;
    };
    create_request what;
    what.name = "a";
    what.image = image_1;
    EXPECT_EQ(now(engine_.create(what, soon())).error(), errc::rejected);
    EXPECT_EQ(engine_.find("a"), nullptr);
}

TEST_F(fake, gives_the_last_lines_of_a_log)
{
    engine_.on_start = [](const fake_container&) { return fake_run{.log = {"one", "two"}}; };
    const auto id = run("a");
    engine_.write_log(id, "three");
    EXPECT_THAT(now(engine_.logs(id, 2, soon())).value(), ElementsAre("two", "three"));
    EXPECT_THAT(now(engine_.logs(id, 9, soon())).value(), ElementsAre("one", "two", "three"));
    engine_.oom(id);
    EXPECT_TRUE(now(engine_.inspect(id, soon()))->oom_killed);
}

TEST_F(fake, tells_who_waits_for_a_container_that_is_removed_how_it_ended)
{
    const auto id = run("a");
    std::optional<base::result<int>> code;
    const auto wait = [](fake_engine& engine, model::container_id which, runtime::time_point deadline,
                          std::optional<base::result<int>>& to) -> asio::awaitable<void> {
        to = co_await engine.wait(which, deadline);
    };
    sim_.start(wait(engine_, id, soon(), code));
    sim_.clock.settle();
    EXPECT_TRUE(now(engine_.remove(id, true, soon())));
    ASSERT_TRUE(code && *code);
    EXPECT_EQ(**code, 137);
}

}  // namespace
}  // namespace gantryd::docker
