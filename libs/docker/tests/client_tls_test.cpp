// Who the engine is, where it is reached over TLS.
#include <gantryd/docker/client.hpp>
#include <gantryd/http/loopback.hpp>

#include <gtest/gtest.h>

#include <filesystem>

namespace gantryd::docker {
namespace {

using base::errc;
using http_testing::loopback;
using http_testing::test_authority;
using namespace std::chrono_literals;

class client_tls : public testing::Test {
protected:
    /// An engine that shows a certificate of `shown` is asked by a client that trusts `trusted` alone.
    base::result<engine_info> ask(test_authority& shown, const std::string& names, test_authority& trusted)
    {
        const std::string body = R"({"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"})";
        const auto port = net_.serve_tls(
            http_testing::answering(
                "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body),
            shown.issue("server-" + std::to_string(++issued_), names), trusted.ca_file());
        const auto own = trusted.issue("client-" + std::to_string(++issued_), "DNS:gantryd");
        namespace fs = std::filesystem;
        constexpr auto over = fs::copy_options::overwrite_existing;
        fs::copy_file(trusted.ca_file(), folder_ / "ca.pem", over);
        fs::copy_file(own.certificate, folder_ / "cert.pem", over);
        fs::copy_file(own.key, folder_ / "key.pem", over);
        endpoint where{.transport = endpoint::kind::tls, .address = "127.0.0.1", .port = port};
        where.certificate_directory = folder_.path();
        auto engine = make_engine(std::move(where), *net_.clock);
        if (!engine)
            return std::unexpected(engine.error());
        return net_.run((*engine)->info(net_.clock->now() + 10s));
    }

    loopback net_;
    base::temporary_directory folder_;
    test_authority ours_{"ours"};
    test_authority theirs_{"theirs"};
    int issued_ = 0;
};

TEST_F(client_tls, the_engine_that_the_authority_vouches_for_is_believed)
{
    const auto info = ask(ours_, "IP:127.0.0.1", ours_);
    EXPECT_TRUE(info) << info.error().context();
}

TEST_F(client_tls, one_of_another_authority_is_not)
{
    const auto info = ask(theirs_, "IP:127.0.0.1", ours_);
    ASSERT_FALSE(info);
    EXPECT_EQ(info.error(), errc::rejected) << info.error().context();
    EXPECT_NE(info.error().context().find("certificate verify failed"), std::string::npos)
        << info.error().context();
}

TEST_F(client_tls, neither_is_one_with_another_name)
{
    const auto info = ask(ours_, "DNS:elsewhere,IP:10.0.0.1", ours_);
    ASSERT_FALSE(info);
    EXPECT_EQ(info.error(), errc::rejected) << info.error().context();
    EXPECT_NE(info.error().context().find("IP address mismatch"), std::string::npos)
        << info.error().context();
}

}  // namespace
}  // namespace gantryd::docker
