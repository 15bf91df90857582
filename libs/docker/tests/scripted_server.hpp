#pragma once
#include <gantryd/runtime/task_scope.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <functional>
#include <string>
#include <vector>

namespace gantryd::docker {

/// A request as it stood on the wire.
struct received_request {
    std::string line;     ///< "GET /version HTTP/1.1"
    std::string headers;  ///< the rest of the header
    std::string body;

    bool asks_for(std::string_view start) const { return line.starts_with(start); }
    std::string header(std::string_view name) const;
};

/// What the server writes, each piece by itself, before it closes; or keeps open until the test is over.
struct scripted_answer {
    std::vector<std::string> pieces;
    bool keep_open = false;
};

scripted_answer json_answer(int status, std::string body);
scripted_answer chunked_answer(
    std::vector<std::string> chunks, std::string content_type = "application/json");
/// A body that ends with the connection, as exec sends it.
scripted_answer raw_answer(std::vector<std::string> pieces, std::string content_type);
/// A frame of a container's output.
std::string frame(int stream, std::string_view payload);

/// An HTTP server on a unix socket that answers by a script: one request per connection.
class scripted_server {
public:
    using script = std::function<scripted_answer(const received_request&)>;

    scripted_server(boost::asio::io_context& loop, const std::string& path);
    scripted_server(const scripted_server&) = delete;
    scripted_server& operator=(const scripted_server&) = delete;
    ~scripted_server();

    script answer;  ///< of everything but GET /version, when `version` is set
    std::string version = R"({"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"})";
    std::vector<received_request> requests;  ///< without those for the version
    int version_requests = 0;

private:
    boost::asio::awaitable<void> accept_all();
    boost::asio::awaitable<void> serve(boost::asio::local::stream_protocol::socket socket);
    scripted_answer answer_to(const received_request& request);

    boost::asio::io_context& loop_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    runtime::task_scope tasks_;
};

}  // namespace gantryd::docker
