// Who may speak to etcd: TLS, client certificates, users.
#include "real_etcd.hpp"

#include <gantryd/http/test_certificates.hpp>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace gantryd::etcd {
namespace {

using base::errc;
using etcd_testing::cluster;
using etcd_testing::cluster_options;
using http_testing::test_authority;

class access : public real_etcd {
protected:
    asio::awaitable<void> writes_and_sees(store::store& with)
    {
        const auto at = (co_await must_list(with, "k/")).at;
        const auto watch = with.watch("k/", at);
        (void)co_await must_put(with, "k/a", "1");
        const auto seen = co_await next(*watch);
        EXPECT_EQ(words_of(seen), "k/a=1");
        const auto lease = co_await with.grant(5s, in(5s));
        EXPECT_TRUE(lease) << lease.error().context();
        if (!lease)
            co_return;
        const auto kept = co_await with.keep_alive(*lease, in(5s));
        EXPECT_TRUE(kept) << kept.error().context();
        const auto revoked = co_await with.revoke(*lease, in(5s));
        EXPECT_TRUE(revoked) << revoked.error().context();
    }

    asio::awaitable<void> is_refused(store::store& with, errc code, std::string words)
    {
        const auto read = co_await with.get("k/a", in(5s));
        EXPECT_FALSE(read);
        if (read)
            co_return;
        EXPECT_EQ(read.error().code(), code) << read.error().context();
        EXPECT_NE(read.error().context().find(words), std::string::npos) << read.error().context();
        EXPECT_EQ(read.error().context().find(password), std::string::npos) << "a password in a sentence";
    }

    static void want_users(const cluster& of)
    {
        of.etcdctl({"user", "add", "root:" + password});
        of.etcdctl({"user", "add", "app:" + password});
        of.etcdctl({"role", "add", "app"});
        of.etcdctl({"role", "grant-permission", "app", "--prefix=true", "readwrite", "k/"});
        of.etcdctl({"user", "grant-role", "app", "app"});
        of.etcdctl({"auth", "enable"});
    }

    static inline const std::string password = "hunter2-\"quoted\"";
};

class tls : public access {
protected:
    cluster_options with_tls()
    {
        const auto server = authority.issue("server", "IP:127.0.0.1,DNS:localhost");
        cluster_options out;
        out.ca_file = authority.ca_file();
        out.certificate_file = server.certificate;
        out.key_file = server.key;
        return out;
    }

    variables known_client()
    {
        return {{"ETCDCTL_CACERT", authority.ca_file()}, {"ETCDCTL_CERT", ours.certificate},
            {"ETCDCTL_KEY", ours.key}};
    }

    test_authority authority{"etcd"};
    http_testing::certificate_files ours = authority.issue("gantryd", "DNS:gantryd");
    cluster members{with_tls()};
};

TEST_F(tls, a_client_certificate_lets_us_in)
{
    const auto client = open_at(members.endpoints(), known_client());
    loop->run(writes_and_sees(*client));
}

TEST_F(tls, an_endpoint_without_a_scheme_has_it_when_a_certificate_is_given)
{
    const auto client = open_at("127.0.0.1:" + std::to_string(members.port(0)), known_client());
    loop->run(writes_and_sees(*client));
}

TEST_F(tls, a_server_of_another_authority_is_refused)
{
    const test_authority another("another");
    auto environment = known_client();
    environment["ETCDCTL_CACERT"] = another.ca_file();
    const auto client = open_at(members.endpoints(), environment);
    loop->run(is_refused(*client, errc::rejected, "certificate verify failed"));
}

TEST_F(tls, without_a_certificate_we_stay_outside)
{
    const auto client = open_at(members.endpoints(), {{"ETCDCTL_CACERT", authority.ca_file()}});
    const auto body = [&]() -> asio::awaitable<void> {
        const auto read = co_await client->get("k/a", in(5s));
        EXPECT_FALSE(read);
    };
    loop->run(body());
}

TEST_F(tls, a_missing_certificate_file_is_named)
{
    auto what = parse_options(members.endpoints(), 2379, [](const char* name) {
        return std::string(name) == "ETCDCTL_CACERT" ? std::string("/nowhere/ca.pem") : std::string();
    });
    ASSERT_TRUE(what);
    const auto opened = open(std::move(*what), loop->clock());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), errc::rejected);
    EXPECT_NE(opened.error().context().find("/nowhere/ca.pem"), std::string::npos);
}

