#include <gantryd/records/codec.hpp>

#include "json_access.hpp"

#include <algorithm>

namespace json = boost::json;

namespace gantryd::records {

using namespace detail;

namespace {

constexpr std::int64_t most_cpus = 1'000'000;
constexpr std::int64_t most_counted = 1'000'000;

json::object drain_json(const model::drain_numbers& n)
{
    json::object out{
        {"http", n.http}, {"tunnels", n.tunnels}, {"viaOldWorker", n.via_old_worker}, {"direct", nullptr}};
    if (n.direct)
        out["direct"] = *n.direct;
    return out;
}

std::optional<model::drain_numbers> drain_from(const json::object& from)
{
    const auto* found = from.if_contains("draining");
    if (found == nullptr || !found->is_object())
        return std::nullopt;
    const auto& numbers = found->get_object();
    model::drain_numbers out;
    out.http = integer_of(numbers, "http").value_or(0);
    out.tunnels = integer_of(numbers, "tunnels").value_or(0);
    out.via_old_worker = integer_of(numbers, "viaOldWorker").value_or(0);
    out.direct = integer_of(numbers, "direct");
    return out;
}

json::object instance_json(const model::instance_report& i)
{
    json::object out{{"name", i.name.text()}, {"container", i.container.text()},
        {"release", model::value_of(i.release)}, {"imageid", i.image.text()}, {"state", i.state},
        {"health", i.health}, {"address", i.address}, {"since", base::rfc3339(i.since)},
        {"connections", i.connections}};
    if (i.draining)
        out["draining"] = drain_json(*i.draining);
    return out;
}

model::instance_report instance_from(const json::object& from)
{
    model::instance_report out;
    out.name = model::instance_name(string_of(from, "name"));
    out.container = model::container_id(string_of(from, "container"));
    out.release = static_cast<model::release_number>(integer_of(from, "release").value_or(0));
    out.image = model::image_id(string_of(from, "imageid"));
    out.state = string_of(from, "state");
    out.health = string_of(from, "health");
    out.address = string_of(from, "address");
    out.since = time_of(from, "since").value_or(base::wall_time());
    out.connections = integer_of(from, "connections").value_or(0);
    out.draining = drain_from(from);
    return out;
}

model::condition condition_from(const json::object& from)
{
    model::condition out;
    out.code = string_of(from, "code");
    out.instance = string_of(from, "instance");
    out.text = string_of(from, "text");
    out.since = time_of(from, "since").value_or(base::wall_time());
    out.until = time_of(from, "until");
    out.then = string_of(from, "then");
    out.command = string_of(from, "command");
    return out;
}

std::optional<model::release_number> number_of(const json::object& from, std::string_view key)
{
    const auto number = integer_of(from, key);
    if (!number)
        return std::nullopt;
    return static_cast<model::release_number>(*number);
}

int count_of(const json::object& from, std::string_view key)
{
    return static_cast<int>(std::clamp<std::int64_t>(integer_of(from, key).value_or(0), 0, most_counted));
}

}  // namespace

json::object to_json(const model::condition& condition)
{
    json::object out{
        {"code", condition.code}, {"text", condition.text}, {"since", base::rfc3339(condition.since)}};
    if (!condition.instance.empty())
        out["instance"] = condition.instance;
    if (condition.until)
        out["until"] = base::rfc3339(*condition.until);
    if (!condition.then.empty())
        out["then"] = condition.then;
    if (!condition.command.empty())
        out["command"] = condition.command;
    return out;
}

json::object to_json(const model::component_report& report)
{
    json::array instances;
    for (const auto& instance : report.instances)
        instances.emplace_back(instance_json(instance));
    json::array conditions;
    for (const auto& condition : report.conditions)
        conditions.emplace_back(to_json(condition));
    json::object out{{"machine", report.machine.text()}, {"component", report.component.text()},
        {"state", report.state}, {"instances", std::move(instances)}, {"conditions", std::move(conditions)},
        {"reportedAt", base::rfc3339(report.reported_at)}};
    if (!report.host.empty())
        out["host"] = report.host;
    if (report.running)
        out["running"] = model::value_of(*report.running);
    if (report.wanted)
        out["wanted"] = model::value_of(*report.wanted);
    if (report.last_failure)
        out["lastFailure"] = to_json(*report.last_failure);
    if (report.carries > 0) {
        out["carries"] = report.carries;
        out["asked"] = report.asked;
    }
    return out;
}

std::string encode(const model::component_report& report) { return json::serialize(to_json(report)); }

base::result<model::component_report> decode_component_report(std::string_view text)
{
    const auto object = parse_object(text, "component report");
    if (!object)
        return std::unexpected(object.error());
    model::component_report out;
    out.machine = model::machine_id(string_of(*object, "machine"));
    out.host = string_of(*object, "host");
    out.component = model::component_name(string_of(*object, "component"));
    out.state = string_of(*object, "state");
    out.running = number_of(*object, "running");
    out.wanted = number_of(*object, "wanted");
    for (const auto* instance : objects_of(*object, "instances"))
        out.instances.push_back(instance_from(*instance));
    for (const auto* condition : objects_of(*object, "conditions"))
        out.conditions.push_back(condition_from(*condition));
    if (const auto* failure = object_of(*object, "lastFailure")) {
        auto evidence = decode_evidence(json::serialize(*failure));
        if (evidence)
            out.last_failure = std::move(*evidence);
    }
    out.reported_at = time_of(*object, "reportedAt").value_or(base::wall_time());
    out.carries = count_of(*object, "carries");
    out.asked = count_of(*object, "asked");
    return out;
}

json::object to_json(const model::machine_report& report)
{
    json::array components;
    for (const auto& component : report.components)
        components.emplace_back(component.text());
    json::object tags;
    for (const auto& [name, value] : report.tags)
        tags[name] = value;
    return {{"id", report.id.text()}, {"host", report.host}, {"address", report.address},
        {"tags", std::move(tags)}, {"cpus", report.cpus}, {"memory", report.memory_bytes},
        {"pid", report.pid}, {"version", report.version}, {"components", std::move(components)},
        {"startedAt", base::rfc3339(report.started_at)}};
}

std::string encode(const model::machine_report& report)
{
    auto out = to_json(report);
    out["status"] = "running";
    out["session"] = report.session;
    return json::serialize(out);
}

base::result<model::machine_report> decode_machine_report(std::string_view text)
{
    const auto object = parse_object(text, "machine report");
    if (!object)
        return std::unexpected(object.error());
    model::machine_report out;
    out.id = model::machine_id(string_of(*object, "id"));
    out.host = string_of(*object, "host");
    out.address = string_of(*object, "address");
    if (const auto* tags = object_of(*object, "tags"))
        for (const auto& [name, value] : *tags)
            if (value.is_string())
                out.tags.emplace(name, value.get_string());
    out.cpus =
        static_cast<int>(std::clamp<std::int64_t>(integer_of(*object, "cpus").value_or(0), 0, most_cpus));
    out.memory_bytes = integer_of(*object, "memory").value_or(0);
    out.pid = integer_of(*object, "pid").value_or(0);
    out.session = string_of(*object, "session");
    out.version = string_of(*object, "version");
    for (auto& name : strings_of(*object, "components"))
        out.components.emplace_back(std::move(name));
    out.started_at = time_of(*object, "startedAt").value_or(base::wall_time());
    return out;
}

std::string encode(const model::drain_mark& mark)
{
    json::object out{{"by", mark.by}, {"at", base::rfc3339(mark.at)}};
    if (mark.returns)
        out["returns"] = true;
    if (!mark.components.empty()) {
        json::array components;
        for (const auto& component : mark.components)
            components.emplace_back(component.text());
        out["components"] = std::move(components);
    }
    json::array failed;
    for (const auto& [component, machines] : mark.failed)
        for (const auto& [machine, failure] : machines)
            failed.emplace_back(json::object{{"component", component.text()}, {"machine", machine.text()},
                {"times", failure.times}, {"why", failure.why}});
    if (!failed.empty())
        out["failed"] = std::move(failed);
    return json::serialize(out);
}

base::result<model::drain_mark> decode_drain_mark(std::string_view text)
{
    const auto object = parse_object(text, "drain mark");
    if (!object)
        return std::unexpected(object.error());
    model::drain_mark out;
    out.by = string_of(*object, "by");
    out.at = time_of(*object, "at").value_or(base::wall_time());
    out.returns = bool_of(*object, "returns");
    for (auto& name : strings_of(*object, "components"))
        out.components.emplace_back(std::move(name));
    for (const auto* failure : objects_of(*object, "failed")) {
        const model::component_name component(string_of(*failure, "component"));
        const model::machine_id machine(string_of(*failure, "machine"));
        out.failed[component][machine] = {count_of(*failure, "times"), string_of(*failure, "why")};
    }
    return out;
}

}  // namespace gantryd::records
