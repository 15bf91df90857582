#include "served_stream.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

namespace asio = boost::asio;
using asio::ip::tcp;

namespace gantryd::http_testing {
namespace {

using tls_socket = asio::ssl::stream<tcp::socket>;

asio::awaitable<void> run_tls_session(
    tcp::socket socket, std::shared_ptr<asio::ssl::context> settings, session script)
{
    tls_socket secured(std::move(socket), *settings);
    const auto [ec] =
        co_await secured.async_handshake(asio::ssl::stream_base::server, asio::as_tuple(asio::use_awaitable));
    if (ec)
        co_return;  // the client did not like us: the client's test says so
    served_stream<tls_socket> stream(secured);
    co_await script(stream);
    co_await secured.async_shutdown(asio::as_tuple(asio::use_awaitable));
}

}  // namespace

std::uint16_t loopback::serve_tls(session script, certificate_files own, std::string client_ca_file)
{
    auto settings = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    settings->use_certificate_chain_file(own.certificate);
    settings->use_private_key_file(own.key, asio::ssl::context::pem);
    if (!client_ca_file.empty()) {
        settings->load_verify_file(client_ca_file);
        settings->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
    }
    auto acceptor = listen_on(loop, "127.0.0.1");
    const auto port = acceptor.local_endpoint().port();
    auto take = [this, script, settings](tcp::socket socket) {
        ++connections;
        tasks_.spawn("session", run_tls_session(std::move(socket), settings, script));
    };
    tasks_.spawn("server", accept_all(std::move(acceptor), take));
    return port;
}

}  // namespace gantryd::http_testing