// etcd's gateway cannot tell the common name of a client, and so refuses one where it has users.
TEST_F(tls, a_user_may_be_asked_for_too)
{
    want_users(members);
    auto environment = known_client();
    environment["ETCDCTL_USER"] = "app:" + password;
    const auto named = open_at(members.endpoints(), environment);
    loop->run(is_refused(*named, errc::rejected, "no client certificate with a common name"));

    const auto nameless = authority.issue("", "DNS:gantryd");
    environment["ETCDCTL_CERT"] = nameless.certificate;
    environment["ETCDCTL_KEY"] = nameless.key;
    const auto client = open_at(members.endpoints(), environment);
    loop->run(writes_and_sees(*client));
}

class users : public access {
protected:
    asio::awaitable<void> survives_a_restart(store::store& with)
    {
        const auto start = co_await must_put(with, "k/a", "1");
        const auto watch = with.watch("k/", start);
        (void)co_await must_put(with, "k/a", "2");
        const auto before = co_await next(*watch);
        EXPECT_EQ(words_of(before), "k/a=2");
        // etcd keeps simple tokens in memory: ours means nothing to the one that comes back.
        members.kill(0);
        members.start(0);
        const auto up = in(20s);
        for (bool is_up = false; !is_up && loop->clock().now() < up;) {
            const auto read = co_await with.get("k/a", in(2s));
            is_up = read.has_value();
        }
        (void)co_await must_put(with, "k/a", "3");
        const auto after = co_await next(*watch);
        EXPECT_EQ(words_of(after), "k/a=3");
    }

    asio::awaitable<void> is_denied_elsewhere(store::store& with)
    {
        const auto written = co_await put(with, "elsewhere", "1", 5s);
        EXPECT_TRUE(!written && written.error() == errc::rejected);
        const auto watch = with.watch("elsewhere", store::revision{1});
        const auto seen = co_await next(*watch, 60s);
        EXPECT_TRUE(!seen && seen.error() != errc::timed_out) << words_of(seen);
    }

    cluster members;
};

TEST_F(users, a_name_and_a_password_let_us_in)
{
    want_users(members);
    const auto together = open_at(members.endpoints(), {{"ETCDCTL_USER", "app:" + password}});
    loop->run(writes_and_sees(*together));
    const auto apart =
        open_at(members.endpoints(), {{"ETCDCTL_USER", "app"}, {"ETCDCTL_PASSWORD", password}});
    loop->run(writes_and_sees(*apart));
}

TEST_F(users, a_wrong_password_is_refused_and_not_repeated_in_the_sentence)
{
    want_users(members);
    const auto client = open_at(members.endpoints(), {{"ETCDCTL_USER", "app:not-" + password}});
    loop->run(is_refused(*client, errc::rejected, "authentication failed"));
}

TEST_F(users, none_where_one_is_wanted_is_refused_with_what_to_do)
{
    want_users(members);
    const auto client = open_at(members.endpoints());
    loop->run(is_refused(*client, errc::rejected, "ETCDCTL_USER"));
}

TEST_F(users, one_where_none_is_wanted_does_no_harm)
{
    const auto client = open_at(members.endpoints(), {{"ETCDCTL_USER", "app:" + password}});
    loop->run(writes_and_sees(*client));
}

TEST_F(users, a_token_that_etcd_forgot_is_renewed)
{
    want_users(members);
    const auto client = open_at(members.endpoints(), {{"ETCDCTL_USER", "app:" + password}});
    loop->run(survives_a_restart(*client));
}

TEST_F(users, keys_of_others_are_denied)
{
    want_users(members);
    const auto client = open_at(members.endpoints(), {{"ETCDCTL_USER", "app:" + password}});
    loop->run(is_denied_elsewhere(*client), 110s);
}

}  // namespace
}  // namespace gantryd::etcd
