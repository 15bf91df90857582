#pragma once
#include "common/settings.hpp"

#include <gantryd/base/error.hpp>
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <string>

namespace gantryd::app {

/// Runs one command's coroutine on a loop of its own until it ends. SIGINT and SIGTERM cancel it.
/// An exception becomes one line on stderr and exit_code::refused. So does output that cannot be written,
/// other than into a pipe that nobody reads any more. Being cancelled is the end of the work when
/// `if_stopped` is empty; else that is said, and the command is refused.
exit_code run_session(
    std::function<boost::asio::awaitable<exit_code>(runtime::clock&)> command, const std::string& if_stopped);

/// "<program>: <sentence>" on stderr; exit_code::refused, or timed_out for that.
exit_code refuse(const base::error& why);
exit_code refuse(const std::string& why);

}  // namespace gantryd::app
