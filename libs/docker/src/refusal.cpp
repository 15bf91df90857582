#include "refusal.hpp"
#include "decode.hpp"

#include <algorithm>
#include <initializer_list>

namespace gantryd::docker {
namespace {

bool says_one_of(std::string_view message, std::initializer_list<std::string_view> phrases)
{
    std::string lower(message);
    std::ranges::transform(
        lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    return std::ranges::any_of(phrases, [&](std::string_view phrase) { return lower.contains(phrase); });
}

/// The engine is there, but what it stands on (containerd, its own shutdown) is not.
bool says_engine_in_trouble(std::string_view message)
{
    return says_one_of(
        message, {"containerd.sock", "transport is closing", "code = unavailable", "error while dialing",
                     "daemon is shutting down", "context deadline exceeded", "context canceled"});
}

base::errc classify_server_error(std::string_view message)
{
    if (says_engine_in_trouble(message))
        return base::errc::unavailable;
    if (says_one_of(message, {"no such image", "no such container", "no such exec instance"}))
        return base::errc::not_found;
    if (says_one_of(message, {"is not running", "is already in use by container", "removal of container"}))
        return base::errc::conflict;
    return base::errc::rejected;
}

base::errc classify(int status, std::string_view message)
{
    switch (status) {
    case 404: return base::errc::not_found;
    case 409: return base::errc::conflict;
    case 408:
    case 429:
    case 502:
    case 503:
    case 504: return base::errc::unavailable;
    case 500: return classify_server_error(message);
    default: return base::errc::rejected;
    }
}

base::errc classify_pull(int status, std::string_view message)
{
    if (says_one_of(message,
            {"unauthorized", "no basic auth credentials", "authentication required",
                "incorrect username or password", "x509:", "http response to https client",
                "invalid reference", "invalid repository name", "cannot specify 64-byte", "no space left"}))
        return base::errc::rejected;
    if (says_one_of(message, {"no such host", "server misbehaving"}))
        return base::errc::unavailable;
    if (says_one_of(message, {"manifest unknown", "name unknown", "not found", "repository does not exist",
                                 "no matching manifest"}))
        return base::errc::not_found;
    if (says_one_of(message, {"denied", "forbidden"}))
        return base::errc::rejected;
    if (status == 404)
        return base::errc::not_found;
    const bool asked_wrongly = status >= 400 && status < 500 && status != 408 && status != 429;
    return asked_wrongly ? base::errc::rejected : base::errc::unavailable;
}

}  // namespace

base::error as_error(int status, std::string_view body)
{
    auto message = decode_refusal(body);
    const auto code = classify(status, message);
    if (message.empty())
        message = "the engine answered " + std::to_string(status) + " without a reason";
    return base::error(code, std::move(message));
}

base::error as_pull_error(int status, std::string message)
{
    const auto code = classify_pull(status, message);
    if (message.empty())
        message = "the engine answered " + std::to_string(status) + " without a reason";
    return base::error(code, std::move(message));
}

bool says_not_running(const base::error& why)
{
    return why == base::errc::conflict && says_one_of(why.context(), {"is not running"});
}

bool says_removal_in_progress(const base::error& why)
{
    return why == base::errc::conflict && says_one_of(why.context(), {"is already in progress"});
}

}  // namespace gantryd::docker
