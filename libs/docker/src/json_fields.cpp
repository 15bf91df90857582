#include "json_fields.hpp"

#include <boost/json/parse.hpp>

#include <limits>
#include <utility>

namespace json = boost::json;

namespace gantryd::docker {
namespace {

std::string_view view_of(const json::string& text) { return {text.data(), text.size()}; }

}  // namespace

json_fields::json_fields(const json::value& of, std::string what, std::string& fault)
    : json_fields(of.if_object(), std::move(what), fault)
{
    if (of_ == nullptr && fault.empty())
        fault = what_ + " is no object";
}

json_fields::json_fields(const json::object* of, std::string what, std::string& fault)
    : of_(of),
      what_(std::move(what)),
      fault_(&fault)
{
}

const json::value* json_fields::find(std::string_view key) const
{
    if (of_ == nullptr)
        return nullptr;
    const auto* found = of_->if_contains(json::string_view(key.data(), key.size()));
    return found == nullptr || found->is_null() ? nullptr : found;
}

void json_fields::report(std::string_view key, std::string_view expected)
{
    if (fault_->empty())
        *fault_ = what_ + "." + std::string(key) + " is no " + std::string(expected);
}

std::string json_fields::text(std::string_view key)
{
    const auto* found = find(key);
    if (found == nullptr)
        return {};
    if (const auto* text = found->if_string())
        return std::string(view_of(*text));
    report(key, "text");
    return {};
}

std::int64_t json_fields::number(std::string_view key)
{
    const auto* found = find(key);
    if (found == nullptr)
        return 0;
    if (const auto* number = found->if_int64())
        return *number;
    report(key, "number");  // a number beyond 63 bits is none that the engine would send
    return 0;
}

bool json_fields::flag(std::string_view key)
{
    const auto* found = find(key);
    if (found == nullptr)
        return false;
    if (const auto* flag = found->if_bool())
        return *flag;
    report(key, "boolean");
    return false;
}

std::vector<std::string> json_fields::texts(std::string_view key)
{
    const auto* found = find(key);
    std::vector<std::string> all;
    if (found == nullptr)
        return all;
    const auto* items = found->if_array();
    if (items == nullptr) {
        report(key, "list");
        return all;
    }
    for (const auto& item : *items) {
        if (const auto* text = item.if_string())
            all.emplace_back(view_of(*text));
        else
            report(key, "list of texts");
    }
    return all;
}

std::map<std::string, std::string> json_fields::text_map(std::string_view key)
{
    const auto* found = find(key);
    std::map<std::string, std::string> all;
    if (found == nullptr)
        return all;
    const auto* members = found->if_object();
    if (members == nullptr) {
        report(key, "object");
        return all;
    }
    for (const auto& member : *members) {
        if (const auto* text = member.value().if_string())
            all.emplace(std::string(member.key().data(), member.key().size()), view_of(*text));
        else
            report(key, "object of texts");
    }
    return all;
}

json_fields json_fields::object(std::string_view key)
{
    const auto* found = find(key);
    const auto* members = found == nullptr ? nullptr : found->if_object();
    if (found != nullptr && members == nullptr)
        report(key, "object");
    return json_fields(members, what_ + "." + std::string(key), *fault_);
}

std::vector<std::pair<std::string, json_fields>> json_fields::objects()
{
    std::vector<std::pair<std::string, json_fields>> all;
    if (of_ == nullptr)
        return all;
    for (const auto& member : *of_) {
        const std::string key(member.key().data(), member.key().size());
        if (member.value().is_null())
            continue;
        const auto* members = member.value().if_object();
        if (members == nullptr)
            report(key, "object");
        all.emplace_back(key, json_fields(members, what_ + "." + key, *fault_));
    }
    return all;
}

base::result<json::value> parse_json(std::string_view bytes, std::string_view what)
{
    json::error_code failure;
    auto value = json::parse(json::string_view(bytes.data(), bytes.size()), failure);
    if (failure)
        return base::fail(base::errc::malformed, std::string(what) + " is no JSON: " + failure.message());
    return value;
}

}  // namespace gantryd::docker
