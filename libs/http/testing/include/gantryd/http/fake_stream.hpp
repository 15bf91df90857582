#pragma once
#include <gantryd/http/byte_stream.hpp>
#include <gantryd/runtime/dirty_flag.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <deque>
#include <optional>
#include <string>

namespace gantryd::http_testing {

/// A byte_stream without a socket: the test says what the peer sends, and sees what it got. A read waits
/// until there is something to read; the script may go on while it waits.
class fake_stream final : public http::byte_stream {
public:
    explicit fake_stream(boost::asio::any_io_executor ex) : changed_(ex), never_(ex) {}

    /// The peer sends `bytes`: what one read gives at most.
    void deliver(std::string bytes);
    /// The peer closes after what was delivered.
    void end();
    /// Reading fails after what was delivered.
    void fail(base::error why);

    std::string written;         ///< everything we sent
    bool write_is_shut = false;  ///< shutdown_write() was called
    bool write_blocks = false;   ///< the peer does not read: write() waits for ever
    std::optional<base::error> write_failure;
    int reads = 0;  ///< calls of read_some()

    boost::asio::awaitable<base::result<std::size_t>> read_some(std::span<char> into) override;
    boost::asio::awaitable<base::result<void>> write(std::string bytes) override;
    void shutdown_write() noexcept override { write_is_shut = true; }

private:
    std::deque<std::string> delivered_;
    bool ended_ = false;
    std::optional<base::error> failure_;
    runtime::dirty_flag changed_;
    runtime::dirty_flag never_;  // never set
};

}  // namespace gantryd::http_testing
