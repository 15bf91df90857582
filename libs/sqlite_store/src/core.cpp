#include "core.hpp"

#include <gantryd/runtime/with_deadline.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

namespace asio = boost::asio;

namespace gantryd::sqlite_store {

/// The signal's descriptor on the loop of those who wait for it now: no longer, because the store may outlive
/// the loop.
struct core::shared_descriptor {
    shared_descriptor(const asio::any_io_executor& ex, int fd) : stream(ex)
    {
        boost::system::error_code ec;
        stream.assign(fd, ec);
    }
    shared_descriptor(const shared_descriptor&) = delete;
    shared_descriptor& operator=(const shared_descriptor&) = delete;
    ~shared_descriptor()
    {
        if (stream.is_open())
            (void)stream.release();  // it belongs to the signal
    }
    asio::posix::stream_descriptor stream;
};

core::core(options what, std::string path, std::string boot, runtime::clock& clk)
    : options_(std::move(what)),
      path_(std::move(path)),
      boot_(std::move(boot)),
      clock_(clk),
      random_(std::random_device()()),
      signal_(path_ + "-changed")
{
}

void core::disconnect()
{
    tables_.reset();
    db_.reset();
}

std::optional<base::result<void>> core::connect()
{
    const auto there = identity_of(path_);
    if (db_ && there == connected_to_)
        return base::result<void>();
    disconnect();  // removed, or replaced by a backup: writes to the old file would be lost
    if (!there)
        return base::fail(base::errc::not_found, "store file " + path_ + " does not exist");
    auto made = sqlite_store::connect(path_, options_.commits);
    if (!made)
        return std::nullopt;
    if (!*made)
        return std::unexpected(made->error());
    db_ = std::move(**made);
    connected_to_ = there;
    try {
        tables_.emplace(*db_, boot_, options_);
    } catch (const SQLite::Exception& why) {
        disconnect();
        if (is_busy(why))
            return std::nullopt;
        return std::unexpected(error_of(path_, why));
    }
    return base::result<void>();
}

/// A disk without room must not keep anybody from reading: leases are ended when there is room again.
void core::expire_leases(runtime::time_point now)
{
    try {
        if (tables_->expire(now))
            announce();
    } catch (const SQLite::Exception& why) {
        if (!is_full(why))
            throw;
    }
}

base::result<void> core::attempt(const std::function<void(tables&)>& act, runtime::time_point now)
{
    const auto connected = connect();
    if (!connected)
        return {};
    if (!*connected) {
        const auto& why = connected->error();
        const auto code = why == base::errc::malformed ? base::errc::malformed : base::errc::unavailable;
        return base::fail(code, why.context());
    }
    try {
        expire_leases(now);
        act(*tables_);
    } catch (const SQLite::Exception& why) {
        const auto failure = error_of(path_, why);
        const bool busy = is_busy(why);
        if (spoils_connection(why))
            disconnect();
        if (!busy)
            return std::unexpected(failure);
    }
    return {};
}

base::error core::too_late(const std::string& what, bool tried) const
{
    return {base::errc::timed_out, what + ": store file " + path_ +
                                       (tried ? " is locked by another process"
                                              : " was not asked: the deadline had passed before the call")};
}

void core::announce()
{
    signal_.announce();
    if (hears_others_)
        signal_.drain();  // our own voice; whoever else spoke is heard by the look that follows
    wake();
}

void core::wake()
{
    for (auto* changed : listeners_)
        changed->set();
}

std::shared_ptr<core::shared_descriptor> core::descriptor(const asio::any_io_executor& ex)
{
    if (!hears_others_)
        return nullptr;
    auto shared = descriptor_.lock();
    if (!shared) {
        shared = std::make_shared<shared_descriptor>(ex, signal_.descriptor());
        descriptor_ = shared;
    }
    return shared->stream.is_open() ? shared : nullptr;
}

asio::awaitable<void> core::hear_others(std::shared_ptr<shared_descriptor> from)
{
    const auto [ec] = co_await from->stream.async_wait(
        asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
    if (ec)
        throw boost::system::system_error(ec);  // cancelled; nothing else can end this wait
    signal_.drain();
    wake();  // all of them: there is one descriptor, and it is empty now
}

asio::awaitable<base::result<bool>> core::hear(runtime::dirty_flag& changed)
{
    const auto ex = co_await asio::this_coro::executor;
    auto from = descriptor(ex);
    if (!from) {
        co_await changed.wait();
        co_return true;
    }
    auto group = asio::experimental::make_parallel_group(asio::co_spawn(ex, changed.wait(), asio::deferred),
        asio::co_spawn(ex, hear_others(std::move(from)), asio::deferred));
    const auto [order, own_error, other_error] =
        co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    const auto& first_error = order[0] == 0 ? own_error : other_error;
    if (first_error)
        std::rethrow_exception(first_error);
    co_return true;
}

asio::awaitable<void> core::wait_for_change(runtime::dirty_flag& changed, runtime::time_point until)
{
    const auto self = shared_from_this();
    (void)co_await runtime::with_deadline(clock_, until, "", hear(changed));
}

}  // namespace gantryd::sqlite_store
