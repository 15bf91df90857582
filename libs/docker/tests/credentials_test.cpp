#include "credentials.hpp"
#include "registry_login.hpp"
#include "support.hpp"

#include <gantryd/base/base64.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace gantryd::docker {
namespace {

using base::errc;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view config = R"({
    "auths": {
        "https://index.docker.io/v1/": {"auth": "aHViOmh1YnBhc3M="},
        "r.example:5000": {"auth": "dXNlcjpwYTpzcw=="},
        "https://old.example/v1/": {"auth": "dXNlcjpvbGQ="},
        "token.example": {"auth": "", "identitytoken": "tok"},
        "empty.example": {}
    },
    "credHelpers": {"helped.example": "pass"},
    "HttpHeaders": {"User-Agent": "x"}
})";

TEST(credentials, are_found_by_the_registrys_host)
{
    const auto own = find_login(config, "r.example:5000");
    ASSERT_TRUE(own && own->login);
    EXPECT_EQ(own->login->username, "user");
    EXPECT_EQ(own->login->password, "pa:ss");
    EXPECT_EQ(find_login(config, "old.example")->login->password, "old");
    EXPECT_EQ(find_login(config, "docker.io")->login->username, "hub");
    EXPECT_EQ(find_login(config, "docker.io")->login->server, "https://index.docker.io/v1/");
    EXPECT_EQ(find_login(config, "token.example")->login->identity_token, "tok");
    EXPECT_FALSE(find_login(config, "empty.example")->login);
    EXPECT_FALSE(find_login(config, "r.example")->login);
}

TEST(credentials, a_registrys_own_helper_wins_over_the_common_store)
{
    constexpr std::string_view both = R"({"credsStore":"desktop","credHelpers":{"a.example":"pass"}})";
    EXPECT_EQ(find_login(both, "a.example")->helper, "pass");
    EXPECT_EQ(find_login(both, "a.example")->helper_key, "a.example");
    EXPECT_EQ(find_login(both, "docker.io")->helper, "desktop");
    EXPECT_EQ(find_login(both, "docker.io")->helper_key, "https://index.docker.io/v1/");
    EXPECT_EQ(find_login(config, "r.example:5000")->helper, "");
}

TEST(credentials, a_broken_file_is_reported_without_its_contents)
{
    for (const std::string_view text : {R"({"auths":{"a":{"auth":"c2VjcmV0"}}})",
             R"({"auths":{"a":{"auth":"s*cret"}}})", R"({"auths":"secret"})", "secret"}) {
        const auto found = find_login(text, "a");
        ASSERT_FALSE(found) << text;
        EXPECT_EQ(found.error(), errc::malformed);
        EXPECT_THAT(found.error().context(), Not(HasSubstr("cret"))) << text;
    }
}

TEST(credentials, a_helpers_answer_may_be_a_token)
{
    const auto login = decode_helper_output(R"({"ServerURL":"a","Username":"me","Secret":"s"})");
    EXPECT_EQ(login->username, "me");
    EXPECT_EQ(login->password, "s");
    const auto token = decode_helper_output(R"({"ServerURL":"a","Username":"<token>","Secret":"t"})");
    EXPECT_EQ(token->identity_token, "t");
    EXPECT_EQ(token->username, "");
    EXPECT_EQ(token->password, "");
    EXPECT_FALSE(decode_helper_output("credentials not found"));
    EXPECT_FALSE(decode_helper_output("{}"));
}

TEST(credentials, the_header_is_base64url_of_json)
{
    const registry_login login{"u", "p?>~", "", "s"};
    const auto header = encode_registry_auth(login);
    EXPECT_THAT(header, Not(HasSubstr("+")));
    EXPECT_THAT(header, Not(HasSubstr("/")));
    auto standard = header;
    std::ranges::replace(standard, '-', '+');
    std::ranges::replace(standard, '_', '/');
    EXPECT_EQ(base::decode_base64(standard), R"({"username":"u","password":"p?>~","serveraddress":"s"})");
    const registry_login token{"", "", "tok", "s"};
    EXPECT_EQ(
        base::decode_base64(encode_registry_auth(token)), R"({"identitytoken":"tok","serveraddress":"s"})");
}

