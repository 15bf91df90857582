#pragma once
#include <gantryd/base/log.hpp>

#include <memory>
#include <string_view>

namespace gantryd::app {

/// Log lines on stderr: "2026-11-21T03:14:19.123Z info  instance ready component=web", or one JSON object
/// each.
std::unique_ptr<base::log_sink> make_stderr_sink(std::string_view format);

}  // namespace gantryd::app
