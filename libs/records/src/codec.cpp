#include <gantryd/records/codec.hpp>

#include "json_access.hpp"

#include <gantryd/model/component_json.hpp>
#include <gantryd/project_file/reader.hpp>

namespace json = boost::json;

namespace gantryd::records {

using namespace detail;

namespace {

model::evidence evidence_from(const json::object& from)
{
    model::evidence out;
    out.reason = string_of(from, "reason");
    out.instance = string_of(from, "instance");
    if (const auto code = integer_of(from, "exitCode"))
        out.exit_code = static_cast<int>(*code);
    out.oom_killed = bool_of(from, "oomKilled");
    out.last_log_lines = strings_of(from, "lastLogLines");
    out.check = string_of(from, "check");
    out.last_answer = string_of(from, "lastAnswer");
    return out;
}

model::held_secrets secrets_from(const json::object& from)
{
    model::held_secrets out;
    for (const auto& [variable, value] : from)
        if (const auto* one = value.if_object())
            out[variable] = {integer_of(*one, "version").value_or(0), string_of(*one, "sealed"),
                string_of(*one, "fingerprint")};
    return out;
}

json::object release_json(const model::release& release)
{
    json::object out{{"release", model::value_of(release.number)}, {"imageid", release.image.text()},
        {"specHash", release.spec_hash}, {"createdBy", release.created_by},
        {"createdAt", base::rfc3339(release.created_at)}, {"outcome", text_of(release.outcome)}};
    if (!release.digest.empty())
        out["digest"] = release.digest;
    if (!release.architecture.empty())
        out["architecture"] = release.architecture;
    if (release.outcome_at)
        out["outcomeAt"] = base::rfc3339(*release.outcome_at);
    if (!release.outcome_by.empty())
        out["outcomeBy"] = release.outcome_by.text();
    if (release.why_failed)
        out["evidence"] = to_json(*release.why_failed);
    return out;
}

}  // namespace

json::object to_json(const model::evidence& evidence)
{
    json::object out{{"reason", evidence.reason}, {"instance", evidence.instance}};
    if (evidence.exit_code)
        out["exitCode"] = *evidence.exit_code;
    if (evidence.oom_killed)
        out["oomKilled"] = true;
    if (!evidence.last_log_lines.empty())
        out["lastLogLines"] = strings_json(evidence.last_log_lines);
    if (!evidence.check.empty())
        out["check"] = evidence.check;
    if (!evidence.last_answer.empty())
        out["lastAnswer"] = evidence.last_answer;
    return out;
}

std::string encode(const model::evidence& evidence) { return json::serialize(to_json(evidence)); }

base::result<model::evidence> decode_evidence(std::string_view text)
{
    const auto object = parse_object(text, "evidence");
    if (!object)
        return std::unexpected(object.error());
    return evidence_from(*object);
}

std::string encode(const model::component_state& state)
{
    json::object out{{"status", text_of(state.status)}};
    if (!state.image.empty())
        out["imageid"] = state.image.text();
    if (state.release)
        out["release"] = model::value_of(*state.release);
    return json::serialize(out);
}

base::result<model::component_state> decode_component_state(std::string_view text)
{
    const auto object = parse_object(text, "component state");
    if (!object)
        return std::unexpected(object.error());
    const auto status = string_of(*object, "status");
    model::component_state out;
    // The seed's passing states: a machine was at work on a component that is to run.
    const bool seed_in_between = status == "updating" || status == "pullfail" || status == "updatefail";
    const auto intent = seed_in_between ? model::intent::ready : model::intent_of(status);
    if (!intent)
        return base::fail(base::errc::malformed, "component state: unknown status \"" + status + "\"");
    out.status = *intent;
    out.image = model::image_id(string_of(*object, "imageid"));
    if (const auto number = integer_of(*object, "release"); number && is_release(*number))
        out.release = static_cast<model::release_number>(*number);
    return out;
}

std::string encode(const model::release& release)
{
    auto out = release_json(release);
    out["spec"] = model::to_json(release.spec);
    if (!release.secrets.empty())
        out["secrets"] = model::to_json(release.secrets);
    return json::serialize(out);
}

json::object summary_json(const model::release& release) { return release_json(release); }

base::result<model::release> decode_release(std::string_view text)
{
    const auto object = parse_object(text, "release");
    if (!object)
        return std::unexpected(object.error());
    const auto number = integer_of(*object, "release");
    const auto* spec = object->if_contains("spec");
    if (!number || !is_release(*number) || spec == nullptr || !spec->is_object())
        return base::fail(base::errc::malformed, "release: no number or no spec");
    auto component = project_file::component_of(*spec);
    if (!component)
        return base::fail(base::errc::malformed,
            "release: spec: " + component.error().front().field + ": " + component.error().front().expected);

    model::release out;
    out.number = static_cast<model::release_number>(*number);
    out.spec = std::move(*component);
    if (const auto* secrets = object_of(*object, "secrets"))
        out.secrets = secrets_from(*secrets);
    out.image = model::image_id(string_of(*object, "imageid"));
    out.digest = string_of(*object, "digest");
    out.architecture = string_of(*object, "architecture");
    out.spec_hash = string_of(*object, "specHash");
    out.created_by = string_of(*object, "createdBy");
    out.created_at = time_of(*object, "createdAt").value_or(base::wall_time());
    out.outcome =
        model::release_outcome_of(string_of(*object, "outcome")).value_or(model::release_outcome::pending);
    out.outcome_at = time_of(*object, "outcomeAt");
    out.outcome_by = model::machine_id(string_of(*object, "outcomeBy"));
    if (const auto* why = object_of(*object, "evidence"))
        out.why_failed = evidence_from(*why);
    return out;
}

json::object to_json(const model::stored_secret& secret)
{
    return {{"version", secret.version}, {"setAt", base::rfc3339(secret.set_at)}, {"setBy", secret.set_by}};
}

std::string encode(const model::stored_secret& secret)
{
    auto out = to_json(secret);
    out["sealed"] = secret.sealed;
    return json::serialize(out);
}

base::result<model::stored_secret> decode_stored_secret(std::string_view text)
{
    const auto object = parse_object(text, "secret");
    if (!object)
        return std::unexpected(object.error());
    model::stored_secret out;
    out.version = integer_of(*object, "version").value_or(0);
    out.sealed = string_of(*object, "sealed");
    if (out.version < 1 || out.version > largest_release || out.sealed.empty())
        return base::fail(base::errc::malformed, "secret: no version or no value");
    out.set_at = time_of(*object, "setAt").value_or(base::wall_time());
    out.set_by = string_of(*object, "setBy");
    return out;
}

}  // namespace gantryd::records
