#include <gantryd/records/codec.hpp>

#include "json_access.hpp"

namespace json = boost::json;

namespace gantryd::records {

using namespace detail;

json::object to_json(const model::event& event)
{
    json::object out{{"sequence", event.sequence}, {"at", base::rfc3339(event.at)},
        {"machine", event.machine.text()}, {"code", event.code}};
    if (!event.change.empty())
        out["change"] = event.change;
    if (!event.component.empty())
        out["component"] = event.component.text();
    if (!event.instance.empty())
        out["instance"] = event.instance;
    if (event.release)
        out["release"] = model::value_of(*event.release);
    if (!event.text.empty())
        out["text"] = event.text;
    if (event.why)
        out["evidence"] = to_json(*event.why);
    return out;
}

std::string encode(const model::event& event) { return json::serialize(to_json(event)); }

base::result<model::event> decode_event(std::string_view text)
{
    const auto object = parse_object(text, "event");
    if (!object)
        return std::unexpected(object.error());
    const auto at = time_of(*object, "at");
    model::event out;
    out.code = string_of(*object, "code");
    if (!at || out.code.empty())
        return base::fail(base::errc::malformed, "event: no time or no code");
    out.at = *at;
    out.sequence = integer_of(*object, "sequence").value_or(0);
    out.machine = model::machine_id(string_of(*object, "machine"));
    out.component = model::component_name(string_of(*object, "component"));
    out.instance = string_of(*object, "instance");
    if (const auto number = integer_of(*object, "release"))
        out.release = static_cast<model::release_number>(*number);
    out.change = string_of(*object, "change");
    out.text = string_of(*object, "text");
    if (const auto* why = object_of(*object, "evidence")) {
        auto evidence = decode_evidence(json::serialize(*why));
        if (evidence)
            out.why = std::move(*evidence);
    }
    return out;
}

}  // namespace gantryd::records
