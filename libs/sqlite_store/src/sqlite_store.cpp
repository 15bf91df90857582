#include <gantryd/sqlite_store/sqlite_store.hpp>

#include "core.hpp"

#include <gantryd/store/rules.hpp>
#include <gantryd/store/words.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <fstream>
#include <thread>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace gantryd::sqlite_store {
namespace {

using base::result;
using runtime::time_point;
using namespace store::words;

/// How long a watcher trusts that it is told: a writer may die between its commit and its announcement.
constexpr auto longest_trust = 2s;

/// How long a watcher puts up with a lock before it says so.
constexpr auto longest_lock = 30s;

class file_watcher final : public watcher {
public:
    file_watcher(std::shared_ptr<core> of, std::string prefix, revision after)
        : core_(std::move(of)),
          prefix_(std::move(prefix)),
          position_(after)
    {
    }

    asio::awaitable<result<std::vector<change>>> next() override
    {
        const auto shared = core_;  // a frame that the loop destroys may outlive the store
        runtime::dirty_flag changed(co_await asio::this_coro::executor);
        core::listener listening(*shared, changed);
        std::function<result<look>(tables&, time_point)> read = [this](tables& data, time_point) {
            return data.changes(prefix_, position_);
        };
        for (;;) {
            listening.arm();
            auto found = co_await shared->perform<look>("watch", shared->clock().now() + longest_lock, read);
            if (!found && found.error() == base::errc::timed_out)
                co_return base::fail(base::errc::unavailable, found.error().context());
            if (!found)
                co_return std::unexpected(found.error());
            position_ = found->at;
            if (!found->changes.empty())
                co_return std::move(found->changes);
            auto until = shared->clock().now() + longest_trust;
            if (found->lease_ends)
                until = std::min(until, *found->lease_ends);
            co_await shared->wait_for_change(changed, until);
        }
    }

private:
    std::shared_ptr<core> core_;
    std::string prefix_;
    revision position_;
};

class file_store final : public store::store {
public:
    explicit file_store(std::shared_ptr<core> of) : core_(std::move(of)) {}

    asio::awaitable<result<std::optional<key_value>>> get(std::string key, time_point deadline) override
    {
        using found = std::optional<key_value>;
        std::function<result<found>(tables&, time_point)> read = [&](tables& data, time_point) {
            return data.get(key);
        };
        co_return co_await core_->perform<found>("get " + key, deadline, std::move(read));
    }

    asio::awaitable<result<snapshot>> list(std::string prefix, time_point deadline) override
    {
        std::function<result<snapshot>(tables&, time_point)> read = [&](tables& data, time_point) {
            return data.list(prefix);
        };
        co_return co_await core_->perform<snapshot>("list " + prefix, deadline, std::move(read));
    }

    asio::awaitable<result<revision>> commit(transaction what, time_point deadline) override
    {
        const auto valid = gantryd::store::validate(what);
        if (!valid)
            co_return std::unexpected(valid.error());
        std::function<result<revision>(tables&, time_point)> write = [&](tables& data, time_point) {
            auto done = data.commit(what);
            if (done && !what.operations.empty())
                core_->announce();
            return done;
        };
        co_return co_await core_->perform<revision>("commit", deadline, std::move(write));
    }

    std::unique_ptr<watcher> watch(std::string prefix, revision after) override
    {
        return std::make_unique<file_watcher>(core_, std::move(prefix), after);
    }

    asio::awaitable<result<lease_id>> grant(std::chrono::seconds ttl, time_point deadline) override
    {
        const auto valid = gantryd::store::validate(ttl);
        if (!valid)
            co_return std::unexpected(valid.error());
        std::function<result<lease_id>(tables&, time_point)> write = [&](tables& data, time_point now) {
            const auto made = data.grant(ttl, now);
            core_->announce();  // a watcher may have to look earlier now
            return made;
        };
        co_return co_await core_->perform<lease_id>("grant a lease", deadline, std::move(write));
    }

    asio::awaitable<result<void>> keep_alive(lease_id lease, time_point deadline) override
    {
        std::function<result<bool>(tables&, time_point)> write = [&](tables& data, time_point now) {
            return data.keep_alive(lease, now);
        };
        const auto found = co_await core_->perform<bool>("keep a lease alive", deadline, std::move(write));
        co_return must_exist(found);
    }

    asio::awaitable<result<void>> revoke(lease_id lease, time_point deadline) override
    {
        std::function<result<bool>(tables&, time_point)> write = [&](tables& data, time_point) {
            const bool found = data.revoke(lease);
            if (found)
                core_->announce();
            return found;
        };
        const auto found = co_await core_->perform<bool>("revoke a lease", deadline, std::move(write));
        co_return must_exist(found);
    }

private:
    static result<void> must_exist(const result<bool>& found)
    {
        if (!found)
            return std::unexpected(found.error());
        if (!*found)
            return base::fail(base::errc::not_found, "the lease has ended");
        return {};
    }

    std::shared_ptr<core> core_;
};

/// A number of the machine's present run: after the next start monotonic time begins anew.
result<std::string> boot_id()
{
    constexpr auto path = "/proc/sys/kernel/random/boot_id";
    std::ifstream file(path);
    std::string id;
    if (!std::getline(file, id) || id.empty())
        return base::fail(base::errc::unavailable, std::string("cannot read ") + path);
    return id;
}

}  // namespace

result<std::unique_ptr<store::store>> open(options what, runtime::clock& clk)
{
    auto boot = boot_id();
    if (!boot)
        return std::unexpected(boot.error());
    auto path = prepare_file(what);
    if (!path)
        return std::unexpected(path.error());
    const auto opened = std::make_shared<core>(std::move(what), *path, std::move(*boot), clk);

    // Others hold a lock for milliseconds, while they make the file or recover it. There is no loop to wait
    // on.
    constexpr int attempts = 200;
    for (int i = 0; i < attempts; ++i) {
        const auto connected = opened->connect();
        if (connected && *connected)
            return std::make_unique<file_store>(opened);
        if (connected && connected->error() == base::errc::malformed)
            return base::fail(base::errc::rejected, connected->error().context());
        if (connected)
            return std::unexpected(connected->error());
        std::this_thread::sleep_for(10ms);
    }
    return base::fail(base::errc::unavailable, "store file " + *path + " is locked by another process");
}

}  // namespace gantryd::sqlite_store
