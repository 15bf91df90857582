#pragma once
#include <gantryd/base/error.hpp>

#include <boost/system/error_code.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace gantryd::http {

/// strerror's text as the end of a sentence: "connection refused".
std::string reason_of(const boost::system::error_code& why);

/// "127.0.0.1:80", "[::1]:80", "localhost:80".
std::string place_of(std::string_view host, std::uint16_t port);

/// Cancellation is not an error value: throws system_error when `ec` says that we were cancelled.
void throw_if_cancelled(const boost::system::error_code& ec);

}  // namespace gantryd::http
