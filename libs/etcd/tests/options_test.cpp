#include <gantryd/etcd/etcd_store.hpp>

#include <gtest/gtest.h>

#include <map>

namespace gantryd::etcd {
namespace {

using variables = std::map<std::string, std::string>;

base::result<options> parse(const std::string& endpoints, const variables& environment = {})
{
    return parse_options(endpoints, 2379, [&](const char* name) {
        const auto found = environment.find(name);
        return found == environment.end() ? std::string() : found->second;
    });
}

TEST(options, endpoints_as_etcdctl_takes_them)
{
    const auto found = parse("10.0.0.1, http://etcd-2:4001/,https://etcd.example:443,[fd00::1]:2379,[::1]");
    ASSERT_TRUE(found) << found.error().context();
    EXPECT_EQ(
        found->endpoints, (std::vector<endpoint>{{"10.0.0.1", 2379, false}, {"etcd-2", 4001, false},
                              {"etcd.example", 443, true}, {"fd00::1", 2379, false}, {"::1", 2379, false}}));
    EXPECT_EQ(text_of(found->endpoints[2]), "https://etcd.example:443");
    EXPECT_EQ(text_of(found->endpoints[3]), "http://[fd00::1]:2379");
}

TEST(options, the_port_of_the_old_command_line)
{
    const auto found = parse_options("etcd", 4001, [](const char*) { return std::string(); });
    ASSERT_TRUE(found);
    EXPECT_EQ(found->endpoints, (std::vector<endpoint>{{"etcd", 4001, false}}));
}

TEST(options, what_is_no_endpoint_is_refused_without_being_repeated)
{
    for (const auto* bad : {"", ",", "a,,b", "ftp://a", "a:", "a:0", "a:65536", "a:x", "[::1", "a b",
             "http://", "root:secret@etcd:2379", "a/b", "a\nb"}) {
        const auto found = parse(bad);
        EXPECT_TRUE(!found && found.error() == base::errc::rejected) << bad;
        EXPECT_TRUE(found || found.error().context().find("secret") == std::string::npos);
    }
}

TEST(options, certificates_of_the_environment)
{
    const auto found =
        parse("a,http://b", {{"ETCDCTL_CACERT", "/ca"}, {"ETCDCTL_CERT", "/cert"}, {"ETCDCTL_KEY", "/key"}});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->tls.ca_file, "/ca");
    EXPECT_EQ(found->tls.certificate_file, "/cert");
    EXPECT_EQ(found->tls.key_file, "/key");
    EXPECT_TRUE(found->tls.verify_peer);
    EXPECT_TRUE(found->endpoints[0].with_tls);
    EXPECT_FALSE(found->endpoints[1].with_tls) << "who writes http means it";
    EXPECT_TRUE(parse("a", {{"ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "false"}})->tls.verify_peer);
    EXPECT_FALSE(parse("a", {{"ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "true"}})->tls.verify_peer);
    const auto neither = parse("a", {{"ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "perhaps"}});
    ASSERT_FALSE(neither);
    EXPECT_EQ(neither.error().context(), "ETCDCTL_INSECURE_SKIP_TLS_VERIFY: expected true or false");
}

TEST(options, users_of_the_environment)
{
    EXPECT_EQ(parse("a")->user, "");
    const auto together = parse("a", {{"ETCDCTL_USER", "root:a:b"}});
    ASSERT_TRUE(together);
    EXPECT_EQ(together->user, "root");
    EXPECT_EQ(together->password, "a:b");
    const auto apart = parse("a", {{"ETCDCTL_USER", "root:x"}, {"ETCDCTL_PASSWORD", "p"}});
    ASSERT_TRUE(apart);
    EXPECT_EQ(apart->user, "root:x") << "with a password apart, the user is a name alone";
    EXPECT_EQ(apart->password, "p");
    EXPECT_EQ(parse("a", {{"ETCDCTL_PASSWORD", "p"}})->user, "");
    const auto asked = parse("a", {{"ETCDCTL_USER", "root"}});
    EXPECT_TRUE(!asked && asked.error() == base::errc::rejected);
}

}  // namespace
}  // namespace gantryd::etcd
