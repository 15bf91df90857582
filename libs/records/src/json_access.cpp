#include "json_access.hpp"

namespace json = boost::json;

namespace gantryd::records::detail {

base::result<json::object> parse_object(std::string_view text, std::string_view what)
{
    boost::system::error_code ec;
    auto value = json::parse(json::string_view(text.data(), text.size()), ec);
    if (ec)
        return base::fail(base::errc::malformed, std::string(what) + ": " + ec.message());
    if (!value.is_object())
        return base::fail(base::errc::malformed, std::string(what) + ": expected an object");
    return std::move(value.as_object());
}

std::string string_of(const json::object& from, std::string_view key)
{
    const auto* value = from.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::optional<std::int64_t> integer_of(const json::object& from, std::string_view key)
{
    const auto* value = from.if_contains(key);
    if (value != nullptr && value->is_int64())
        return value->get_int64();
    return std::nullopt;
}

bool bool_of(const json::object& from, std::string_view key)
{
    const auto* value = from.if_contains(key);
    return value != nullptr && value->is_bool() && value->get_bool();
}

std::optional<base::wall_time> time_of(const json::object& from, std::string_view key)
{
    return base::parse_rfc3339(string_of(from, key));
}

std::vector<std::string> strings_of(const json::object& from, std::string_view key)
{
    std::vector<std::string> out;
    const auto* value = from.if_contains(key);
    if (value == nullptr || !value->is_array())
        return out;
    for (const auto& item : value->get_array())
        if (item.is_string())
            out.emplace_back(item.get_string());
    return out;
}

const json::object* object_of(const json::object& from, std::string_view key)
{
    const auto* value = from.if_contains(key);
    return value == nullptr ? nullptr : value->if_object();
}

std::vector<const json::object*> objects_of(const json::object& from, std::string_view key)
{
    std::vector<const json::object*> out;
    const auto* value = from.if_contains(key);
    if (value == nullptr || !value->is_array())
        return out;
    for (const auto& item : value->get_array())
        if (const auto* object = item.if_object())
            out.push_back(object);
    return out;
}

json::array strings_json(const std::vector<std::string>& from)
{
    json::array out;
    for (const auto& text : from)
        out.emplace_back(text);
    return out;
}

}  // namespace gantryd::records::detail
