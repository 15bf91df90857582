#pragma once
#include <gantryd/model/component.hpp>

#include <boost/json/fwd.hpp>

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::project_file {

/// One thing wrong with a project file.
struct problem {
    int line = 0;          ///< from 1
    int column = 0;        ///< from 1
    std::string field;     ///< "components[0].ports[1].external"; empty for the file as a whole
    std::string expected;  ///< "expected a port number from 1 to 65535, found \"http\""

    friend bool operator==(const problem&, const problem&) = default;
};

enum class syntax { json, yaml };

/// By the file's name: .json is JSON; .yaml and .yml are YAML; otherwise JSON when the first character that
/// is no white space is '{', else YAML.
syntax syntax_of(std::string_view file_name, std::string_view text);

/// Everything wrong with the text, in the order of the file, or what it means with all defaults filled in.
std::expected<model::project_spec, std::vector<problem>> read_project(std::string_view text, syntax as);

/// One component alone, as to_json(component_spec) writes it: links to other components are not looked for.
std::expected<model::component_spec, std::vector<problem>> read_component(std::string_view json_text);

/// The same of JSON that is parsed already; what is wrong has no place then.
std::expected<model::component_spec, std::vector<problem>> component_of(const boost::json::value& document);

/// The document itself as JSON, as written, without defaults: what `setconfig` stores.
/// Precondition: read_project() accepted the text.
boost::json::value to_document(std::string_view text, syntax as);

/// "FILE:12:5: components[0].ports[1].external: expected .."
std::string text_of(const problem& what, std::string_view file_name);

}  // namespace gantryd::project_file
