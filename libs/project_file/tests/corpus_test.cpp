#include "support.hpp"

#include <gantryd/model/component_json.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace pf = gantryd::project_file;
namespace model = gantryd::model;
using namespace gantryd::project_file::testing;

namespace {

pf::syntax syntax_of(const std::filesystem::path& file, const std::string& text)
{
    return pf::syntax_of(file.string(), text);
}

void expect_first_problem(std::string_view folder)
{
    for (const auto& file : corpus(folder)) {
        const auto text = content_of(file);
        const auto read = pf::read_project(text, syntax_of(file, text));
        ASSERT_FALSE(read) << file;
        const auto& first = read.error().front();
        EXPECT_EQ(fmt::format("{}:{}\n{}\n{}\n", first.line, first.column, first.field, first.expected),
            content_of(file.string() + ".expected"))
            << file;
        for (const auto& each : read.error())
            EXPECT_EQ(pf::text_of(each, "").find("hunter2"), std::string::npos)
                << file << " shows a variable's value: " << each.expected;
    }
}

}  // namespace

TEST(corpus, good_files_are_accepted)
{
    const auto files = corpus("good");
    EXPECT_GE(files.size(), 12u);
    for (const auto& file : files) {
        const auto text = content_of(file);
        const auto read = pf::read_project(text, syntax_of(file, text));
        EXPECT_TRUE(read) << pf::text_of(read.error().front(), file.string());
    }
}

TEST(corpus, bad_files_are_refused_at_the_expected_place) { expect_first_problem("bad"); }

TEST(corpus, files_that_only_the_reader_can_refuse_are_refused_at_the_expected_place)
{
    expect_first_problem("beyond_schema");
}

TEST(corpus, the_stored_document_means_the_same_as_the_file)
{
    for (const auto& file : corpus("good")) {
        const auto text = content_of(file);
        const auto read = pf::read_project(text, syntax_of(file, text));
        ASSERT_TRUE(read) << file;
        const auto stored = boost::json::serialize(pf::to_document(text, syntax_of(file, text)));
        const auto again = pf::read_project(stored, pf::syntax::json);
        ASSERT_TRUE(again) << pf::text_of(again.error().front(), file.string());
        EXPECT_EQ(*again, *read) << file << ": " << stored;
    }
}

TEST(corpus, the_file_with_all_defaults_filled_in_means_the_same)
{
    for (const auto& file : corpus("good")) {
        const auto text = content_of(file);
        const auto read = pf::read_project(text, syntax_of(file, text));
        ASSERT_TRUE(read) << file;
        const auto again = pf::read_project(model::pretty(model::to_json(*read)), pf::syntax::json);
        ASSERT_TRUE(again) << pf::text_of(again.error().front(), file.string());
        EXPECT_EQ(*again, *read) << file;
    }
}

TEST(corpus, a_json_file_is_a_yaml_file_too)
{
    for (const auto& file : corpus("good")) {
        // YAML has no halves of surrogate pairs, and a key of its own line ends at 1024 characters.
        if (file.extension() != ".json" || file.filename() == "spacing_of_json.json")
            continue;
        const auto text = content_of(file);
        const auto as_json = pf::read_project(text, pf::syntax::json);
        const auto as_yaml = pf::read_project(text, pf::syntax::yaml);
        ASSERT_TRUE(as_json && as_yaml) << file;
        EXPECT_EQ(*as_json, *as_yaml) << file;
    }
}
