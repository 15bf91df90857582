#include <gantryd/project_file/overrides.hpp>

#include "object_reader.hpp"
#include "rules.hpp"

#include <gantryd/base/names.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace json = boost::json;

namespace gantryd::project_file {
namespace {

using base::errc;
using base::fail;
using std::string_view;

/// How a value is stored: a field that takes a number gets one, so that the document looks as if written by
/// hand.
enum class stored_as { text, whole_number, boolean, number_or_text };

struct field_form {
    string_view name;
    stored_as type = stored_as::text;
};
using forms = std::span<const field_form>;

/// A list of objects: the field that finds an item and the field that `list.Key=Value` sets.
struct list_form {
    string_view name;
    string_view key_field;
    string_view value_field;
    forms fields;
    /// A key may hold dots even when no item has it yet: paths do, and nobody takes them for a field's name.
    bool dotted_keys = false;
};

constexpr std::array scalar_fields{field_form{"name"}, field_form{"repo"}, field_form{"tag"},
    field_form{"user"}, field_form{"instances", stored_as::whole_number},
    field_form{"readyTimeout", stored_as::number_or_text}, field_form{"stopSignal"},
    field_form{"stopTimeout", stored_as::number_or_text}, field_form{"privileged", stored_as::boolean}};

constexpr std::array<string_view, 2> plain_lists{"command", "volumesFrom"};

constexpr std::array drain_forms{field_form{"timeout", stored_as::number_or_text}, field_form{"onTimeout"}};
constexpr std::array rollout_forms{field_form{"maxParallel", stored_as::number_or_text},
    field_form{"pause", stored_as::number_or_text}, field_form{"minHealthyTime", stored_as::number_or_text},
    field_form{"deadline", stored_as::number_or_text}, field_form{"lostAfter", stored_as::number_or_text},
    field_form{"onFailure"}};
constexpr std::array resource_forms{field_form{"memory", stored_as::number_or_text},
    field_form{"cpus", stored_as::number_or_text}, field_form{"pids", stored_as::whole_number}};

constexpr std::array port_forms{field_form{"external", stored_as::whole_number},
    field_form{"container", stored_as::whole_number}, field_form{"kind"}, field_form{"bind"}};
constexpr std::array binding_forms{field_form{"external"}, field_form{"volume"}};
constexpr std::array export_forms{
    field_form{"name"}, field_form{"port", stored_as::whole_number}, field_form{"kind"}};
constexpr std::array import_forms{field_form{"name"}, field_form{"alias"}};
constexpr std::array variable_forms{field_form{"name"}, field_form{"value"}, field_form{"secret"}};
constexpr std::array check_forms{field_form{"id"}, field_form{"kind"},
    field_form{"port", stored_as::whole_number}, field_form{"path"}, field_form{"command"},
    field_form{"exec_command"}, field_form{"interval", stored_as::number_or_text},
    field_form{"timeout", stored_as::number_or_text}, field_form{"rise", stored_as::whole_number},
    field_form{"fall", stored_as::whole_number}, field_form{"grace", stored_as::number_or_text}};
constexpr std::array signal_forms{field_form{"id"}, field_form{"kind"},
    field_form{"port", stored_as::whole_number}, field_form{"path"}, field_form{"command"},
    field_form{"exec_command"}, field_form{"timeout", stored_as::number_or_text}};

constexpr std::array object_lists{list_form{"ports", "external", "container", port_forms},
    list_form{"bindings", "external", "volume", binding_forms, true},
    list_form{"readyChecks", "id", "kind", check_forms}, list_form{"healthChecks", "id", "kind", check_forms},
    list_form{"terminationSignals", "id", "kind", signal_forms},
    list_form{"terminationChecks", "id", "kind", check_forms},
    list_form{"defineComponentLinks", "name", "port", export_forms},
    list_form{"requireComponentLinks", "name", "alias", import_forms},
    list_form{"environmentVariables", "name", "value", variable_forms}};

const field_form* form_of(forms known, string_view name)
{
    const auto found = std::ranges::find(known, name, &field_form::name);
    return found == known.end() ? nullptr : &*found;
}

std::vector<string_view> names_of(forms known)
{
    std::vector<string_view> names;
    for (const auto& form : known)
        names.push_back(form.name);
    return names;
}

std::unexpected<base::error> unknown_field(
    string_view where, string_view name, const std::vector<string_view>& known)
{
    auto text = fmt::format("{}: unknown field {}; expected one of: {}", where, quoted(name), joined(known));
    if (const auto meant = nearest(name, known))
        text += fmt::format("; did you mean \"{}\"?", *meant);
    return fail(errc::rejected, std::move(text));
}

/// The value as the field stores it. Never quoted in the error: it may be a secret.
base::result<json::value> stored(const field_form& form, string_view where, string_view value)
{
    switch (form.type) {
    case stored_as::text: return json::string(value);
    case stored_as::boolean:
        if (value != "true" && value != "false")
            return fail(errc::rejected, fmt::format("{}: expected true or false", where));
        return json::value(value == "true");
    case stored_as::whole_number: {
        const auto number = is_digits(value) ? integer_of(value) : std::nullopt;
        if (!number)
            return fail(errc::rejected, fmt::format("{}: expected a whole number", where));
        return json::value(*number);
    }
    case stored_as::number_or_text: break;
    }
    if (is_json_number(value)) {
        if (const auto whole = integer_of(value))
            return json::value(*whole);
        if (const auto decimal = decimal_of(value))
            return json::value(*decimal);
    }
    return json::string(value);
}

/// The text by which an item is found. A check without an id is known by its kind, as everywhere else.
std::string key_of(const json::value& item, const list_form& list)
{
    const auto* object = item.if_object();
    if (object == nullptr)
        return {};
    const auto* found = object->if_contains(list.key_field);
    const auto* text = found != nullptr ? found->if_string() : nullptr;
    if (list.key_field == "id" && (found == nullptr || (text != nullptr && text->empty())))
        found = object->if_contains("kind");
    if (found == nullptr)
        return {};
    if (found->is_string())
        return json::value_to<std::string>(*found);
    return found->is_number() ? json::serialize(*found) : std::string();
}

json::object* find_item(json::array* items, const list_form& list, string_view key)
{
    if (items == nullptr)
        return nullptr;
    const auto found = std::ranges::find_if(
        *items, [&](const json::value& item) { return item.is_object() && key_of(item, list) == key; });
    return found == items->end() ? nullptr : &found->as_object();
}

/// What stands behind "list.": an item's key, and a field of it when one is named.
struct item_target {
    string_view key;
    string_view field;
};

base::result<item_target> parse_target(json::array* items, const list_form& list, string_view rest)
{
    const auto dot = rest.rfind('.');
    if (dot == string_view::npos)
        return item_target{.key = rest, .field = list.value_field};
    const item_target with_field{.key = rest.substr(0, dot), .field = rest.substr(dot + 1)};
    const bool is_field = form_of(list.fields, with_field.field) != nullptr;
    if (is_field && find_item(items, list, with_field.key) != nullptr)
        return with_field;
    if (find_item(items, list, rest) != nullptr)
        return item_target{.key = rest, .field = list.value_field};
    if (is_field)
        return with_field;
    if (list.dotted_keys)
        return item_target{.key = rest, .field = list.value_field};
    return unknown_field(
        fmt::format("{}.{}", list.name, with_field.key), with_field.field, names_of(list.fields));
}

/// The list under that name, or null when the document has none.
base::result<json::array*> existing_list(json::object& component, string_view name)
{
    auto* found = component.if_contains(name);
    if (found == nullptr)
        return nullptr;
    if (!found->is_array())
        return fail(errc::rejected, fmt::format("{}: what the file has there is not a list", name));
    return &found->as_array();
}

/// An absent list of termination checks means one check, which an addition must not silently take away.
json::array unset_list(string_view name)
{
    json::array items;
    if (name == "terminationChecks")
        items.push_back(json::object{{"kind", "connection"}});
    return items;
}

base::result<void> set_item(
    json::object& component, const list_form& list, string_view rest, string_view value)
{
    auto items = existing_list(component, list.name);
    if (!items)
        return std::unexpected(std::move(items.error()));
    auto fresh = unset_list(list.name);
    auto* known = *items != nullptr ? *items : &fresh;
    const auto target = parse_target(known, list, rest);
    if (!target)
        return std::unexpected(target.error());
    const auto where = fmt::format("{}.{}", list.name, target->key);
    if (target->key.empty())
        return fail(errc::rejected, fmt::format("{}: expected {}.KEY=VALUE", list.name, list.name));
    auto key = stored(*form_of(list.fields, list.key_field), where, target->key);
    auto content =
        stored(*form_of(list.fields, target->field), fmt::format("{}.{}", where, target->field), value);
    if (!key || !content)
        return std::unexpected(!key ? key.error() : content.error());

    auto* item = find_item(known, list, target->key);
    if (item == nullptr)
        item = &known->emplace_back(json::object{{list.key_field, std::move(*key)}}).as_object();
    (*item)[target->field] = std::move(*content);
    // Two names of one field, or two ways to say it; a file with both is refused.
    if (target->field == "command")
        item->erase("exec_command");
    else if (target->field == "exec_command")
        item->erase("command");
    else if (target->field == "value")
        item->erase("secret");
    else if (target->field == "secret")
        item->erase("value");
    if (*items == nullptr)
        component[list.name] = std::move(fresh);
    return {};
}

base::result<void> append_word(json::object& component, string_view name, string_view value)
{
    if (auto* found = component.if_contains(name);
        found != nullptr && found->is_string() && name == "command") {
        json::array words;
        for (const auto& word : base::split_words(found->as_string()))
            words.emplace_back(word);
        *found = std::move(words);
    }
    auto items = existing_list(component, name);
    if (!items)
        return std::unexpected(std::move(items.error()));
    if (*items != nullptr)
        (*items)->emplace_back(value);
    else
        component[name] = json::array{json::string(value)};
    return {};
}

base::result<void> set_nested(
    json::object& component, string_view name, string_view field, stored_as type, string_view value)
{
    const auto where = fmt::format("{}.{}", name, field);
    auto content = stored({.name = field, .type = type}, where, value);
    if (!content)
        return std::unexpected(std::move(content.error()));
    auto* found = component.if_contains(name);
    if (found != nullptr && !found->is_object())
        return fail(errc::rejected, fmt::format("{}: what the file has there is not an object", name));
    auto& object = found != nullptr ? found->as_object() : component[name].emplace_object();
    object[field] = std::move(*content);
    return {};
}

base::result<void> set_nested(
    json::object& component, string_view name, forms known, string_view field, string_view value)
{
    const auto* form = form_of(known, field);
    if (form == nullptr)
        return unknown_field(name, field, names_of(known));
    return set_nested(component, name, field, form->type, value);
}

std::vector<string_view> component_names()
{
    auto names = names_of(scalar_fields);
    names.insert(names.end(), plain_lists.begin(), plain_lists.end());
    for (const auto& list : object_lists)
        names.push_back(list.name);
    names.insert(names.end(), {"drain", "rollout", "resources", "labels"});
    return names;
}

/// "Name=Value": a scalar or an addition to a plain list.
base::result<void> set_whole(json::object& component, string_view name, string_view value)
{
    if (const auto* form = form_of(scalar_fields, name)) {
        auto content = stored(*form, name, value);
        if (!content)
            return std::unexpected(std::move(content.error()));
        component[name] = std::move(*content);
        return {};
    }
    if (std::ranges::find(plain_lists, name) != plain_lists.end())
        return append_word(component, name, value);
    if (std::ranges::find(object_lists, name, &list_form::name) != object_lists.end())
        return fail(
            errc::rejected, fmt::format("{}: expected {}.KEY=VALUE or {}.KEY.FIELD=VALUE", name, name, name));
    if (name == "drain" || name == "rollout" || name == "resources" || name == "labels")
        return fail(errc::rejected, fmt::format("{}: expected {}.FIELD=VALUE", name, name));
    return unknown_field("override", name, component_names());
}

}  // namespace

base::result<void> apply_override(json::object& component, const std::string& assignment)
{
    const string_view all = assignment;
    const auto equals = all.find('=');
    if (equals == string_view::npos)
        return fail(errc::rejected, "override: expected NAME=VALUE, found no '='");
    const auto target = all.substr(0, equals);
    const auto value = all.substr(equals + 1);
    const auto dot = target.find('.');
    const auto name = target.substr(0, dot);
    if (dot == string_view::npos)
        return set_whole(component, name, value);
    const auto rest = target.substr(dot + 1);
    if (name == "drain")
        return set_nested(component, name, drain_forms, rest, value);
    if (name == "rollout")
        return set_nested(component, name, rollout_forms, rest, value);
    if (name == "resources")
        return set_nested(component, name, resource_forms, rest, value);
    if (name == "labels" && !rest.empty())
        return set_nested(component, name, rest, stored_as::text, value);
    const auto list = std::ranges::find(object_lists, name, &list_form::name);
    if (list != object_lists.end())
        return set_item(component, *list, rest, value);
    const auto known = component_names();
    if (std::ranges::find(known, name) == known.end())
        return unknown_field("override", name, known);
    return fail(errc::rejected, fmt::format("{}: expected {}=VALUE, found a field behind it", name, name));
}

}  // namespace gantryd::project_file
