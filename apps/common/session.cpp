#include "common/session.hpp"

#include "common/output.hpp"

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

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace asio = boost::asio;

namespace gantryd::app {
namespace {

/// Else the store or a socket would get the number of one that is closed, and what we say would go there.
void open_standard_streams()
{
    int fd = STDIN_FILENO;
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = ::open("/dev/null", O_RDWR);  // NOLINT: HAProxy gets them as they are
    if (fd > STDERR_FILENO)
        ::close(fd);
}

exit_code with_output(exit_code code)
{
    const auto problem = output_problem();
    if (code != exit_code::done || !problem || problem == std::errc::broken_pipe)
        return code;
    return refuse("stdout: " + problem.message());
}

}  // namespace

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
    std::function<asio::awaitable<exit_code>(runtime::clock&)> command, const std::string& if_stopped)
{
    open_standard_streams();
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
        return with_output(code);
    try {
        std::rethrow_exception(failure);
    } catch (const boost::system::system_error& e) {
        if (e.code() != asio::error::operation_aborted)
            return refuse(std::string(e.what()));
        return if_stopped.empty() ? exit_code::done : refuse(if_stopped);
    } catch (const std::exception& e) {
        return refuse(std::string(e.what()));
    }
}

}  // namespace gantryd::app
