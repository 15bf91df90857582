#pragma once
#include "endpoint_ring.hpp"
#include "lineage.hpp"
#include "outage.hpp"

#include <gantryd/etcd/etcd_store.hpp>
#include <gantryd/http/byte_stream.hpp>
#include <gantryd/http/exchange.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>

namespace gantryd::etcd {

/// What may be done about a call whose answer is lost.
enum class repetition {
    harmless,   ///< ask another member
    forbidden,  ///< tell the caller that the result is unknown
};

/// A request to the gateway.
struct call {
    std::string path;
    std::string body;
    repetition again = repetition::harmless;
    /// Set when the request was repeated although an earlier one may have been carried out.
    bool* was_repeated = nullptr;
};

/// A stream that etcd goes on writing to.
struct open_stream {
    std::size_t endpoint = 0;
    std::string token;  ///< that it was opened with
    std::unique_ptr<http::byte_stream> bytes;
    std::unique_ptr<http::response_reader> reader;  // behind the stream that it reads
};

/// Calls to the members of a cluster: whom to ask, as whom, and what to do about a refusal. It keeps no
/// connections and runs nothing by itself.
class client {
public:
    client(options what, std::shared_ptr<http::tls_context> tls, runtime::clock& clk);

    /// The body of a successful answer.
    /// Errors: timed_out (before the deadline too, when `again` is forbidden and the answer is lost),
    /// unavailable, malformed, limit_exceeded, and those of as_error().
    boost::asio::awaitable<base::result<std::string>> perform(call what, runtime::time_point deadline);

    /// Sends a request whose answer does not end, to one member, and reads the answer's header.
    /// Errors: as perform(); nothing is repeated.
    boost::asio::awaitable<base::result<open_stream>> open(
        std::string path, std::string body, runtime::time_point deadline);

    /// `token` was refused: the next call logs in again. Another call may have done so already.
    void forget_token(const std::string& token);

    /// A member failed: others are asked for a while.
    void note_failure(std::size_t endpoint);

    /// Whether the member failed the last time it was asked.
    bool is_suspect(std::size_t endpoint) const { return ring_.is_suspect(endpoint); }

    /// Told of every failure of a member.
    std::function<void(std::size_t endpoint)> on_failure;

    std::string name_of(std::size_t endpoint) const { return text_of(options_.endpoints[endpoint]); }
    runtime::clock& clock() noexcept { return clk_; }
    std::mt19937& random() noexcept { return random_; }
    const options& settings() const noexcept { return options_; }

    lineage history;

private:
    struct attempt;
    struct course;

    boost::asio::awaitable<void> try_one(attempt& now, const call& what);
    boost::asio::awaitable<void> send(attempt& now, const call& what);
    void judge(attempt& now, const http::response& answer);
    /// Asks one member, after those that were tried by this call. Nothing: ask again.
    boost::asio::awaitable<std::optional<base::result<std::string>>> ask(
        const call& what, runtime::time_point deadline, course& so_far);
    /// Notes what became of an attempt that was not answered. With what the call ends; nothing: ask others.
    std::optional<base::error> conclude(const attempt& one, const call& what);
    /// What the attempt shows of the cluster as a whole, after those members were tried. True when no member
    /// could do the work; then all of them may be tried again.
    bool note_outage(const attempt& one, std::set<std::size_t>& tried);
    boost::asio::awaitable<base::result<std::unique_ptr<http::byte_stream>>> dial(
        std::size_t endpoint, runtime::time_point deadline);
    boost::asio::awaitable<base::result<std::string>> token_for(
        std::size_t endpoint, runtime::time_point deadline);
    http::request request_for(std::size_t endpoint, const std::string& path, std::string body,
        const std::string& token, runtime::time_point deadline) const;

    options options_;
    std::shared_ptr<http::tls_context> tls_;
    runtime::clock& clk_;
    std::mt19937 random_{std::random_device()()};
    endpoint_ring ring_{options_.endpoints.size(), random_};
    outage outage_{clk_, random_};
    std::string token_;
    bool login_is_unwanted_ = false;  ///< etcd said that it knows no users
    runtime::time_point token_used_at_{};
};

}  // namespace gantryd::etcd
