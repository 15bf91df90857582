#pragma once
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace gantryd::base {

/// What a caller can do about a failure; not where it came from.
enum class errc {
    timed_out = 1,   ///< the deadline passed; the effect may or may not have happened
    unavailable,     ///< the peer cannot be reached now; retry later
    not_found,       ///< the peer answered: no such object
    conflict,        ///< the peer answered: a precondition does not hold (read again, plan again)
    rejected,        ///< the peer answered: no, and the same request will be refused again
    malformed,       ///< the peer answered bytes that we cannot accept; drop the connection
    limit_exceeded,  ///< a size limit of ours was hit
    compacted,       ///< the history asked for is gone; list again
};

/// "timed out", "unavailable", ..
std::string_view text_of(errc code) noexcept;

/// An error code plus the sentence an operator needs to act on it.
class error {
public:
    error(errc code, std::string context) : code_(code), context_(std::move(context)) {}

    errc code() const noexcept { return code_; }
    const std::string& context() const noexcept { return context_; }

    friend bool operator==(const error& e, errc c) noexcept { return e.code_ == c; }

private:
    errc code_;
    std::string context_;
};

template <class T>
using result = std::expected<T, error>;

/// The usual way to report a failure: `co_return fail(errc::not_found, "image web:1");`
inline std::unexpected<error> fail(errc code, std::string context)
{
    return std::unexpected(error(code, std::move(context)));
}

/// The same failure, seen from one step further out: "announce machine: connection refused".
inline std::unexpected<error> fail(std::string_view what_we_did, const error& why)
{
    return std::unexpected(error(why.code(), std::string(what_we_did) + ": " + why.context()));
}

}  // namespace gantryd::base
