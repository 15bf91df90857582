#include "engine_contract.hpp"

#include <gantryd/runtime/dirty_flag.hpp>
#include <gantryd/runtime/task_scope.hpp>

#include <boost/asio/this_coro.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace asio = boost::asio;

namespace gantryd::docker {
namespace {

using base::errc;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::chrono::system_clock::time_point never{};

/// True when it is a failure of that kind; says what it is when it is not.
template <class T>
bool failed_with(const base::result<T>& got, errc code)
{
    EXPECT_FALSE(got) << "it succeeded";
    if (got)
        return false;
    EXPECT_EQ(got.error(), code) << got.error().context();
    return got.error() == code;
}

template <class T>
bool succeeded(const base::result<T>& got)
{
    EXPECT_TRUE(got) << got.error().context();
    return got.has_value();
}

create_request request_for(
    const contract_subject& on, std::string name, std::vector<std::string> command = {})
{
    create_request what;
    what.name = on.prefix + "-" + name;
    what.image = on.image;
    what.command = std::move(command);
    what.labels = {{"contract", on.prefix}, {"case", std::move(name)}};
    return what;
}

runtime::time_point soon(const contract_subject& on) { return on.clk.now() + 30s; }

/// Creates and starts; an empty id when that fails.
asio::awaitable<model::container_id> start_new(
    contract_subject on, std::string name, std::vector<std::string> command)
{
    auto made = co_await on.tested.create(request_for(on, std::move(name), std::move(command)), soon(on));
    if (!succeeded(made))
        co_return model::container_id();
    const auto started = co_await on.tested.start(*made, soon(on));
    EXPECT_TRUE(started) << started.error().context();
    co_return *made;
}

/// The actions of the containers of one case, as an event stream tells them.
class recorder {
public:
    recorder(contract_subject on, asio::any_io_executor ex, std::string name)
        : connected_(ex),
          tasks_(ex),
          on_(std::move(on))
    {
        tasks_.spawn("follow", follow(std::move(name)));
    }
    asio::awaitable<void> connected() { co_await connected_.wait(); }
    asio::awaitable<void> until(std::string action)
    {
        const auto deadline = soon(on_);
        while ((actions_.empty() || actions_.back() != action) && on_.clk.now() < deadline)
            co_await on_.clk.sleep_until(on_.clk.now() + 5ms);
        tasks_.stop();
        co_await tasks_.join();
    }
    const std::vector<std::string>& actions() const { return actions_; }

private:
    asio::awaitable<void> follow(std::string name)
    {
        labels wanted{{"contract", on_.prefix}, {"case", std::move(name)}};
        const auto why = co_await on_.tested.follow_events(
            wanted, std::nullopt, [this] { connected_.set(); },
            [this](container_event event) { keep(event); });
        ADD_FAILURE() << why.context();
    }
    void keep(const container_event& event)
    {
        EXPECT_EQ(event.attributes.at("contract"), on_.prefix);
        EXPECT_GT(event.time_nanoseconds, 0);
        auto action = event.action;
        if (const auto code = event.attributes.find("exitCode"); code != event.attributes.end())
            action += " " + code->second;
        if (const auto signal = event.attributes.find("signal"); signal != event.attributes.end())
            action += " " + signal->second;
        actions_.push_back(action);
    }

