#pragma once
#include "redirect.hpp"

#include <gantryd/health/prober.hpp>
#include <gantryd/http/dial.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace gantryd::health {

struct http_question {
    std::string method;  ///< a GET follows redirects
    std::string address;
    std::uint16_t port = 0;
    http_place place;
    model::milliseconds timeout{};
};

/// Passes on 2xx. `tls` is used for https only.
/// Cancellation: terminal.
boost::asio::awaitable<probe_result> ask(
    runtime::clock& clk, std::shared_ptr<http::tls_context> tls, http_question what);

/// "connection refused" of "connect 10.0.0.2:80: connection refused"; "no answer within 2s" of what was late.
std::string answer_of(const base::error& why, const std::string& authority, model::milliseconds timeout);

/// "10.0.0.2:80", "[fd00::2]:80".
std::string authority_of(const std::string& address, std::uint16_t port);

}  // namespace gantryd::health
