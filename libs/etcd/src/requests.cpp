#include "requests.hpp"

#include <gantryd/base/base64.hpp>
#include <gantryd/store/rules.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <utility>

namespace json = boost::json;

namespace gantryd::etcd {
namespace {

using namespace std::string_view_literals;

/// The smallest key; as the end of a range it stands for "all that follow".
constexpr auto zero = "\0"sv;

std::string text_of_json(const json::value& value)
{
    const auto text = json::serialize(value);
    return std::string(text.data(), text.size());
}

// 64-bit numbers are texts in protobuf's JSON.
template <class Number>
std::string number(Number n)
{
    return std::to_string(std::to_underlying(n));
}

/// The range of all keys that start with `prefix`.
json::object range_of(std::string_view prefix)
{
    const auto end = store::end_of_prefix(std::string(prefix));
    return {{"key", base::encode_base64(prefix.empty() ? zero : prefix)},
        {"range_end", base::encode_base64(end ? std::string_view(*end) : zero)}};
}

json::object key_of(std::string_view key) { return {{"key", base::encode_base64(key)}}; }

json::object as_json(const store::compare& condition)
{
    auto out = key_of(condition.key);
    const bool created = condition.what == store::compare::target::created;
    out["target"] = created ? "CREATE" : "MOD";
    out["result"] = "EQUAL";
    out[created ? "create_revision" : "mod_revision"] = number(condition.equals);
    return out;
}

json::object as_json(const store::operation& write)
{
    auto out = key_of(write.key);
    if (write.what == store::operation::kind::erase)
        return {{"request_delete_range", std::move(out)}};
    out["value"] = base::encode_base64(write.value);
    if (write.lease != store::lease_id{})
        out["lease"] = number(write.lease);
    return {{"request_put", std::move(out)}};
}

}  // namespace

std::string encode_get(std::string_view key) { return text_of_json(key_of(key)); }

std::string encode_list(std::string_view prefix) { return text_of_json(range_of(prefix)); }

std::string encode_look(std::string_view prefix)
{
    auto out = range_of(prefix);
    out["count_only"] = true;
    return text_of_json(out);
}

std::string encode_commit(const store::transaction& what)
{
    json::array conditions;
    json::array reads;
    for (const auto& condition : what.conditions) {
        conditions.emplace_back(as_json(condition));
        auto read = key_of(condition.key);
        read["keys_only"] = true;
        reads.emplace_back(json::object{{"request_range", std::move(read)}});
    }
    json::array writes;
    for (const auto& write : what.operations)
        writes.emplace_back(as_json(write));
    return text_of_json(json::object{
        {"compare", std::move(conditions)}, {"success", std::move(writes)}, {"failure", std::move(reads)}});
}

std::string encode_watch(const std::vector<watched>& what)
{
    std::string out;
    for (const auto& one : what) {
        auto request = range_of(one.prefix);
        request["watch_id"] = std::to_string(one.id);
        request["start_revision"] = std::to_string(std::to_underlying(one.after) + 1);
        request["progress_notify"] = true;
        request["fragment"] = true;
        out += text_of_json(json::object{{"create_request", std::move(request)}});
        out += '\n';
    }
    return out;
}

std::string encode_audit(const std::vector<watched>& what)
{
    json::array reads;
    for (const auto& one : what) {
        auto count = range_of(one.prefix);
        count["count_only"] = true;
        reads.emplace_back(json::object{{"request_range", std::move(count)}});
        auto written = range_of(one.prefix);
        written["keys_only"] = true;
        written["min_mod_revision"] = std::to_string(std::to_underlying(one.after) + 1);
        reads.emplace_back(json::object{{"request_range", std::move(written)}});
    }
    return text_of_json(json::object{{"success", std::move(reads)}});
}

std::string encode_grant(std::chrono::seconds ttl)
{
    return text_of_json(json::object{{"TTL", std::to_string(ttl.count())}});
}

std::string encode_lease(store::lease_id lease) { return text_of_json(json::object{{"ID", number(lease)}}); }

std::string encode_login(std::string_view user, std::string_view password)
{
    return text_of_json(json::object{{"name", user}, {"password", password}});
}

}  // namespace gantryd::etcd
