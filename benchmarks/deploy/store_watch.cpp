#include "measures.hpp"

#include <gantryd/control/overview.hpp>
#include <gantryd/sqlite_store/sqlite_store.hpp>

#include <SQLiteCpp/Database.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <stdexcept>

namespace gantryd::benchmark {
namespace {

using namespace std::chrono_literals;

/// Sets the component to stopped and to ready in turn, as `stop` and `update` do, and waits for the daemon's
/// word each time. Only the commit itself is timed, not the reading before it.
boost::asio::awaitable<void> commit(
    store::store& to, runtime::clock& clk, model::project_name project, bool stop)
{
    std::vector<model::component_name> components{model::component_name("watched")};
    const auto intent = stop ? model::intent::stopped : model::intent::killed;
    auto done =
        co_await control::set_intent(to, std::move(project), std::move(components), intent, clk.now() + 5s);
    if (!done)
        throw std::runtime_error(done.error().context());
}

void run(boost::asio::awaitable<void> what)
{
    boost::asio::io_context loop(1);
    std::exception_ptr failure;
    boost::asio::co_spawn(loop, std::move(what), [&](std::exception_ptr why) { failure = why; });
    loop.run();
    if (failure)
        std::rethrow_exception(failure);
}

std::size_t lines_about(const std::string& log, const std::string& text)
{
    std::size_t count = 0;
    for (auto at = log.find(text); at != std::string::npos; at = log.find(text, at + 1))
        ++count;
    return count;
}

double bare_commit(SQLite::Database& db, int value)
{
    const auto begin = clock::now();
    db.exec("INSERT INTO t VALUES (" + std::to_string(value) + ")");
    return milliseconds(clock::now() - begin).count();
}

}  // namespace

watch_times measure_watch(const scene& of, int rounds)
{
    const auto clk = runtime::make_system_clock();
    auto opened = sqlite_store::open({of.store_path()}, *clk);
    if (!opened)
        throw std::runtime_error(opened.error().context());
    const auto bare_path = of.store_path() + ".bare";
    SQLite::Database bare(bare_path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    bare.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (x)");

    watch_times out;
    const std::string line = "desired changed component=watched";
    for (int i = 0; i < rounds; ++i) {
        out.commit_ms.push_back(bare_commit(bare, i));
        const auto before = lines_about(of.daemon_log(), line);
        const auto begin = clock::now();
        run(commit(**opened, *clk, model::project_name(of.project()), i % 2 == 0));
        while (lines_about(of.daemon_log(), line) == before)
            if (clock::now() - begin > 10s)
                throw std::runtime_error("the daemon did not see the commit within 10 seconds");
        out.seen_ms.push_back(milliseconds(clock::now() - begin).count());
    }
    return out;
}

}  // namespace gantryd::benchmark
