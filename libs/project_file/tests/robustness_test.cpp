#include "support.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <random>

namespace pf = gantryd::project_file;
using namespace gantryd::project_file::testing;

// Nothing here may crash or throw, whatever it reads; a sanitizer sees the rest. What is refused says where.
namespace {

void feed(const std::string& text)
{
    for (const auto as : {pf::syntax::json, pf::syntax::yaml}) {
        const auto read = pf::read_project(text, as);
        if (read) {
            (void)pf::to_document(text, as);
            continue;
        }
        ASSERT_FALSE(read.error().empty());
        ASSERT_LE(read.error().size(), 101u);
        for (const auto& each : read.error()) {
            ASSERT_GE(each.line, 1);
            ASSERT_GE(each.column, 1);
            ASSERT_FALSE(each.expected.empty());
        }
    }
    (void)pf::read_component(text);
}

class random_texts : public ::testing::Test {
protected:
    std::size_t below(std::size_t limit)
    {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_);
    }

    std::mt19937 engine_{20250301};
};

}  // namespace

TEST_F(random_texts, any_bytes)
{
    for (int round = 0; round < 3000; ++round) {
        std::string text(below(60), '\0');
        for (auto& c : text)
            c = static_cast<char>(below(256));
        feed(text);
    }
}

TEST_F(random_texts, any_mixture_of_what_the_syntaxes_are_made_of)
{
    constexpr std::string_view pieces[] = {"- ", ": ", "? ", "&a ", "*a ", "[", "]", "{", "}", ",", "\n",
        "\n  ", "\n    ", " ", "'", "\"", "|\n", ">2-\n", "%YAML 1.2\n", "%TAG ! x\n", "---", "\n---\n",
        "...\n", "#", "!", "!!str ", "!<x> ", "a", "components", "name", "repo: x", "1", "1.5", "true",
        "null", "~", "\t", "@", "<<", "\\", "\\u12", "\\ud800", "\r\n", "\xc3\xa9", "\xef\xbb\xbf", "-", "?",
        ":", "''", "\"\"", "\"a\":"};
    for (int round = 0; round < 20'000; ++round) {
        std::string text;
        for (auto n = below(40); n > 0; --n)
            text += pieces[below(std::size(pieces))];
        feed(text);
    }
}

TEST_F(random_texts, good_files_with_a_few_bytes_changed)
{
    constexpr std::string_view punctuation = "{}[]:,-\"'\n\t &*!|>#%@0a";
    std::vector<std::string> texts;
    for (const auto& file : corpus("good"))
        texts.push_back(content_of(file));
    for (int round = 0; round < 3000; ++round) {
        auto text = texts[below(texts.size())];
        for (auto n = 1 + below(4); n > 0 && !text.empty(); --n) {
            const auto at = below(text.size());
            switch (below(4)) {
            case 0: text[at] = static_cast<char>(below(256)); break;
            case 1: text.erase(at, 1 + below(20)); break;
            case 2: text.insert(at, 1, punctuation[below(punctuation.size())]); break;
            default: text.insert(at, text.substr(below(text.size()), below(40)));
            }
        }
        feed(text);
    }
}

TEST_F(random_texts, every_beginning_of_a_good_file)
{
    for (const auto& file : corpus("good")) {
        const auto text = content_of(file);
        for (std::size_t size = 0; size < text.size(); size += 1 + text.size() / 300)
            feed(text.substr(0, size));
    }
}

TEST_F(random_texts, the_largest_texts_of_one_piece)
{
    for (const std::string_view piece :
        {"[", "{", "{a: ", "- ", "? a\n", "a\n", "a: &a b\n", "\"", "'", "|", "[a],", "- - "})
        for (const std::string_view before : {"", "components:\n"}) {
            std::string text(before);
            while (text.size() + piece.size() <= 64UL * 1024)
                text += piece;
            feed(text);
        }
}
