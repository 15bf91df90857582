#include <gantryd/http/dial.hpp>

#include "connect.hpp"
#include "transport_error.hpp"

#include <gantryd/runtime/with_deadline.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

namespace asio = boost::asio;
namespace ssl = asio::ssl;
using boost::system::error_code;

namespace gantryd::http {

class tls_context {
public:
    ssl::context settings{ssl::context::tls_client};
};

namespace {

using base::errc;
using base::fail;
using base::result;

/// OpenSSL's own words without its source file: "certificate verify failed".
std::string tls_reason_of(const error_code& why)
{
    if (why.category() != asio::error::get_ssl_category())
        return reason_of(why);
    const char* text = ERR_reason_error_string(static_cast<unsigned long>(why.value()));
    return text != nullptr ? text : reason_of(why);
}

/// The peer sent an alert: it does not want us as we are.
bool is_alert(const error_code& why)
{
    return why.category() == asio::error::get_ssl_category() &&
           ERR_GET_REASON(static_cast<unsigned long>(why.value())) >= SSL_AD_REASON_OFFSET;
}

/// TLS says goodbye with close_notify; a peer that only closes its socket has said as much as TCP does.
bool is_end(const error_code& ec) { return ec == asio::error::eof || ec == ssl::error::stream_truncated; }

class tls_stream final : public byte_stream {
public:
    tls_stream(asio::ip::tcp::socket socket, std::shared_ptr<tls_context> tls)
        : tls_(std::move(tls)),
          stream_(std::move(socket), tls_->settings)
    {
    }

    /// Sends and, where the context verifies, checks `host`.
    result<void> expect_host(const std::string& host)
    {
        SSL* const session = stream_.native_handle();
        error_code not_numeric;
        const auto address = asio::ip::make_address(host, not_numeric);
        bool set = false;
        if (not_numeric) {
            SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
            set = SSL_set_tlsext_host_name(session, host.c_str()) == 1 &&
                  SSL_set1_host(session, host.c_str()) == 1;
        } else {
            const auto text = address.is_v6()
                                  ? asio::ip::make_address_v6(address.to_v6().to_bytes()).to_string()
                                  : address.to_string();
            set = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), text.c_str()) == 1;
        }
        if (!set)
            return fail(errc::rejected, "'" + host + "' is no host name");
        return {};
    }

    /// Errors: rejected, unavailable.
    asio::awaitable<result<void>> handshake()
    {
        const auto [ec] =
            co_await stream_.async_handshake(ssl::stream_base::client, asio::as_tuple(asio::use_awaitable));
        throw_if_cancelled(ec);
        if (!ec)
            co_return result<void>();
        SSL* const session = stream_.native_handle();
        const auto verdict = SSL_get_verify_result(session);
        if (verdict != X509_V_OK && SSL_get_verify_mode(session) != SSL_VERIFY_NONE)
            co_return fail(errc::rejected, tls_reason_of(ec) + ": " + X509_verify_cert_error_string(verdict));
        if (is_end(ec))
            co_return fail(errc::unavailable, "the peer closed the connection during the handshake");
        co_return fail(is_alert(ec) ? errc::rejected : errc::unavailable, tls_reason_of(ec));
    }

    asio::awaitable<result<std::size_t>> read_some(std::span<char> into) override
    {
        const auto buffer = asio::buffer(into.data(), into.size());
        const auto [ec, n] = co_await stream_.async_read_some(buffer, asio::as_tuple(asio::use_awaitable));
        throw_if_cancelled(ec);
        if (is_end(ec))
            co_return std::size_t{0};
        if (ec)
            co_return fail(errc::unavailable, "read: " + tls_reason_of(ec));
        co_return n;
    }

    asio::awaitable<result<void>> write(std::string bytes) override
    {
        for (std::size_t sent = 0; sent < bytes.size();) {
            const auto rest = asio::buffer(bytes.data() + sent, bytes.size() - sent);
            const auto [ec, n] = co_await stream_.async_write_some(rest, asio::as_tuple(asio::use_awaitable));
            throw_if_cancelled(ec);
            if (ec)
                co_return fail(errc::unavailable, "write: " + tls_reason_of(ec));
            sent += n;
        }
        co_return result<void>();
    }

