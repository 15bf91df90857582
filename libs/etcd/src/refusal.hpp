#pragma once
#include <gantryd/base/error.hpp>

#include <string>
#include <string_view>

namespace boost::json {
class object;
}

namespace gantryd::etcd {

/// A "no" of etcd, of its gateway, or of whatever stands before it.
struct refusal {
    int status = 0;  ///< HTTP's
    int code = 0;    ///< gRPC's; zero: none was given
    std::string message;

    friend bool operator==(const refusal&, const refusal&) = default;
};

/// The refusal in an answer with a status of 400 or more. Never fails: a body that is none of etcd's becomes
/// the message.
refusal decode_refusal(int status, std::string_view body);

/// The refusal in a stream's last record: {"error": ..}.
refusal decode_stream_refusal(const boost::json::object& error);

/// What a refusal says about the request.
enum class verdict {
    not_done,     ///< it was not carried out; another member may do it, or this one later
    unknown,      ///< it may have been carried out
    needs_login,  ///< it was not carried out, for want of a token that is valid
    final,        ///< it was not carried out, and will not be
};

verdict verdict_on(const refusal& what);

/// The same for the reason of a watch that was cancelled.
bool asks_for_login(std::string_view reason);

base::error as_error(const refusal& what);

}  // namespace gantryd::etcd
