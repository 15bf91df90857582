#include "common/session.hpp"

#include <gantryd/base/text.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/system/system_error.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>

#include <sys/stat.h>

namespace asio = boost::asio;

namespace gantryd::app {

exit_code refuse(const std::string& why)
{
    std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, base::printable(why).c_str());
    return exit_code::refused;
}

exit_code refuse(const base::error& why)
{
    refuse(why.context());
    return why == base::errc::timed_out ? exit_code::timed_out : exit_code::refused;
}

exit_code run_session(
    std::function<asio::awaitable<exit_code>(runtime::clock&)> command, exit_code when_stopped)
{
    ::umask(S_IRWXG | S_IRWXO);     // whatever we and HAProxy make is for this user alone
    std::signal(SIGPIPE, SIG_IGN);  // NOLINT: a peer that goes away is an error value, not our end
    asio::io_context loop(1);
    const auto clk = runtime::make_system_clock();
    asio::cancellation_signal stop;
    asio::signal_set signals(loop, SIGINT, SIGTERM);
    signals.async_wait([&](const boost::system::error_code& ec, int) {
        if (!ec)
            stop.emit(asio::cancellation_type::terminal);
    });
    exit_code code = exit_code::refused;
    std::exception_ptr failure;
    auto done = [&](std::exception_ptr why, exit_code result) {
        failure = why;
        code = result;
        signals.cancel();
    };
    asio::co_spawn(loop, command(*clk), asio::bind_cancellation_slot(stop.slot(), done));
    loop.run();  // returns when the command and everything it spawned are gone
    if (!failure)
        return code;
    try {
        std::rethrow_exception(failure);
    } catch (const boost::system::system_error& e) {
        return e.code() == asio::error::operation_aborted ? when_stopped : refuse(std::string(e.what()));
    } catch (const std::exception& e) {
        return refuse(std::string(e.what()));
    }
}

}  // namespace gantryd::app
