#include <gantryd/base/base64.hpp>
#include <gantryd/base/error.hpp>
#include <gantryd/base/log.hpp>
#include <gantryd/base/names.hpp>
#include <gantryd/base/number.hpp>
#include <gantryd/base/text.hpp>
#include <gantryd/base/time.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace base = gantryd::base;
using namespace std::chrono_literals;

TEST(names, only_what_is_safe_in_keys_files_and_haproxy)
{
    for (const auto* good : {"web", "a", "0", "my-app_v1.2", "A9"})
        EXPECT_TRUE(base::is_name(good)) << good;
    for (const auto* bad : {"", "-web", ".", "..", "a b", "a/b", "a;b", "a\nb", "\xc3\xa4", "_x"})
        EXPECT_FALSE(base::is_name(bad)) << bad;
    EXPECT_TRUE(base::is_name(std::string(63, 'a')));
    EXPECT_FALSE(base::is_name(std::string(64, 'a')));
}

TEST(names, split_words_keeps_quoted_text_together)
{
    using words = std::vector<std::string>;
    EXPECT_EQ(base::split_words("nginx -s quit"), (words{"nginx", "-s", "quit"}));
    EXPECT_EQ(base::split_words("  sh -c 'echo \"a b\"'  "), (words{"sh", "-c", "echo \"a b\""}));
    EXPECT_EQ(base::split_words("a\\ b \"c\\\"d\" ''"), (words{"a b", "c\"d", ""}));
    EXPECT_EQ(base::split_words("'unclosed one"), (words{"unclosed one"}));
    EXPECT_EQ(base::split_words(""), words{});
}

TEST(names, short_id_is_what_docker_ps_shows)
{
    EXPECT_EQ(base::short_id("sha256:4ae76210a4fe0123456789"), "4ae76210a4fe");
    EXPECT_EQ(base::short_id("39d59e26ee64abc"), "39d59e26ee64");
    EXPECT_EQ(base::short_id("short"), "short");
}

TEST(log, constant_sentence_then_fields_one_line_each)
{
    struct memory final : base::log_sink {
        std::vector<std::string> lines;
        void write(base::log_level, std::string_view what, std::span<const base::log_field> fields) override
        {
            lines.push_back(base::as_text(what, fields));
        }
    } sink;
    const base::logger log(sink, base::log_level::info);
    log.debug("not shown", {{"a", 1}});
    log.info("instance drained", {{"component", "web"}, {"took_ms", 412}});
    log.warning("check failed", {{"answer", "500 \"oops\"\nline two"}});
    EXPECT_EQ(sink.lines, (std::vector<std::string>{"instance drained component=web took_ms=412",
                              "check failed answer=\"500 \\\"oops\\\"\\nline two\""}));
}

TEST(error, context_grows_from_the_inside_out_and_the_code_stays)
{
    const base::error inner(base::errc::unavailable, "connection refused");
    const base::result<int> outer = base::fail("docker list", inner);
    ASSERT_FALSE(outer);
    EXPECT_EQ(outer.error(), base::errc::unavailable);
    EXPECT_EQ(outer.error().context(), "docker list: connection refused");
}

TEST(time, rfc3339_and_back)
{
    using namespace std::chrono;
    const base::wall_time when = sys_days(year(2026) / 11 / 21) + 3h + 14min + 19s + 123ms;
    EXPECT_EQ(base::rfc3339(when), "2026-11-21T03:14:19.123Z");
    EXPECT_EQ(base::parse_rfc3339("2026-11-21T03:14:19.123Z"), when);
    EXPECT_EQ(base::parse_rfc3339("2026-11-21T05:14:19.123000000+02:00"), when);
    EXPECT_FALSE(base::parse_rfc3339("0001-01-01T00:00:00Z")) << "nanoseconds do not reach that far";
    for (const auto* bad : {"", "2026-11-21", "2026-13-01T00:00:00Z", "2026-11-21T03:14:19",
             "2026-11-21T03:14:19.Z", "2026-11-21T03:14:19Zx", "2026-02-30T00:00:00Z"})
        EXPECT_FALSE(base::parse_rfc3339(bad)) << bad;
}

TEST(time, human_durations_have_two_units_at_most)
{
    EXPECT_EQ(base::human(350ms), "350ms");
    EXPECT_EQ(base::human(4250ms), "4.2s");
    EXPECT_EQ(base::human(185s), "3m 5s");
    EXPECT_EQ(base::human(130min), "2h 10m");
    EXPECT_EQ(base::human(76h), "3d 4h");
}

TEST(number, is_the_whole_text_or_none)
{
    EXPECT_EQ(base::number_in<int>("-12"), -12);
    EXPECT_EQ(base::number_in<std::uint16_t>("65535"), 65535);
    EXPECT_EQ(base::number_in<std::uint32_t>("0100007f", 16), 0x0100007f);
    EXPECT_EQ(base::number_in<double>("2.5"), 2.5);
    for (const auto* bad : {"", " 1", "1 ", "+1", "1x", "0x1", "-1", "65536"})
        EXPECT_FALSE(base::number_in<std::uint16_t>(bad)) << bad;
}

TEST(text, of_others_cannot_command_a_terminal)
{
    EXPECT_EQ(base::printable("a b\tc\n\xc3\xa9\xe2\x82\xac"), "a b\tc\n\xc3\xa9\xe2\x82\xac");
    EXPECT_EQ(base::printable("\x1b[2J\r\x7f\x07"), "?[2J???");
    EXPECT_EQ(base::printable("\xc2\x9b"
                              "31m\xc2\xa0\xc2"),
        "?31m\xc2\xa0\xc2")
        << "CSI in one character";
    EXPECT_EQ(base::printable(std::string(1, '\0')), "?");
    EXPECT_EQ(base::printable(""), "");
}

TEST(base64, of_every_length_in_both_alphabets)
{
    EXPECT_EQ(base::encode_base64(""), "");
    EXPECT_EQ(base::encode_base64("f"), "Zg==");
    EXPECT_EQ(base::encode_base64("fo"), "Zm8=");
    EXPECT_EQ(base::encode_base64("foo"), "Zm9v");
    EXPECT_EQ(base::encode_base64("\xfb\xff"), "+/8=");
    EXPECT_EQ(base::encode_base64url("\xfb\xff"), "-_8=");
    EXPECT_EQ(base::decode_base64("Zg=="), "f");
    EXPECT_EQ(base::decode_base64("Zm8"), "fo");
    EXPECT_EQ(base::decode_base64("Zm9v"), "foo");
    EXPECT_EQ(base::decode_base64("Z"), std::nullopt);
    EXPECT_EQ(base::decode_base64("Zm9-"), std::nullopt);
}
