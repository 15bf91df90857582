#include "fuzz.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace gantryd;

// The corpora of the fuzz targets, among them every input that once broke a promise.
namespace {

struct target {
    const char* name;
    void (*run)(std::string_view);
};

class corpus : public ::testing::TestWithParam<target> {};

}  // namespace

TEST_P(corpus, keeps_every_promise)
{
    std::size_t inputs = 0;
    const auto folder = std::filesystem::path(GANTRYD_CORPORA) / GetParam().name;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        std::fprintf(stderr, "%s\n", entry.path().c_str());  // the last one is the culprit
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        ASSERT_TRUE(file) << entry.path();
        GetParam().run(text);  // ends the program when one is broken
        ++inputs;
    }
    EXPECT_GT(inputs, 4u);
}

INSTANTIATE_TEST_SUITE_P(fuzz, corpus,
    ::testing::Values(target{"command_line", fuzz::command_line}, target{"docker", fuzz::docker},
        target{"etcd", fuzz::etcd}, target{"haproxy", fuzz::haproxy}, target{"http", fuzz::http},
        target{"overrides", fuzz::overrides}, target{"project_file", fuzz::project_file},
        target{"records", fuzz::records}),
    [](const auto& of) { return std::string(of.param.name); });
