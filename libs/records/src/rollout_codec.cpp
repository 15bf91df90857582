#include <gantryd/records/codec.hpp>

#include "json_access.hpp"

#include <algorithm>

namespace json = boost::json;

namespace gantryd::records {

using namespace detail;

namespace {

/// Errors: malformed.
base::result<model::release_number> release_in(const json::object& from, std::string_view what)
{
    const auto number = integer_of(from, "release");
    if (!number || !is_release(*number))
        return base::fail(base::errc::malformed, std::string(what) + ": no release");
    return static_cast<model::release_number>(*number);
}

}  // namespace

json::object to_json(const model::rollout& rollout)
{
    json::object out{{"release", model::value_of(rollout.release)}, {"slots", rollout.slots},
        {"verdict", text_of(rollout.verdict)}, {"held", rollout.held},
        {"beganAt", base::rfc3339(rollout.began_at)}};
    if (!rollout.held_by.empty())
        out["heldBy"] = rollout.held_by;
    if (!rollout.machine.empty())
        out["machine"] = rollout.machine.text();
    if (!rollout.why.empty())
        out["why"] = rollout.why;
    if (rollout.ended_at)
        out["endedAt"] = base::rfc3339(*rollout.ended_at);
    return out;
}

std::string encode(const model::rollout& rollout) { return json::serialize(to_json(rollout)); }

base::result<model::rollout> decode_rollout(std::string_view text)
{
    const auto object = parse_object(text, "rollout");
    if (!object)
        return std::unexpected(object.error());
    const auto release = release_in(*object, "rollout");
    if (!release)
        return std::unexpected(release.error());
    const auto verdict = model::rollout_verdict_of(string_of(*object, "verdict"));
    if (!verdict)
        return base::fail(base::errc::malformed, "rollout: unknown verdict");
    constexpr std::int64_t most_slots = 1000;
    model::rollout out;
    out.release = *release;
    out.slots =
        static_cast<int>(std::clamp<std::int64_t>(integer_of(*object, "slots").value_or(0), 0, most_slots));
    out.verdict = *verdict;
    out.held = bool_of(*object, "held");
    out.held_by = string_of(*object, "heldBy");
    out.machine = model::machine_id(string_of(*object, "machine"));
    out.why = string_of(*object, "why");
    out.began_at = time_of(*object, "beganAt").value_or(base::wall_time());
    out.ended_at = time_of(*object, "endedAt");
    return out;
}

std::string encode(const model::slot& slot)
{
    return json::serialize(json::object{{"machine", slot.machine.text()},
        {"release", model::value_of(slot.release)}, {"since", base::rfc3339(slot.since)}});
}

base::result<model::slot> decode_slot(std::string_view text)
{
    const auto object = parse_object(text, "slot");
    if (!object)
        return std::unexpected(object.error());
    const auto release = release_in(*object, "slot");
    if (!release)
        return std::unexpected(release.error());
    return model::slot{model::machine_id(string_of(*object, "machine")), *release,
        time_of(*object, "since").value_or(base::wall_time())};
}

std::string encode(const model::rollout_step& step)
{
    return json::serialize(
        json::object{{"release", model::value_of(step.release)}, {"at", base::rfc3339(step.at)}});
}

base::result<model::rollout_step> decode_rollout_step(std::string_view text)
{
    const auto object = parse_object(text, "rollout step");
    if (!object)
        return std::unexpected(object.error());
    const auto release = release_in(*object, "rollout step");
    if (!release)
        return std::unexpected(release.error());
    return model::rollout_step{*release, time_of(*object, "at").value_or(base::wall_time())};
}

std::string encode(const model::preflight& preflight)
{
    json::object out{
        {"release", model::value_of(preflight.release)}, {"standing", text_of(preflight.standing)}};
    if (!preflight.text.empty())
        out["text"] = preflight.text;
    return json::serialize(out);
}

base::result<model::preflight> decode_preflight(std::string_view text)
{
    const auto object = parse_object(text, "preflight");
    if (!object)
        return std::unexpected(object.error());
    const auto release = release_in(*object, "preflight");
    if (!release)
        return std::unexpected(release.error());
    const auto standing = model::preparation_of(string_of(*object, "standing"));
    if (!standing)
        return base::fail(base::errc::malformed, "preflight: unknown standing");
    return model::preflight{*release, *standing, string_of(*object, "text")};
}

}  // namespace gantryd::records