    void shutdown_write() noexcept override
    {
        send_close_notify();
        error_code ignored;
        stream_.lowest_layer().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    }

private:
    /// Asio's own shutdown waits for the peer's close_notify, and ours must not wait: OpenSSL writes the
    /// record into a buffer of ours, and the socket takes it or not.
    void send_close_notify() noexcept
    {
        SSL* const session = stream_.native_handle();
        BIO* const record = BIO_new(BIO_s_mem());
        BIO* const usual = SSL_get_wbio(session);
        if (record == nullptr || usual == nullptr) {
            BIO_free(record);
            return;
        }
        BIO_up_ref(usual);
        BIO_up_ref(record);
        SSL_set0_wbio(session, record);
        ERR_clear_error();
        (void)SSL_shutdown(session);
        char* bytes = nullptr;
        const long size = BIO_get_mem_data(record, &bytes);
        if (size > 0)
            (void)::send(stream_.lowest_layer().native_handle(), bytes, static_cast<std::size_t>(size),
                MSG_DONTWAIT | MSG_NOSIGNAL);
        SSL_set0_wbio(session, usual);
        BIO_free(record);
        ERR_clear_error();
    }

    std::shared_ptr<tls_context> tls_;
    ssl::stream<asio::ip::tcp::socket> stream_;
};

result<void> check_readable(const std::string& file)
{
    if (std::ifstream(file).is_open())
        return {};
    return fail(errc::rejected, file + ": " + reason_of(error_code(errno, boost::system::system_category())));
}

/// A key that everybody can read is none.
result<void> check_private(const std::string& file)
{
    struct stat found{};
    if (::stat(file.c_str(), &found) == 0 && (found.st_mode & S_IRWXO) == 0)
        return {};
    return fail(errc::rejected, file + ": everybody may read this key: chmod 600 " + file);
}

result<void> checked(const std::string& file, const error_code& ec)
{
    if (!ec)
        return {};
    return fail(errc::rejected, file + ": " + tls_reason_of(ec));
}

result<void> load_authorities(ssl::context& into, const std::string& file)
{
    error_code ec;
    if (file.empty()) {
        into.set_default_verify_paths(ec);
        return checked("the system's certificate authorities", ec);
    }
    if (auto readable = check_readable(file); !readable)
        return readable;
    into.load_verify_file(file, ec);
    return checked(file, ec);
}

result<void> load_own_certificate(ssl::context& into, const tls_options& options)
{
    if (options.certificate_file.empty() && options.key_file.empty())
        return {};
    if (options.certificate_file.empty() || options.key_file.empty())
        return fail(errc::rejected, "a certificate and its key come together, and only one of them is given");
    for (const auto& file : {options.certificate_file, options.key_file})
        if (auto readable = check_readable(file); !readable)
            return readable;
    if (auto hidden = check_private(options.key_file); !hidden)
        return hidden;

    error_code ec;
    // Without this OpenSSL asks the terminal for the pass phrase of an encrypted key.
    into.set_password_callback([](std::size_t, ssl::context::password_purpose) { return std::string(); }, ec);
    into.use_certificate_chain_file(options.certificate_file, ec);
    if (ec)
        return checked(options.certificate_file, ec);
    into.use_private_key_file(options.key_file, ssl::context::pem, ec);
    return checked(options.key_file, ec);
}

}  // namespace

result<std::shared_ptr<tls_context>> make_tls_context(const tls_options& options)
{
    auto out = std::make_shared<tls_context>();
    SSL_CTX_set_min_proto_version(out->settings.native_handle(), TLS1_2_VERSION);
    error_code ec;
    out->settings.set_verify_mode(options.verify_peer ? ssl::verify_peer : ssl::verify_none, ec);
    if (options.verify_peer)
        if (auto loaded = load_authorities(out->settings, options.ca_file); !loaded)
            return std::unexpected(loaded.error());
    if (auto loaded = load_own_certificate(out->settings, options); !loaded)
        return std::unexpected(loaded.error());
    return out;
}

asio::awaitable<result<std::unique_ptr<byte_stream>>> dial_tls(runtime::clock& clk,
    std::shared_ptr<tls_context> tls, std::string host, std::uint16_t port, runtime::time_point deadline)
{
    const std::string what = "TLS with " + place_of(host, port);
    auto socket = co_await connect_tcp(clk, host, port, deadline);
    if (!socket)
        co_return std::unexpected(socket.error());
    auto stream = std::make_unique<tls_stream>(std::move(*socket), std::move(tls));
    auto expected = stream->expect_host(host);
    if (!expected)
        co_return fail(what, expected.error());
    auto done = co_await runtime::with_deadline(clk, deadline, "no answer in time", stream->handshake());
    if (!done)
        co_return fail(what, done.error());
    co_return std::move(stream);
}

}  // namespace gantryd::http