TEST(credentials, secrets_are_hidden_in_sentences)
{
    const registry_login login{"u", "hunter2", "", "s"};
    EXPECT_EQ(hide_secrets("hunter2: refused hunter2", login), "***: refused ***");
    EXPECT_EQ(hide_secrets("nothing", registry_login{}), "nothing");
}

class login_lookup_test : public testing::Test {
protected:
    void write_config(const std::string& text) { std::ofstream(files_ / "config.json") << text; }
    void write_helper(const std::string& name, const std::string& script)
    {
        const auto path = files_ / ("docker-credential-" + name);
        std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    }
    login_lookup look_up(const std::string& registry, runtime::duration limit = 5s)
    {
        // NOLINTBEGIN(concurrency-mt-unsafe): the test has one thread
        const std::string before = std::getenv("PATH");
        ::setenv("PATH", (files_.path() + ":" + before).c_str(), 1);
        auto found = run_in_real_time(
            loop_, look_up_login(*clock_, files_ / "config.json", registry, clock_->now() + limit));
        ::setenv("PATH", before.c_str(), 1);
        // NOLINTEND(concurrency-mt-unsafe)
        return found;
    }

    base::temporary_directory files_;
    boost::asio::io_context loop_{1};
    std::unique_ptr<runtime::clock> clock_ = runtime::make_system_clock();
};

TEST_F(login_lookup_test, asks_the_helper_by_its_stdin)
{
    write_config(R"({"credsStore":"fake"})");
    write_helper("fake", R"(read server
printf '{"ServerURL":"%s","Username":"u","Secret":"for %s %s"}' "$server" "$1" "$server")");
    const auto found = look_up("r.example:5000");
    ASSERT_TRUE(found.login) << found.note;
    EXPECT_EQ(found.login->password, "for get r.example:5000");
    EXPECT_EQ(found.note, "");
}

TEST_F(login_lookup_test, nothing_in_a_registrys_name_is_expanded)
{
    write_config(R"({"credsStore":"fake"})");
    write_helper("fake", R"(read -r server; printf '{"Username":"u","Secret":"%s"}' "$server")");
    EXPECT_EQ(look_up("$(id);`id`").login->password, "$(id);`id`");
}

TEST_F(login_lookup_test, a_helper_that_fails_or_is_missing_is_named_without_its_output)
{
    write_config(R"({"credHelpers":{"a.example":"fake","b.example":"absent","c.example":"../evil"}})");
    write_helper("fake", "echo the-secret; echo the-secret >&2; exit 3");
    const auto failed = look_up("a.example");
    EXPECT_FALSE(failed.login);
    EXPECT_EQ(failed.note, "docker-credential-fake ended with exit code 3");
    EXPECT_EQ(look_up("b.example").note, "docker-credential-absent is not installed");
    EXPECT_THAT(look_up("c.example").note, HasSubstr("unusable name"));
}

TEST_F(login_lookup_test, a_helper_that_hangs_ends_at_the_deadline)
{
    write_config(R"({"credsStore":"fake"})");
    write_helper("fake", "exec sleep 7");
    const auto found = look_up("a.example", 200ms);
    EXPECT_FALSE(found.login);
    EXPECT_THAT(found.note, HasSubstr("docker-credential-fake"));
    EXPECT_THAT(found.note, HasSubstr("in time"));
}

TEST_F(login_lookup_test, without_a_file_there_is_a_note)
{
    EXPECT_THAT(look_up("a.example").note, HasSubstr("config.json cannot be read"));
    write_config("{}");
    EXPECT_THAT(look_up("a.example").note, HasSubstr("no login for a.example in"));
}

}  // namespace
}  // namespace gantryd::docker
