#include "refusal.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <initializer_list>

namespace json = boost::json;

namespace gantryd::etcd {
namespace {

using base::errc;

// gRPC's status codes.
constexpr int code_unknown = 2;
constexpr int code_invalid = 3;
constexpr int code_deadline = 4;
constexpr int code_not_found = 5;
constexpr int code_denied = 7;
constexpr int code_exhausted = 8;
constexpr int code_precondition = 9;
constexpr int code_out_of_range = 11;
constexpr int code_unimplemented = 12;
constexpr int code_unavailable = 14;
constexpr int code_data_loss = 15;
constexpr int code_unauthenticated = 16;

constexpr std::size_t longest_message = 300;

/// One line that is safe on a terminal, and not endless.
std::string clean(std::string_view text)
{
    std::string out(text.substr(0, longest_message));
    std::ranges::replace_if(
        out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    while (out.ends_with(' '))
        out.pop_back();
    return out;
}

bool says_one_of(std::string_view message, std::initializer_list<std::string_view> phrases)
{
    return std::ranges::any_of(phrases, [&](std::string_view phrase) { return message.contains(phrase); });
}

int number_in(const json::object& from, const char* key)
{
    const auto* found = from.if_contains(key);
    const auto* number = found == nullptr ? nullptr : found->if_int64();
    return number != nullptr && *number > 0 && *number < 1000 ? static_cast<int>(*number) : 0;
}

std::string text_in(const json::object& from, const char* key)
{
    const auto* found = from.if_contains(key);
    const auto* text = found == nullptr ? nullptr : found->if_string();
    return text == nullptr ? std::string() : clean({text->data(), text->size()});
}

verdict verdict_on_unavailable(std::string_view message)
{
    const bool never_begun = says_one_of(message, {"no leader", "too many requests", "connection refused",
                                                      "error while dialing", "not capable", "unhealthy"});
    return never_begun ? verdict::not_done : verdict::unknown;
}

verdict verdict_on_status(int status)
{
    if (status == 401)
        return verdict::needs_login;
    if (status == 408 || status >= 500)
        return verdict::unknown;
    return status == 429 ? verdict::not_done : verdict::final;
}

errc code_of(const refusal& what)
{
    switch (what.code) {
    case code_not_found: return errc::not_found;
    case code_invalid:
    case code_exhausted:
        if (says_one_of(what.message, {"too large", "larger than max"}))
            return errc::limit_exceeded;
        return what.code == code_invalid ? errc::rejected : errc::unavailable;
    case code_out_of_range: return what.message.contains("compacted") ? errc::compacted : errc::rejected;
    case code_denied:
    case code_precondition:
    case code_unimplemented:
    case code_unauthenticated: return errc::rejected;
    case code_deadline: return errc::timed_out;
    case code_unknown:
    case code_unavailable:
    case code_data_loss: return errc::unavailable;
    default: break;
    }
    return verdict_on_status(what.status) == verdict::final ? errc::rejected : errc::unavailable;
}

}  // namespace

refusal decode_refusal(int status, std::string_view body)
{
    refusal out;
    out.status = status;
    json::error_code failure;
    const auto value = json::parse(json::string_view(body.data(), body.size()), failure);
    const auto* object = failure ? nullptr : value.if_object();
    if (object == nullptr) {
        out.message = clean(body);
        return out;
    }
    out.code = number_in(*object, "code");
    out.message = text_in(*object, "message");
    if (out.message.empty())
        out.message = text_in(*object, "error");
    return out;
}

refusal decode_stream_refusal(const json::object& error)
{
    // Version 1 of the gateway says grpc_code and http_code, version 2 the code alone.
    refusal out;
    out.status = number_in(error, "http_code");
    out.code = number_in(error, "grpc_code");
    if (out.code == 0)
        out.code = number_in(error, "code");
    out.message = text_in(error, "message");
    return out;
}

verdict verdict_on(const refusal& what)
{
    switch (what.code) {
    case 0: return verdict_on_status(what.status);
    case code_unauthenticated: return verdict::needs_login;
    case code_invalid: return asks_for_login(what.message) ? verdict::needs_login : verdict::final;
    case code_exhausted:
        return what.message.contains("too many requests") ? verdict::not_done : verdict::final;
    case code_precondition:
        return says_one_of(what.message, {"not leader", "leader transfer"}) ? verdict::not_done
                                                                            : verdict::final;
    case code_not_found:
    case code_denied:
    case code_out_of_range:
    case code_unimplemented:
    case code_data_loss: return verdict::final;
    case code_unavailable: return verdict_on_unavailable(what.message);
    default: return verdict::unknown;
    }
}

bool asks_for_login(std::string_view reason)
{
    return says_one_of(reason,
        {"user name is empty", "invalid auth token", "revision of auth store is old", "Unauthenticated"});
}

base::error as_error(const refusal& what)
{
    auto message = what.message;
    if (message.empty())
        message = "an answer with status " + std::to_string(what.status) + " and no reason";
    if (message.contains("user name is empty"))
        message = "etcd wants a user: set ETCDCTL_USER and ETCDCTL_PASSWORD";
    else if (what.code == 0 && what.status == 404)
        message = "this is no etcd of version 3.4 or later with its JSON gateway: status 404";
    else if (message.starts_with("CommonName of client"))
        message =
            "etcd has users, and then takes no client certificate with a common name (CN) here: " + message;
    else if (message.contains("database space exceeded"))
        message += " (compact and defragment it, then `etcdctl alarm disarm`)";
    return base::error(code_of(what), std::move(message));
}

}  // namespace gantryd::etcd