    runtime::dirty_flag connected_;
    runtime::task_scope tasks_;
    contract_subject on_;
    std::vector<std::string> actions_;
};

}  // namespace

asio::awaitable<bool> check_unknown_things(contract_subject on)
{
    auto& engine = on.tested;
    const model::container_id nobody(on.prefix + "-nobody");
    const auto inspected = co_await engine.inspect(nobody, soon(on));
    failed_with(inspected, errc::not_found);
    const auto started = co_await engine.start(nobody, soon(on));
    failed_with(started, errc::not_found);
    const auto stopped = co_await engine.stop(nobody, 1s, soon(on));
    failed_with(stopped, errc::not_found);
    const auto killed = co_await engine.kill(nobody, "SIGTERM", soon(on));
    failed_with(killed, errc::not_found);
    const auto waited = co_await engine.wait(nobody, soon(on));
    failed_with(waited, errc::not_found);
    const auto logs = co_await engine.logs(nobody, 10, soon(on));
    failed_with(logs, errc::not_found);
    std::vector<std::string> command{"/prog", "say", "hi"};
    const auto executed = co_await engine.exec(nobody, command, soon(on));
    failed_with(executed, errc::not_found);
    const auto removed = co_await engine.remove(nobody, false, soon(on));
    succeeded(removed);
    const auto image = co_await engine.inspect_image(on.prefix + "-no-image:1", soon(on));
    failed_with(image, errc::not_found);

    auto request = request_for(on, "no-image");
    request.image = model::image_id(on.prefix + "-no-image:1");
    const auto made = co_await engine.create(request, soon(on));
    if (failed_with(made, errc::not_found))
        EXPECT_THAT(made.error().context(), HasSubstr("docker create " + request.name + ": No such image"));
    co_return true;
}

asio::awaitable<bool> check_one_life(contract_subject on)
{
    auto& engine = on.tested;
    recorder events(on, co_await asio::this_coro::executor, "life");
    co_await events.connected();
    const auto request = request_for(on, "life");
    const auto made = co_await engine.create(request, soon(on));
    if (!succeeded(made))
        co_return false;
    const auto& id = *made;
    const auto taken = co_await engine.create(request, soon(on));
    failed_with(taken, errc::conflict);

    const auto created = co_await engine.inspect(id, soon(on));
    if (succeeded(created)) {
        EXPECT_EQ(created->id, id);
        EXPECT_EQ(created->name, request.name);
        EXPECT_EQ(created->image, on.image);
        EXPECT_EQ(created->labels, request.labels);
        EXPECT_EQ(created->status, container_status::created);
        EXPECT_EQ(created->pid, 0);
        EXPECT_EQ(created->address, "");
        EXPECT_EQ(created->started_at, never);
    }
    const auto killed_early = co_await engine.kill(id, "SIGTERM", soon(on));
    succeeded(killed_early);
    const auto stopped_early = co_await engine.stop(id, 1s, soon(on));
    succeeded(stopped_early);
    std::vector<std::string> command{"/prog", "say", "hi"};
    const auto executed_early = co_await engine.exec(id, command, soon(on));
    failed_with(executed_early, errc::conflict);

    const auto started = co_await engine.start(id, soon(on));
    succeeded(started);
    const auto again = co_await engine.start(id, soon(on));
    succeeded(again);
    const auto running = co_await engine.inspect(id, soon(on));
    if (succeeded(running)) {
        EXPECT_EQ(running->status, container_status::running);
        EXPECT_GT(running->pid, 0);
        EXPECT_NE(running->address, "");
        EXPECT_NE(running->gateway, "");
        EXPECT_GT(running->started_at, never);
        EXPECT_EQ(running->finished_at, never);
    }
    const auto executed = co_await engine.exec(id, command, soon(on));
    if (succeeded(executed))
        EXPECT_EQ(executed->exit_code, 7);
    const auto refused = co_await engine.remove(id, false, soon(on));
    failed_with(refused, errc::conflict);

    const auto stopped = co_await engine.stop(id, 10s, soon(on));
    succeeded(stopped);
    const auto exited = co_await engine.inspect(id, soon(on));
    if (succeeded(exited)) {
        EXPECT_EQ(exited->status, container_status::exited);
        EXPECT_EQ(exited->exit_code, 0);
        EXPECT_EQ(exited->pid, 0);
        EXPECT_EQ(exited->address, "");
        EXPECT_GE(exited->finished_at, exited->started_at);
    }
    const auto stopped_again = co_await engine.stop(id, 10s, soon(on));
    succeeded(stopped_again);
    const auto killed_late = co_await engine.kill(id, "SIGKILL", soon(on));
    succeeded(killed_late);
    const auto removed = co_await engine.remove(id, false, soon(on));
    succeeded(removed);
    const auto removed_again = co_await engine.remove(id, true, soon(on));
    succeeded(removed_again);
    const auto gone = co_await engine.inspect(id, soon(on));
    failed_with(gone, errc::not_found);

    co_await events.until("destroy");
    EXPECT_THAT(events.actions(), ElementsAre("create", "start", "kill 15", "die 0", "stop", "destroy"));
    co_return true;
}

asio::awaitable<bool> check_exits(contract_subject on)
{
    auto& engine = on.tested;
    const auto id = co_await start_new(on, "exits", {"/prog", "exit", "3"});
    for (int run = 0; run < 2 && !id.empty(); ++run) {
        const auto code = co_await engine.wait(id, soon(on));
        if (succeeded(code))
            EXPECT_EQ(*code, 3);
        const auto details = co_await engine.inspect(id, soon(on));
        if (succeeded(details)) {
            EXPECT_EQ(details->status, container_status::exited);
            EXPECT_EQ(details->exit_code, 3);
            EXPECT_FALSE(details->oom_killed);
        }
        const auto restarted = co_await engine.start(id, soon(on));
        succeeded(restarted);
    }
    const auto removed = co_await engine.remove(id, true, soon(on));
    co_return succeeded(removed);
}

asio::awaitable<bool> check_failed_start(contract_subject on)
{
    auto& engine = on.tested;
    const auto made = co_await engine.create(request_for(on, "bad-command", {"/nope"}), soon(on));
    if (!succeeded(made))
        co_return false;
    const auto started = co_await engine.start(*made, soon(on));
    if (failed_with(started, errc::rejected))
        EXPECT_THAT(started.error().context(), HasSubstr("/nope"));
    const auto details = co_await engine.inspect(*made, soon(on));
    if (succeeded(details)) {
        EXPECT_EQ(details->status, container_status::created);
        EXPECT_EQ(details->exit_code, 127);
        EXPECT_THAT(details->error, HasSubstr("/nope"));
    }
    const auto removed = co_await engine.remove(*made, false, soon(on));
    co_return succeeded(removed);
}

asio::awaitable<bool> check_stubborn_container(contract_subject on)
{
    auto& engine = on.tested;
    recorder events(on, co_await asio::this_coro::executor, "stubborn");
    co_await events.connected();
    const auto id = co_await start_new(on, "stubborn", {"/prog", "stubborn"});
    if (id.empty())
        co_return false;
    // Until it has told its kernel to ignore SIGTERM.
    for (bool ready = false; !ready;) {
        const auto lines = co_await engine.logs(id, 1, soon(on));
        ready = !lines || !lines->empty();
    }
    const auto before = on.clk.now();
    const auto stopped = co_await engine.stop(id, 1s, soon(on));
    succeeded(stopped);
    EXPECT_GE(on.clk.now() - before, 1s);
    const auto details = co_await engine.inspect(id, soon(on));
    if (succeeded(details))
        EXPECT_EQ(details->exit_code, 137);
    const auto removed = co_await engine.remove(id, false, soon(on));
    succeeded(removed);
    co_await events.until("destroy");
    EXPECT_THAT(
        events.actions(), ElementsAre("create", "start", "kill 15", "kill 9", "die 137", "stop", "destroy"));
    co_return true;
}

asio::awaitable<bool> check_wait(contract_subject on)
{
    auto& engine = on.tested;
    const auto id = co_await start_new(on, "wait", {});
    if (id.empty())
        co_return false;
    const auto timed_out = co_await engine.wait(id, on.clk.now() + 200ms);
    failed_with(timed_out, errc::timed_out);
    const auto killed = co_await engine.kill(id, "SIGKILL", soon(on));
    succeeded(killed);
    const auto code = co_await engine.wait(id, soon(on));
    if (succeeded(code))
        EXPECT_EQ(*code, 137);
    const auto again = co_await engine.wait(id, soon(on));
    if (succeeded(again))
        EXPECT_EQ(*again, 137);
    const auto removed = co_await engine.remove(id, true, soon(on));
    co_return succeeded(removed);
}

asio::awaitable<bool> check_list(contract_subject on)
{
    auto& engine = on.tested;
    const auto running = co_await start_new(on, "listed-1", {});
    const auto idle = co_await engine.create(request_for(on, "listed-2"), soon(on));
    if (running.empty() || !succeeded(idle))
        co_return false;
    labels wanted{{"contract", on.prefix}};
    const auto both = co_await engine.list(wanted, soon(on));
    if (succeeded(both) && both->size() == 2) {
        const auto& second = (*both)[0];  // the youngest comes first
        const auto& first = (*both)[1];
        EXPECT_EQ(first.id, running);
        EXPECT_EQ(first.name, on.prefix + "-listed-1");
        EXPECT_EQ(first.status, container_status::running);
        EXPECT_THAT(first.status_text, HasSubstr("Up "));
        EXPECT_NE(first.address, "");
        EXPECT_EQ(first.image_id, on.image);
        EXPECT_EQ(first.labels.at("case"), "listed-1");
        EXPECT_GT(first.created, never);
        EXPECT_EQ(second.id, *idle);
        EXPECT_EQ(second.status, container_status::created);
        EXPECT_EQ(second.address, "");
    } else {
        ADD_FAILURE() << "not the two containers";
    }
    wanted["case"] = "listed-2";
    const auto one = co_await engine.list(wanted, soon(on));
    if (succeeded(one))
        EXPECT_EQ(one->size(), 1u);
    wanted["case"] = "";
    const auto none = co_await engine.list(wanted, soon(on));
    if (succeeded(none))
        EXPECT_EQ(none->size(), 0u);
    const auto removed_one = co_await engine.remove(running, true, soon(on));
    succeeded(removed_one);
    const auto removed_other = co_await engine.remove(*idle, true, soon(on));
    co_return succeeded(removed_other);
}

}  // namespace gantryd::docker
