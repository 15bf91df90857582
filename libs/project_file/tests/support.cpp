#include "support.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace gantryd::project_file::testing {

std::vector<std::string> problems_of(std::string_view text, syntax as)
{
    std::vector<std::string> out;
    if (const auto read = read_project(text, as); !read)
        for (const auto& each : read.error())
            out.push_back(fmt::format("{}:{} {}: {}", each.line, each.column, each.field, each.expected));
    return out;
}

model::component_spec component_of(std::string_view text, syntax as)
{
    const auto read = read_project(text, as);
    if (!read || read->components.size() != 1) {
        ADD_FAILURE() << (read ? "not one component" : text_of(read.error().front(), "text"));
        return {};
    }
    return read->components.front();
}

std::string component_with(std::string_view lines)
{
    std::string out = "components:\n  - name: web\n    repo: my/web\n";
    while (!lines.empty()) {
        const auto line = lines.substr(0, lines.find('\n'));
        out.append("    ").append(line).append("\n");
        lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    }
    return out;
}

std::string content_of(const std::filesystem::path& file)
{
    std::ifstream in(file, std::ios::binary);
    EXPECT_TRUE(in) << file;
    return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::filesystem::path> corpus(std::string_view folder)
{
    std::vector<std::filesystem::path> out;
    for (const auto& entry :
        std::filesystem::directory_iterator(std::filesystem::path(PROJECT_FILE_CORPUS) / folder))
        if (entry.path().extension() != ".expected")
            out.push_back(entry.path());
    std::ranges::sort(out);
    return out;
}

}  // namespace gantryd::project_file::testing
