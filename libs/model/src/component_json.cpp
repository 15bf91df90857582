#include <gantryd/model/component_json.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

namespace json = boost::json;

namespace gantryd::model {
namespace {

json::array words(const std::vector<std::string>& from)
{
    json::array out;
    for (const auto& word : from)
        out.emplace_back(word);
    return out;
}

template <class T>
json::array each(const std::vector<T>& from, auto&& one)
{
    json::array out;
    for (const auto& item : from)
        out.emplace_back(one(item));
    return out;
}

json::object port_json(const port_mapping& p)
{
    return {
        {"external", p.external}, {"container", p.container}, {"kind", text_of(p.kind)}, {"bind", p.bind}};
}

json::object check_json(const check_spec& c)
{
    json::object out{{"kind", text_of(c.kind)}, {"id", c.id}};
    if (c.kind == check_kind::tcp || c.kind == check_kind::http || c.kind == check_kind::https)
        out["port"] = c.port;
    if (c.kind == check_kind::http || c.kind == check_kind::https)
        out["path"] = c.path;
    if (c.kind == check_kind::exec)
        out["command"] = words(c.command);
    out["interval"] = duration_text(c.interval);
    out["timeout"] = duration_text(c.timeout);
    out["rise"] = c.rise;
    out["fall"] = c.fall;
    out["grace"] = duration_text(c.grace);
    return out;
}

json::object signal_json(const signal_spec& s)
{
    json::object out{{"kind", text_of(s.kind)}, {"id", s.id}, {"timeout", duration_text(s.timeout)}};
    if (s.kind == signal_kind::exec) {
        out["command"] = words(s.command);
    } else {
        out["port"] = s.port;
        out["path"] = s.path;
    }
    return out;
}

json::object resources_json(const resource_limits& r)
{
    json::object out;
    if (r.memory_bytes != 0)
        out["memory"] = r.memory_bytes;
    if (r.nano_cpus != 0)
        out["cpus"] = static_cast<double>(r.nano_cpus) / 1e9;
    if (r.pids != 0)
        out["pids"] = r.pids;
    return out;
}

json::object rollout_json(const rollout_policy& r)
{
    json::object out;
    if (r.max_parallel.percent)
        out["maxParallel"] = text_of(r.max_parallel);
    else
        out["maxParallel"] = r.max_parallel.count;
    out["pause"] = duration_text(r.pause);
    out["minHealthyTime"] = duration_text(r.min_healthy_time);
    out["deadline"] = duration_text(r.deadline);
    out["lostAfter"] = duration_text(r.lost_after);
    out["onFailure"] = text_of(r.on_failure);
    return out;
}

json::object labels_json(const std::map<std::string, std::string>& labels)
{
    json::object out;
    for (const auto& [key, value] : labels)
        out[key] = value;
    return out;
}

json::object variable_json(const environment_variable& e)
{
    if (!e.secret)
        return {{"name", e.name}, {"value", e.value}};
    if (e.secret->file.empty())
        return {{"name", e.name}, {"secret", e.secret->name}};
    return {{"name", e.name}, {"secret", json::object{{"file", e.secret->file}}}};
}

void write_pretty(std::string& out, const json::value& value, std::size_t indent)
{
    const auto new_line = [&](std::size_t depth) { (out += '\n').append(2 * depth, ' '); };
    if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
        std::vector<std::string_view> keys;
        for (const auto& member : *object)
            keys.emplace_back(member.key());
        std::ranges::sort(keys);
        out += '{';
        for (const auto& key : keys) {
            out += &key == &keys.front() ? "" : ",";
            new_line(indent + 1);
            out += json::serialize(json::string(key)) + ": ";
            write_pretty(out, object->at(key), indent + 1);
        }
        new_line(indent);
        out += '}';
    } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
        out += '[';
        for (const auto& item : *array) {
            out += &item == array->data() ? "" : ",";
            new_line(indent + 1);
            write_pretty(out, item, indent + 1);
        }
        new_line(indent);
        out += ']';
    } else {
        out += json::serialize(value);
    }
}

}  // namespace

std::string duration_text(milliseconds duration)
{
    const auto ms = duration.count();
    if (ms % 3'600'000 == 0 && ms != 0)
        return fmt::format("{}h", ms / 3'600'000);
    if (ms % 60'000 == 0 && ms != 0)
        return fmt::format("{}m", ms / 60'000);
    if (ms % 1000 == 0)
        return fmt::format("{}s", ms / 1000);
    return fmt::format("{}ms", ms);
}

json::object to_json(const component_spec& c)
{
    json::object out;
    out["name"] = c.name.text();
    out["repo"] = c.repo;
    out["tag"] = c.tag;
    out["command"] = words(c.command);
    out["user"] = c.user;
    out["instances"] = c.instances;
    out["ports"] = each(c.ports, port_json);
    out["bindings"] = each(c.bindings,
        [](const volume_binding& b) { return json::object{{"external", b.external}, {"volume", b.volume}}; });
    out["volumesFrom"] = words(c.volumes_from);
    out["readyChecks"] = each(c.ready_checks, check_json);
    out["healthChecks"] = each(c.health_checks, check_json);
    out["readyTimeout"] = duration_text(c.ready_timeout);
    out["terminationSignals"] = each(c.termination_signals, signal_json);
    out["terminationChecks"] = each(c.termination_checks, check_json);
    out["drain"] =
        json::object{{"timeout", duration_text(c.drain.timeout)}, {"onTimeout", text_of(c.drain.on_timeout)}};
    // Left out where it is the default: what was released before there were rollouts keeps its hash.
    if (c.rollout != rollout_policy())
        out["rollout"] = rollout_json(c.rollout);
    out["stopSignal"] = c.stop_signal;
    out["stopTimeout"] = duration_text(c.stop_timeout);
    out["privileged"] = c.privileged;
    out["resources"] = resources_json(c.resources);
    out["defineComponentLinks"] = each(c.define_component_links, [](const link_export& l) {
        return json::object{{"name", l.name}, {"port", l.port}, {"kind", text_of(l.kind)}};
    });
    out["requireComponentLinks"] = each(c.require_component_links,
        [](const link_import& l) { return json::object{{"name", l.name}, {"alias", l.alias}}; });
    out["environmentVariables"] = each(c.environment_variables, variable_json);
    out["labels"] = labels_json(c.labels);
    return out;
}

json::object to_json(const project_spec& project)
{
    json::array components;
    for (const auto& component : project.components)
        components.emplace_back(to_json(component));
    return {{"components", std::move(components)}};
}

json::object to_json(const held_secrets& secrets)
{
    json::object out;
    for (const auto& [variable, held] : secrets) {
        json::object one;
        if (!held.sealed.empty()) {
            one["version"] = held.version;
            one["sealed"] = held.sealed;
        }
        if (!held.fingerprint.empty())
            one["fingerprint"] = held.fingerprint;
        out[variable] = std::move(one);
    }
    return out;
}

std::string spec_hash(const component_spec& component, const held_secrets& secrets)
{
    auto text = pretty(to_json(component));
    if (!secrets.empty())
        text += pretty(to_json(secrets));
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
    std::string hex;
    for (unsigned int i = 0; i < size; ++i)
        fmt::format_to(std::back_inserter(hex), "{:02x}", digest[i]);
    return hex;
}

std::string pretty(const json::value& value)
{
    std::string out;
    write_pretty(out, value, 0);
    out += '\n';
    return out;
}

}  // namespace gantryd::model
