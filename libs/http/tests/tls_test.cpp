#include "sessions.hpp"

#include <gantryd/http/dial.hpp>
#include <gantryd/http/exchange.hpp>
#include <gantryd/http/loopback.hpp>
#include <gantryd/runtime/with_deadline.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace asio = boost::asio;
namespace base = gantryd::base;
namespace http = gantryd::http;
namespace runtime = gantryd::runtime;
using base::errc;
using gantryd::base::temporary_directory;
using gantryd::http_testing::answering;
using gantryd::http_testing::loopback;
using gantryd::http_testing::test_authority;
using namespace gantryd::http_tests;
using namespace std::chrono_literals;

namespace {

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

asio::awaitable<base::result<http::response>> fetch(http::byte_stream& stream)
{
    http::request what;
    what.host = "localhost";
    co_return co_await http::exchange(stream, std::move(what), 1000);
}

class dial_tls : public testing::Test {
protected:
    base::result<std::unique_ptr<http::byte_stream>> dial(
        std::uint16_t port, const std::string& host = "localhost", std::chrono::milliseconds patience = 10s)
    {
        auto context = http::make_tls_context(options);
        if (!context)
            return std::unexpected(context.error());
        return net.run(http::dial_tls(*net.clock, *context, host, port, net.clock->now() + patience));
    }

    test_authority authority{"test authority"};
    loopback net;
    http::tls_options options{.ca_file = authority.ca_file()};
};

}  // namespace

TEST_F(dial_tls, exchanges_with_a_server_whose_certificate_names_it)
{
    const auto port = net.serve_tls(answering(ok), authority.issue("server", "DNS:localhost"));
    auto stream = dial(port);
    ASSERT_TRUE(stream) << stream.error().context();
    auto got = net.run(fetch(**stream));
    ASSERT_TRUE(got) << got.error().context();
    EXPECT_EQ(got->body, "ok");
}

TEST_F(dial_tls, checks_a_numeric_host_against_the_addresses_of_the_certificate)
{
    const auto good = net.serve_tls(answering(ok), authority.issue("good", "IP:127.0.0.1"));
    EXPECT_TRUE(dial(good, "127.0.0.1"));
    const auto bad = net.serve_tls(answering(ok), authority.issue("bad", "IP:127.0.0.2,DNS:127.0.0.1"));
    auto refused = dial(bad, "127.0.0.1");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), errc::rejected);
    EXPECT_EQ(refused.error().context(),
        "TLS with 127.0.0.1:" + std::to_string(bad) + ": certificate verify failed: IP address mismatch");
}

TEST_F(dial_tls, rejects_a_certificate_for_another_host)
{
    const auto port = net.serve_tls(answering(ok), authority.issue("server", "DNS:other.example"));
    auto stream = dial(port);
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error(), errc::rejected);
    EXPECT_EQ(stream.error().context(),
        "TLS with localhost:" + std::to_string(port) + ": certificate verify failed: hostname mismatch");
}

TEST_F(dial_tls, rejects_an_authority_it_does_not_know)
{
    test_authority stranger("stranger");
    const auto port = net.serve_tls(answering(ok), stranger.issue("server", "DNS:localhost"));
    auto stream = dial(port);
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error(), errc::rejected);
    EXPECT_EQ(
        stream.error().context(), "TLS with localhost:" + std::to_string(port) +
                                      ": certificate verify failed: unable to get local issuer certificate");
}

TEST_F(dial_tls, rejects_a_self_signed_certificate_unless_told_not_to_verify)
{
    const auto port = net.serve_tls(answering(ok), authority.self_signed("server", "DNS:localhost"));
    auto rejected = dial(port);
    ASSERT_FALSE(rejected);
    EXPECT_EQ(rejected.error(), errc::rejected);
    EXPECT_TRUE(rejected.error().context().ends_with("certificate verify failed: self-signed certificate"))
        << rejected.error().context();
    options = {.verify_peer = false};
    auto stream = dial(port);
    ASSERT_TRUE(stream) << stream.error().context();
    auto got = net.run(fetch(**stream));
    ASSERT_TRUE(got);
    EXPECT_EQ(got->status, 200);
}

TEST_F(dial_tls, shows_its_own_certificate_to_a_server_that_asks)
{
    const auto port =
        net.serve_tls(answering(ok), authority.issue("server", "DNS:localhost"), authority.ca_file());
    const auto own = authority.issue("client", "");
    options.certificate_file = own.certificate;
    options.key_file = own.key;
    auto stream = dial(port);
    ASSERT_TRUE(stream) << stream.error().context();
    auto got = net.run(fetch(**stream));
    ASSERT_TRUE(got) << got.error().context();
    EXPECT_EQ(got->status, 200);
}

TEST_F(dial_tls, says_that_the_server_asked_for_a_certificate_that_it_does_not_have)
{
    const auto port =
        net.serve_tls(answering(ok), authority.issue("server", "DNS:localhost"), authority.ca_file());
    auto stream = dial(port);
    ASSERT_TRUE(stream);  // in TLS 1.3 the client is done before the server has looked
    auto got = net.run(fetch(**stream));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::unavailable);
    EXPECT_EQ(got.error().context(), "read: tlsv13 alert certificate required");
}

