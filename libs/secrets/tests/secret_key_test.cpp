#include <gantryd/secrets/secret_key.hpp>

#include <gantryd/base/base64.hpp>

#include <gtest/gtest.h>

#include <set>

using namespace gantryd;
using secrets::secret_key;
using secrets::secret_text;

namespace {

const secrets::subject what{"shop", "db-password", 3};
constexpr std::string_view value = "s3cret of the database";

secret_key key_of(char byte) { return *secret_key::from(secret_text(std::string(secret_key::size, byte))); }

/// The same base64 text with one bit of one byte turned round.
std::string damaged(const std::string& sealed, std::size_t at, int bit)
{
    auto bytes = base::decode_base64(sealed).value();
    bytes.at(at) = static_cast<char>(bytes.at(at) ^ (1 << bit));
    return base::encode_base64(bytes);
}

TEST(secret_key, opens_what_it_sealed)
{
    const auto key = key_of('k');
    for (const auto& text :
        {std::string("x"), std::string(value), std::string(secrets::longest_value, 'y')}) {
        const auto sealed = key.seal(what, text);
        ASSERT_TRUE(sealed);
        EXPECT_FALSE(base::decode_base64(*sealed)->contains(text) && text.size() > 1);
        const auto opened = key.open(what, *sealed);
        ASSERT_TRUE(opened) << opened.error().context();
        EXPECT_EQ(opened->view(), text);
    }
}

TEST(secret_key, seals_the_same_value_differently_each_time)
{
    const auto key = key_of('k');
    std::set<std::string> nonces;
    for (int i = 0; i < 100; ++i)
        nonces.insert(base::decode_base64(*key.seal(what, value))->substr(9, 12));
    EXPECT_EQ(nonces.size(), 100U);
}

TEST(secret_key, refuses_what_was_changed_in_any_bit)
{
    const auto key = key_of('k');
    const auto sealed = *key.seal(what, value);
    const auto size = base::decode_base64(sealed)->size();
    EXPECT_EQ(size, 1 + 8 + 12 + value.size() + 16);
    for (std::size_t at = 0; at < size; ++at)
        for (int bit = 0; bit < 8; ++bit) {
            const auto opened = key.open(what, damaged(sealed, at, bit));
            ASSERT_FALSE(opened) << "byte " << at << ", bit " << bit;
            EXPECT_EQ(opened.error().code(), base::errc::rejected);
            EXPECT_FALSE(opened.error().context().contains(value));
        }
}

TEST(secret_key, refuses_what_was_cut_or_made_longer)
{
    const auto key = key_of('k');
    const auto bytes = *base::decode_base64(*key.seal(what, value));
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(key.open(what, base::encode_base64(bytes.substr(0, size)))) << size;
    EXPECT_FALSE(key.open(what, base::encode_base64(bytes + "x")));
    EXPECT_FALSE(key.open(what, base::encode_base64(bytes + std::string(secrets::longest_value, 'x'))));
    EXPECT_FALSE(key.open(what, "no base64 at all"));
    EXPECT_FALSE(key.open(what, ""));
}

TEST(secret_key, refuses_a_value_that_was_moved_to_another_place)
{
    const auto key = key_of('k');
    const auto sealed = *key.seal(what, value);
    EXPECT_FALSE(key.open({"other", what.name, what.version}, sealed));
    EXPECT_FALSE(key.open({what.project, "other", what.version}, sealed));
    EXPECT_FALSE(key.open({what.project, what.name, 2}, sealed));
    // The same letters, cut elsewhere.
    const auto joined = *key.seal({"ab", "c", 1}, value);
    EXPECT_FALSE(key.open({"a", "bc", 1}, joined));
}

TEST(secret_key, tells_another_key_and_another_format_from_damage)
{
    const auto sealed = *key_of('k').seal(what, value);
    const auto by_another = key_of('l').open(what, sealed);
    ASSERT_FALSE(by_another);
    EXPECT_TRUE(by_another.error().context().contains("another key file")) << by_another.error().context();
    const auto newer = key_of('k').open(what, damaged(sealed, 0, 1));
    ASSERT_FALSE(newer);
    EXPECT_TRUE(newer.error().context().contains("format")) << newer.error().context();
}

TEST(secret_key, has_32_bytes)
{
    for (const auto size : {0, 16, 31, 33, 64})
        EXPECT_FALSE(secret_key::from(secret_text(std::string(static_cast<std::size_t>(size), 'k')))) << size;
}

TEST(secret_key, knows_a_files_value_again)
{
    const auto key = key_of('k');
    const auto print = key.fingerprint("shop", "/etc/gantryd/db", value);
    EXPECT_EQ(print.size(), 64U);
    EXPECT_EQ(print, key.fingerprint("shop", "/etc/gantryd/db", value));
    EXPECT_NE(print, key.fingerprint("shop", "/etc/gantryd/db", "another value"));
    // Nobody is to see that two places have the same value, nor to try values without the key.
    EXPECT_NE(print, key.fingerprint("shop", "/etc/gantryd/other", value));
    EXPECT_NE(print, key.fingerprint("other", "/etc/gantryd/db", value));
    EXPECT_NE(print, key_of('l').fingerprint("shop", "/etc/gantryd/db", value));
}

TEST(secret_text, is_moved_and_never_left_behind)
{
    secret_text from(value);
    secret_text to(std::move(from));
    EXPECT_EQ(to.view(), value);
    EXPECT_EQ(from.size(), 0U);  // NOLINT(bugprone-use-after-move): that is what is asked here
    to.shorten(6);
    EXPECT_EQ(to.view(), "s3cret");
    to = secret_text("other");
    EXPECT_EQ(to.view(), "other");
}

TEST(secret_text, ends_without_one_newline)
{
    const auto without = [](std::string_view text) {
        secret_text of(text);
        secrets::drop_last_newline(of);
        return std::string(of.view());
    };
    EXPECT_EQ(without("value\n"), "value");
    EXPECT_EQ(without("value\r\n"), "value");
    EXPECT_EQ(without("value\n\n"), "value\n");
    EXPECT_EQ(without("value"), "value");
    EXPECT_EQ(without("\n"), "");
}

TEST(secret_text, knows_what_can_be_no_value)
{
    EXPECT_EQ(secrets::problem_with_value("x"), "");
    EXPECT_EQ(secrets::problem_with_value(std::string(secrets::longest_value, 'x')), "");
    EXPECT_NE(secrets::problem_with_value(std::string(secrets::longest_value + 1, 'x')), "");
    EXPECT_NE(secrets::problem_with_value(""), "");
    EXPECT_NE(secrets::problem_with_value(std::string_view("a\0b", 3)), "");
}

}  // namespace
