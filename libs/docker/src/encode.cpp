#include "encode.hpp"

#include <gantryd/http/exchange.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <fmt/format.h>

#include <cassert>

namespace json = boost::json;

namespace gantryd::docker {
namespace {

json::array array_of(const std::vector<std::string>& texts)
{
    json::array all;
    for (const auto& text : texts)
        all.emplace_back(text);
    return all;
}

std::string text_of_json(const json::value& value)
{
    const auto text = json::serialize(value);
    return std::string(text.data(), text.size());
}

json::array label_filter(const labels& wanted)
{
    json::array all;
    for (const auto& [key, value] : wanted)
        all.emplace_back(fmt::format("{}={}", key, value));
    return all;
}

}  // namespace

std::string encode_create(const create_request& what)
{
    json::object host;
    host["RestartPolicy"] = json::object{{"Name", "no"}};
    host["Binds"] = array_of(what.binds);
    host["VolumesFrom"] = array_of(what.volumes_from);
    host["Privileged"] = what.privileged;
    if (what.memory_bytes > 0)
        host["Memory"] = what.memory_bytes;
    if (what.nano_cpus > 0)
        host["NanoCpus"] = what.nano_cpus;
    if (what.pids_limit > 0)
        host["PidsLimit"] = what.pids_limit;

    json::object body;
    body["Image"] = what.image.text();
    if (!what.command.empty())
        body["Cmd"] = array_of(what.command);
    if (!what.user.empty())
        body["User"] = what.user;
    if (!what.stop_signal.empty())
        body["StopSignal"] = what.stop_signal;
    body["Env"] = array_of(what.environment);
    json::object marks;
    for (const auto& [key, value] : what.labels)
        marks[key] = value;
    body["Labels"] = std::move(marks);
    json::object ports;
    for (const auto port : what.exposed_ports)
        ports[fmt::format("{}/tcp", port)] = json::object{};
    body["ExposedPorts"] = std::move(ports);
    body["HostConfig"] = std::move(host);
    return text_of_json(body);
}

std::string encode_exec(const std::vector<std::string>& command)
{
    json::object body;
    body["AttachStdout"] = true;
    body["AttachStderr"] = true;
    body["Cmd"] = array_of(command);
    return text_of_json(body);
}

std::string list_target(const labels& wanted)
{
    json::object filters;
    if (!wanted.empty())
        filters["label"] = label_filter(wanted);
    return "/containers/json?all=1&filters=" + http::percent_encode(text_of_json(filters));
}

std::string events_target(const labels& wanted, std::optional<std::int64_t> since)
{
    json::object filters;
    filters["type"] = json::array{"container"};
    filters["event"] = json::array{"create", "start", "restart", "pause", "unpause", "kill", "oom", "die",
        "stop", "destroy", "rename", "update"};
    if (!wanted.empty())
        filters["label"] = label_filter(wanted);
    auto target = "/events?filters=" + http::percent_encode(text_of_json(filters));
    if (since)
        target += fmt::format("&since={}.{:09}", *since / 1'000'000'000, *since % 1'000'000'000);
    return target;
}

std::string container_target(const model::container_id& id, std::string_view verb)
{
    assert(!id.empty() && "\"/containers//start\" would be another call");
    auto target = "/containers/" + http::percent_encode(id.text());
    if (!verb.empty())
        (target += '/') += verb;
    return target;
}

}  // namespace gantryd::docker
