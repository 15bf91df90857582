#include "answers.hpp"

#include <gantryd/base/base64.hpp>
#include <gantryd/base/number.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

namespace json = boost::json;

namespace gantryd::etcd {
namespace {

using base::errc;
using base::fail;
using base::result;

/// Members of one object. What is missing has its default; the first member that makes no sense is the fault.
class reader {
public:
    reader(const json::object* from, std::string& fault) : from_(from), fault_(&fault) {}

    template <class Number>
    Number number(const char* key)
    {
        const auto* found = find(key);
        if (found == nullptr)
            return 0;
        std::string digits;
        if (const auto* text = found->if_string())
            digits.assign(text->data(), text->size());
        else if (const auto* whole = found->if_int64())
            digits = std::to_string(*whole);
        else if (const auto* large = found->if_uint64())
            digits = std::to_string(*large);
        const auto out = base::number_in<Number>(digits);
        if (!out)
            report(key, "number");
        return out.value_or(0);
    }

    bool flag(const char* key)
    {
        const auto* found = find(key);
        if (found == nullptr)
            return false;
        if (!found->is_bool())
            report(key, "boolean");
        return found->is_bool() && found->get_bool();
    }

    std::string text(const char* key)
    {
        const auto* found = find(key);
        if (found == nullptr)
            return {};
        if (const auto* text = found->if_string())
            return std::string(text->data(), text->size());
        report(key, "text");
        return {};
    }

    std::string bytes(const char* key)
    {
        auto decoded = base::decode_base64(text(key));
        if (!decoded)
            report(key, "base64");
        return decoded ? std::move(*decoded) : std::string();
    }

    /// Null when it is missing.
    const json::object* object(const char* key)
    {
        const auto* found = find(key);
        if (found != nullptr && !found->is_object())
            report(key, "object");
        return found == nullptr ? nullptr : found->if_object();
    }

    std::vector<const json::object*> objects(const char* key)
    {
        std::vector<const json::object*> out;
        const auto* found = find(key);
        const auto* list = found == nullptr ? nullptr : found->if_array();
        if (found != nullptr && list == nullptr)
            report(key, "list");
        if (list == nullptr)
            return out;
        for (const auto& item : *list) {
            if (item.is_object())
                out.push_back(item.if_object());
            else
                report(key, "list of objects");
        }
        return out;
    }

private:
    const json::value* find(const char* key) const
    {
        const auto* found = from_ == nullptr ? nullptr : from_->if_contains(key);
        return found == nullptr || found->is_null() ? nullptr : found;
    }
    void report(const char* key, const char* expected)
    {
        if (fault_->empty())
            *fault_ = std::string(key) + " is no " + expected;
    }