TEST_F(dial_tls, carries_much_both_ways_and_half_closes_with_a_goodbye)
{
    const auto port = net.serve_tls(echo, authority.issue("server", "DNS:localhost"));
    auto stream = dial(port);
    ASSERT_TRUE(stream);
    const std::string much(3 << 20, 'x');
    EXPECT_TRUE(net.run(send_and_read(**stream, much)) == much);
}

TEST_F(dial_tls, takes_a_close_without_a_goodbye_as_the_end)
{
    const auto answer_and_cut = [](http::byte_stream& s) -> asio::awaitable<void> {
        (void)co_await s.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
        s.shutdown_write();
    };
    const auto port = net.serve_tls(answer_and_cut, authority.issue("server", "DNS:localhost"));
    auto raw = dial(port);
    ASSERT_TRUE(raw);
    EXPECT_TRUE(net.run(read_all(**raw)).ends_with("\r\n\r\nhel"));
    auto stream = dial(port);
    ASSERT_TRUE(stream);
    auto got = net.run(fetch(**stream));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().context(), "the peer closed the connection in the middle of a response");
}

TEST_F(dial_tls, a_read_ends_at_its_deadline)
{
    const auto port = net.serve_tls(stay_silent, authority.issue("server", "DNS:localhost"));
    auto stream = dial(port);
    ASSERT_TRUE(stream);
    auto work = fetch(**stream);
    auto got = net.run(runtime::with_deadline(*net.clock, net.clock->now() + 50ms, "fetch", std::move(work)));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::timed_out);
}

TEST_F(dial_tls, gives_up_on_a_server_that_accepts_and_never_answers)
{
    const auto port = net.serve(stay_silent);
    auto stream = dial(port, "127.0.0.1", 100ms);
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error(), errc::timed_out);
    EXPECT_EQ(stream.error().context(), "TLS with 127.0.0.1:" + std::to_string(port) + ": no answer in time");
}

TEST_F(dial_tls, reports_a_server_that_closes_and_one_that_speaks_something_else)
{
    const auto closing = net.serve(close_at_once);
    auto closed = dial(closing, "127.0.0.1");
    ASSERT_FALSE(closed);
    EXPECT_EQ(closed.error(), errc::unavailable);

    const auto plain = net.serve([](http::byte_stream& s) -> asio::awaitable<void> {
        (void)co_await s.write("HTTP/1.1 400 No\r\n\r\n");
    });
    auto garbage = dial(plain, "127.0.0.1");
    ASSERT_FALSE(garbage);
    EXPECT_EQ(garbage.error(), errc::unavailable);
}

TEST_F(dial_tls, reports_a_refused_port)
{
    const auto port = net.closed_port();
    auto stream = dial(port, "127.0.0.1");
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error(), errc::unavailable);
    EXPECT_EQ(stream.error().context(), "connect 127.0.0.1:" + std::to_string(port) + ": connection refused");
}

TEST(make_tls_context, names_the_file_that_is_missing_or_no_pem)
{
    temporary_directory folder;
    test_authority authority("a");
    const auto own = authority.issue("own", "");
    const auto other = authority.issue("other", "");
    std::ofstream(folder / "garbage") << "hello";
    const auto refusal = [](const http::tls_options& options) {
        auto made = http::make_tls_context(options);
        EXPECT_FALSE(made);
        if (made)
            return std::string();
        EXPECT_EQ(made.error(), errc::rejected);
        return made.error().context();
    };
    EXPECT_EQ(refusal({.ca_file = "/nowhere/ca.pem"}), "/nowhere/ca.pem: no such file or directory");
    EXPECT_TRUE(refusal({.ca_file = folder / "garbage"}).starts_with(folder / "garbage" + ": "));
    EXPECT_EQ(refusal({.certificate_file = "/nowhere/c.pem", .key_file = own.key}),
        "/nowhere/c.pem: no such file or directory");
    EXPECT_EQ(refusal({.certificate_file = own.certificate, .key_file = "/nowhere/k.pem"}),
        "/nowhere/k.pem: no such file or directory");
    EXPECT_TRUE(refusal({.certificate_file = folder / "garbage", .key_file = own.key})
            .starts_with(folder / "garbage" + ": "));
    EXPECT_TRUE(refusal({.certificate_file = own.certificate, .key_file = folder / "garbage"})
            .starts_with(folder / "garbage" + ": "));
    EXPECT_EQ(refusal({.certificate_file = own.certificate, .key_file = other.key}),
        other.key + ": key values mismatch");
    EXPECT_EQ(refusal({.certificate_file = own.certificate}),
        "a certificate and its key come together, and only one of them is given");
    EXPECT_TRUE(http::make_tls_context({.certificate_file = own.certificate, .key_file = own.key}));
    EXPECT_TRUE(http::make_tls_context({}));

    using std::filesystem::perms;
    std::filesystem::permissions(own.key, perms::others_read, std::filesystem::perm_options::add);
    EXPECT_EQ(refusal({.certificate_file = own.certificate, .key_file = own.key}),
        own.key + ": everybody may read this key: chmod 600 " + own.key);
    std::filesystem::permissions(own.key, perms::owner_read | perms::group_read);
    EXPECT_TRUE(http::make_tls_context({.certificate_file = own.certificate, .key_file = own.key}));
}
