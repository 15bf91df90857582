#include <gantryd/project_file/reader.hpp>

#include "component_reader.hpp"
#include "cross_checks.hpp"
#include "object_reader.hpp"
#include "rules.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <optional>
#include <utility>

namespace json = boost::json;

namespace gantryd::project_file {
namespace {

/// "$schema" is for editors and means nothing here.
constexpr std::array<std::string_view, 2> root_fields{"components", "$schema"};

model::project_spec read_root(node& root, problem_list& problems)
{
    std::vector<component_in_file> components;
    const cursor at(root, "", problems);
    const object_reader object(at, "an object with \"components\"", root_fields);
    if (const auto schema = object.find("$schema"); schema && !schema->is(node_kind::text))
        schema->refuse("a text");
    if (const auto list = object.require("components", "a list of components")) {
        for_each_item(*list, "a list of components",
            [&](const cursor& item) { components.push_back(read_component_object(item)); });
        if (list->is(node_kind::list) && components.empty())
            list->complain("expected at least one component, found an empty list");
    }
    check_component_names(components);
    check_external_ports(components);
    check_link_exports(components);
    check_link_imports(components);
    model::project_spec project;
    for (auto& component : components)
        project.components.push_back(std::move(component.spec));
    return project;
}

json::value number_json(const std::string& text)
{
    if (const auto whole = integer_of(text))
        return *whole;
    return decimal_of(text).value_or(0);
}

json::value to_value(const node& from)
{
    switch (from.kind) {
    case node_kind::null: return nullptr;
    case node_kind::text: return json::string(from.text);
    case node_kind::boolean:
    case node_kind::number:
        if (from.taken_as_text)
            return json::string(from.text);
        return from.kind == node_kind::boolean ? json::value(from.text == "true") : number_json(from.text);
    case node_kind::list: {
        json::array out;
        for (const auto& child : from.children)
            out.push_back(to_value(child));
        return out;
    }
    case node_kind::object: break;
    }
    json::object out;
    for (const auto& child : from.children)
        out[child.key] = to_value(child);
    return out;
}

std::string lower_case(std::string_view text)
{
    std::string out(text);
    std::ranges::transform(
        out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

std::expected<model::component_spec, std::vector<problem>> read_component_alone(
    std::expected<node, problem> root)
{
    if (!root)
        return std::unexpected(std::vector{std::move(root.error())});
    problem_list problems;
    auto component = read_component_object(cursor(*root, "", problems));
    check_external_ports({&component, 1});
    check_link_exports({&component, 1});
    if (!problems.empty())
        return std::unexpected(problems.take());
    return std::move(component.spec);
}

}  // namespace

syntax syntax_of(std::string_view file_name, std::string_view text)
{
    const auto name = lower_case(file_name);
    if (name.ends_with(".json"))
        return syntax::json;
    if (name.ends_with(".yaml") || name.ends_with(".yml"))
        return syntax::yaml;
    const auto first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && text[first] == '{' ? syntax::json : syntax::yaml;
}

std::expected<model::project_spec, std::vector<problem>> read_project(std::string_view text, syntax as)
{
    auto root = read_document(text, as);
    if (!root)
        return std::unexpected(std::vector{std::move(root.error())});
    problem_list problems;
    auto project = read_root(*root, problems);
    if (!problems.empty())
        return std::unexpected(problems.take());
    return project;
}

std::expected<model::component_spec, std::vector<problem>> read_component(std::string_view json_text)
{
    return read_component_alone(read_document(json_text, syntax::json));
}

std::expected<model::component_spec, std::vector<problem>> component_of(const json::value& document)
{
    return read_component_alone(document_of(document));
}

json::value to_document(std::string_view text, syntax as)
{
    auto root = read_document(text, as);
    assert(root && "to_document() is for texts that read_project() accepts");
    if (!root)
        return nullptr;
    // Reading marks the numbers that are meant as texts.
    problem_list ignored;
    (void)read_root(*root, ignored);
    return to_value(*root);
}

std::string text_of(const problem& what, std::string_view file_name)
{
    return fmt::format("{}:{}:{}: {}{}{}", file_name, what.line, what.column, what.field,
        what.field.empty() ? "" : ": ", what.expected);
}

}  // namespace gantryd::project_file