    const json::object* from_;
    std::string* fault_;
};

header header_of(reader from, std::string& fault)
{
    reader of(from.object("header"), fault);
    header out;
    out.cluster = of.number<std::uint64_t>("cluster_id");
    out.member = of.number<std::uint64_t>("member_id");
    out.at = store::revision{of.number<std::int64_t>("revision")};
    out.term = of.number<std::uint64_t>("raft_term");
    return out;
}

store::key_value pair_of(const json::object* from, std::string& fault)
{
    reader of(from, fault);
    store::key_value out;
    out.key = of.bytes("key");
    out.value = of.bytes("value");
    out.created = store::revision{of.number<std::int64_t>("create_revision")};
    out.modified = store::revision{of.number<std::int64_t>("mod_revision")};
    out.lease = store::lease_id{of.number<std::int64_t>("lease")};
    return out;
}

std::vector<store::key_value> pairs_of(reader from, std::string& fault)
{
    std::vector<store::key_value> out;
    for (const auto* pair : from.objects("kvs"))
        out.push_back(pair_of(pair, fault));
    return out;
}

/// Parses `body` and hands its object to `take`; the fault that `take` found is the error.
template <class T, class Take>
result<T> decode(std::string_view body, const char* what, Take take)
{
    json::error_code failure;
    const auto value = json::parse(json::string_view(body.data(), body.size()), failure);
    if (failure)
        return fail(errc::malformed, std::string(what) + " is no JSON: " + failure.message());
    const auto* object = value.if_object();
    if (object == nullptr)
        return fail(errc::malformed, std::string(what) + " is no object");
    std::string fault;
    auto out = take(*object, reader(object, fault), fault);
    if (!fault.empty())
        return fail(errc::malformed, std::string(what) + ": " + fault);
    return out;
}

store::change change_of(const json::object* event, std::string& fault)
{
    reader of(event, fault);
    store::change out;
    // An enumerator may come as its name or its number; that of a put is zero, and so left out.
    const auto* type = event->if_contains("type");
    if (type != nullptr && type->is_string())
        out.erased = type->get_string() == "DELETE";
    else
        out.erased = of.number<std::int64_t>("type") == 1;
    out.pair = pair_of(of.object("kv"), fault);
    return out;
}

lease_answer lease_of(reader from, std::string& fault)
{
    lease_answer out;
    out.from = header_of(from, fault);
    out.lease = store::lease_id{from.number<std::int64_t>("ID")};
    out.ttl = std::chrono::seconds(from.number<std::int64_t>("TTL"));
    return out;
}

}  // namespace

result<range_answer> decode_range(std::string_view body)
{
    return decode<range_answer>(
        body, "etcd's answer to a range", [](const json::object&, reader from, std::string& fault) {
            range_answer out;
            out.from = header_of(from, fault);
            out.pairs = pairs_of(from, fault);
            out.count = from.number<std::int64_t>("count");
            return out;
        });
}

result<commit_answer> decode_commit(std::string_view body)
{
    return decode<commit_answer>(
        body, "etcd's answer to a transaction", [](const json::object&, reader from, std::string& fault) {
            commit_answer out;
            out.from = header_of(from, fault);
            out.succeeded = from.flag("succeeded");
            if (out.succeeded)
                return out;
            for (const auto* response : from.objects("responses"))
                for (auto& pair :
                    pairs_of(reader(reader(response, fault).object("response_range"), fault), fault))
                    out.read.push_back(std::move(pair));
            return out;
        });
}

result<audit_answer> decode_audit(std::string_view body)
{
    return decode<audit_answer>(
        body, "etcd's answer to an audit", [](const json::object&, reader from, std::string& fault) {
            audit_answer out;
            out.from = header_of(from, fault);
            bool is_count = true;
            for (const auto* response : from.objects("responses")) {
                reader range(reader(response, fault).object("response_range"), fault);
                if (is_count)
                    out.parts.emplace_back().count = range.number<std::int64_t>("count");
                else
                    out.parts.back().written = pairs_of(range, fault);
                is_count = !is_count;
            }
            return out;
        });
}

result<lease_answer> decode_grant(std::string_view body)
{
    auto out = decode<lease_answer>(body, "etcd's answer to a grant",
        [](const json::object&, reader from, std::string& fault) { return lease_of(from, fault); });
    if (out && out->lease == store::lease_id{})
        return fail(errc::malformed, "etcd's answer to a grant has no lease in it");
    return out;
}

result<std::variant<lease_answer, refusal>> decode_keep_alive(std::string_view body)
{
    using answer = std::variant<lease_answer, refusal>;
    // One record is asked for; whatever follows it is not ours.
    const auto record = body.substr(0, body.find('\n'));
    return decode<answer>(record, "etcd's answer to a keep-alive",
        [](const json::object&, reader from, std::string& fault) -> answer {
            if (const auto* error = from.object("error"))
                return decode_stream_refusal(*error);
            const auto* inner = from.object("result");
            if (inner == nullptr && fault.empty())
                fault = "no result";
            return lease_of(reader(inner, fault), fault);
        });
}

result<std::string> decode_token(std::string_view body)
{
    auto out = decode<std::string>(body, "etcd's answer to a login",
        [](const json::object&, reader from, std::string&) { return from.text("token"); });
    // It becomes a header.
    if (out && (out->empty() || out->find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos))
        return fail(errc::malformed, "etcd's answer to a login has no token in it");
    return out;
}

result<watch_frame> decode_watch_frame(std::string_view record)
{
    return decode<watch_frame>(
        record, "a record of etcd's watch", [](const json::object&, reader from, std::string& fault) {
            watch_frame out;
            if (const auto* error = from.object("error")) {
                out.stream_ended = decode_stream_refusal(*error);
                return out;
            }
            const auto* inner = from.object("result");
            if (inner == nullptr && fault.empty())
                fault = "no result";
            reader of(inner, fault);
            out.from = header_of(of, fault);
            out.watch = of.number<std::int64_t>("watch_id");
            out.is_created = of.flag("created");
            out.is_cancelled = of.flag("canceled");
            out.is_fragment = of.flag("fragment");
            out.compacted = store::revision{of.number<std::int64_t>("compact_revision")};
            out.reason = of.text("cancel_reason");
            for (const auto* event : of.objects("events"))
                out.changes.push_back(change_of(event, fault));
            return out;
        });
}

}  // namespace gantryd::etcd
