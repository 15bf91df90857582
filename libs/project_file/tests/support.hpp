#pragma once
#include <gantryd/project_file/reader.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::project_file::testing {

/// "LINE:COLUMN FIELD: EXPECTED" of every problem; empty when the text is accepted.
std::vector<std::string> problems_of(std::string_view text, syntax as = syntax::yaml);

/// The only component of a text that has to be accepted; a component without a name when it is not, after a
/// test failure.
model::component_spec component_of(std::string_view text, syntax as = syntax::yaml);

/// A YAML file with one component "web" and these further lines, which stand at column 5 from line 4 on.
std::string component_with(std::string_view lines);

std::string content_of(const std::filesystem::path& file);

/// The project files of one folder of the corpus: "good", "bad", "beyond_schema".
std::vector<std::filesystem::path> corpus(std::string_view folder);

}  // namespace gantryd::project_file::testing
