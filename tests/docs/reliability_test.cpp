#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

// docs/reliability.md names the tests that hold its promises up: `suite.what_it_does`. Each of them is there.

namespace {

const std::filesystem::path root = GANTRYD_ROOT;

std::string text_of(const std::filesystem::path& file)
{
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// What the pattern's group is in the text, each time.
void find_all(const std::string& text, const std::regex& what, std::set<std::string>& into)
{
    for (std::sregex_iterator at(text.begin(), text.end(), what), end; at != end; ++at)
        into.insert(at->str(1));
}

/// Whose name follows at each "TEST" of the text. A search by a pattern alone would take seconds.
void find_tests(const std::string& text, std::set<std::string>& into)
{
    static const std::regex test(R"(TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\))");
    for (auto at = text.find("TEST"); at != std::string::npos; at = text.find("TEST", at + 1)) {
        std::smatch found;
        const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(at + 300, text.size()));
        if (std::regex_search(text.begin() + static_cast<std::ptrdiff_t>(at), end, found, test,
                std::regex_constants::match_continuous))
            into.insert(found.str(1) + "." + found.str(2));
    }
}

/// Every test of the tree: those of GoogleTest and those that CMake names.
std::set<std::string> tests()
{
    static const std::regex of_cmake(R"(\badd_test\(NAME ([\w.]+))");
    std::set<std::string> out;
    for (const char* folder : {"apps", "benchmarks", "libs", "tests"})
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
            if (entry.path().extension() == ".cpp")
                find_tests(text_of(entry.path()), out);
            else if (entry.path().filename() == "CMakeLists.txt")
                find_all(text_of(entry.path()), of_cmake, out);
        }
    return out;
}

/// The promises and the faults, each with the lines below its heading.
std::vector<std::string> sections()
{
    const auto text = text_of(root / "docs" / "reliability.md");
    std::vector<std::string> out;
    for (auto at = text.find("\n## "); at != std::string::npos;) {
        const auto next = text.find("\n## ", at + 1);
        out.push_back(text.substr(at + 1, next == std::string::npos ? next : next - at));
        at = next;
    }
    return out;
}

/// Programs and files of tests: `scripts/benchmark zero_loss`, `tests/lab/tests/holder_test.cpp`.
std::set<std::string> files_in(const std::string& text)
{
    static const std::regex file("`((?:benchmarks|scripts|tests)/[\\w./]+)");
    std::set<std::string> out;
    find_all(text, file, out);
    return out;
}

std::set<std::string> named_in(const std::string& text)
{
    // A file is `ledger.db`; what a test does takes more than a word.
    static const std::regex name("`([a-z]\\w*\\.\\w+_\\w+)`");
    std::set<std::string> out;
    find_all(text, name, out);
    return out;
}

TEST(reliability, names_only_tests_that_are_there)
{
    const auto all = tests();
    ASSERT_GT(all.size(), 1'000U);
    std::set<std::string> named;
    std::set<std::string> files;
    for (const auto& section : sections()) {
        named.merge(named_in(section));
        files.merge(files_in(section));
    }
    EXPECT_GT(named.size(), 60U);
    for (const auto& each : named)
        EXPECT_TRUE(all.contains(each)) << each;
    for (const auto& each : files)
        EXPECT_TRUE(std::filesystem::exists(root / each)) << each;
}

TEST(reliability, names_a_test_for_every_promise_and_every_fault)
{
    int promises = 0;
    int faults = 0;
    for (const auto& section : sections()) {
        const auto heading = section.substr(0, section.find('\n'));
        if (heading.starts_with("## Promise ")) {
            ++promises;
            EXPECT_FALSE(named_in(section).empty()) << heading;
        } else if (heading == "## Faults survived") {
            std::size_t at = 0;
            for (std::string line; at < section.size(); at += line.size() + 1) {
                line = section.substr(at, section.find('\n', at) - at);
                if (!line.starts_with("| ") || line.starts_with("| Fault"))
                    continue;
                ++faults;
                EXPECT_FALSE(named_in(line).empty() && files_in(line).empty()) << line;
            }
        }
    }
    EXPECT_EQ(promises, 6);
    EXPECT_GT(faults, 20);
}

}  // namespace
