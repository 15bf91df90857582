#include "decode.hpp"
#include "json_fields.hpp"
#include "text.hpp"
#include "timestamp.hpp"

#include <array>
#include <utility>

namespace json = boost::json;

namespace gantryd::docker {
namespace {

constexpr std::size_t longest_refusal = 1000;  // characters; some repeat a whole mount table

/// Parses one JSON object and reads it with `read`, which gets the object's fields.
template <class T, class Read>
base::result<T> decode_object(std::string_view body, std::string_view what, Read read)
{
    const auto value = parse_json(body, what);
    if (!value)
        return std::unexpected(value.error());
    std::string fault;
    T out = read(json_fields(*value, std::string(what), fault), fault);
    if (!fault.empty())
        return base::fail(base::errc::malformed, std::move(fault));
    return out;
}

std::string require(std::string text, std::string_view what, std::string& fault)
{
    if (text.empty() && fault.empty())
        fault = std::string(what) + " is missing";
    return text;
}

std::string without_slash(std::string name)
{
    if (name.starts_with('/'))
        name.erase(0, 1);
    return name;
}

/// Where an answer says that a container can be reached.
struct network_place {
    std::string address;
    std::string gateway;
};

/// The default bridge's place, or that of the first network that has given an address.
network_place find_place(json_fields networks)
{
    network_place first;
    for (auto& [name, network] : networks.objects()) {
        network_place place{network.text("IPAddress"), network.text("Gateway")};
        if (place.address.empty())
            continue;
        if (name == "bridge")
            return place;
        if (first.address.empty())
            first = std::move(place);
    }
    return first;
}

container_status read_status(const std::string& text, std::string_view what, std::string& fault)
{
    const auto status = parse_status(text);
    if (!status && fault.empty())
        fault = std::string(what) + " is '" + clean_line(text, 40) + "', which is no status of a container";
    return status.value_or(container_status::dead);
}

std::chrono::system_clock::time_point read_time(json_fields& from, std::string_view key, std::string& fault)
{
    const auto text = from.text(key);
    const auto time = parse_timestamp(text);
    if (!time && fault.empty())
        fault = std::string(key) + " is '" + clean_line(text, 40) + "', which is no time";
    return time.value_or(std::chrono::system_clock::time_point{});
}

/// Seconds since the epoch; the clock counts nanoseconds, in which there is no year 2263.
std::chrono::system_clock::time_point read_seconds(
    json_fields& from, std::string_view key, std::string& fault)
{
    constexpr std::int64_t latest = 9'223'372'036;
    const auto seconds = from.number(key);
    const bool is_time = seconds >= 0 && seconds <= latest;
    if (!is_time && fault.empty())
        fault = std::string(key) + " is " + std::to_string(seconds) + ", which is no time";
    return std::chrono::system_clock::from_time_t(is_time ? seconds : 0);
}

container_summary read_summary(json_fields in, std::string& fault)
{
    container_summary out;
    out.id = model::container_id(require(in.text("Id"), "container.Id", fault));
    auto names = in.texts("Names");
    for (auto& name : names) {
        // "/other/alias" is a link of another container to this one, and not its name.
        if (out.name.empty() && name.rfind('/') == 0)
            out.name = without_slash(std::move(name));
    }
    out.image = in.text("Image");
    out.image_id = model::image_id(in.text("ImageID"));
    out.status = read_status(in.text("State"), "container.State", fault);
    out.status_text = clean_line(in.text("Status"), 100);
    out.labels = in.text_map("Labels");
    out.address = find_place(in.object("NetworkSettings").object("Networks")).address;
    out.created = read_seconds(in, "Created", fault);
    return out;
}

container_details read_details(json_fields in, std::string& fault)
{
    container_details out;
    out.id = model::container_id(require(in.text("Id"), "container.Id", fault));
    out.name = without_slash(in.text("Name"));
    out.image = model::image_id(in.text("Image"));
    auto state = in.object("State");
    out.status = read_status(state.text("Status"), "container.State.Status", fault);
    out.pid = state.number("Pid");
    out.exit_code = static_cast<int>(state.number("ExitCode"));
    out.oom_killed = state.flag("OOMKilled");
    out.error = clean_line(state.text("Error"), longest_refusal);
    out.started_at = read_time(state, "StartedAt", fault);
    out.finished_at = read_time(state, "FinishedAt", fault);
    out.labels = in.object("Config").text_map("Labels");
    auto network = in.object("NetworkSettings");
    auto place = network_place{network.text("IPAddress"), network.text("Gateway")};
    if (place.address.empty())  // not on the default bridge, or an engine that no longer repeats it there
        place = find_place(network.object("Networks"));
    out.address = std::move(place.address);
    out.gateway = std::move(place.gateway);
    return out;
}

api_version read_version(json_fields& in, std::string_view key, std::string& fault)
{
    const auto version = parse_api_version(in.text(key));
    if (!version && fault.empty())
        fault = std::string(key) + " is no version";
    return version.value_or(api_version{});
}

}  // namespace

base::result<version_offer> decode_version(std::string_view body)
{
    return decode_object<version_offer>(body, "version", [](json_fields in, std::string& fault) {
        version_offer offer;
        offer.engine = clean_line(in.text("Version"), 100);
        offer.newest = read_version(in, "ApiVersion", fault);
        if (!in.text("MinAPIVersion").empty())  // engines before 1.24 do not send it
            offer.oldest = read_version(in, "MinAPIVersion", fault);
        return offer;
    });
}

namespace {

/// The kernel's name of a processor, by which the engine tells of its machine, as the name that images have.
std::string architecture_of(std::string kernels)
{
    if (kernels == "x86_64")
        return "amd64";
    if (kernels == "aarch64")
        return "arm64";
    if (kernels == "i686" || kernels == "i386")
        return "386";
    if (kernels.starts_with("armv"))
        return "arm";
    return kernels;
}

}  // namespace

base::result<engine_info> decode_info(std::string_view body)
{
    return decode_object<engine_info>(body, "info", [](json_fields in, std::string&) {
        engine_info info;
        info.version = clean_line(in.text("ServerVersion"), 100);
        info.live_restore = in.flag("LiveRestoreEnabled");
        info.architecture = architecture_of(in.text("Architecture"));
        info.data_root = in.text("DockerRootDir");
        return info;
    });
}

base::result<std::vector<container_summary>> decode_containers(std::string_view body)
{
    const auto value = parse_json(body, "list of containers");
    if (!value)
        return std::unexpected(value.error());
    const auto* items = value->if_array();
    if (items == nullptr)
        return base::fail(base::errc::malformed, "list of containers is no list");
    std::vector<container_summary> all;
    std::string fault;
    for (const auto& item : *items)
        all.push_back(read_summary(json_fields(item, "container", fault), fault));
    if (!fault.empty())
        return base::fail(base::errc::malformed, std::move(fault));
    return all;
}

base::result<container_details> decode_container(std::string_view body)
{
    return decode_object<container_details>(body, "container", read_details);
}

base::result<bool> decode_has_terminal(std::string_view body)
{
    return decode_object<bool>(
        body, "container", [](json_fields in, std::string&) { return in.object("Config").flag("Tty"); });
}

base::result<std::string> decode_created(std::string_view body)
{
    return decode_object<std::string>(body, "created",
        [](json_fields in, std::string& fault) { return require(in.text("Id"), "created.Id", fault); });
}

base::result<int> decode_wait(std::string_view body)
{
    return decode_object<int>(body, "wait", [](json_fields in, std::string& fault) {
        const auto failure = in.object("Error").text("Message");
        if (!failure.empty() && fault.empty())
            fault = "wait.Error: " + clean_line(failure, longest_refusal);
        return static_cast<int>(in.number("StatusCode"));
    });
}

base::result<std::optional<int>> decode_exec_exit(std::string_view body)
{
    return decode_object<std::optional<int>>(body, "exec", [](json_fields in, std::string&) {
        std::optional<int> code;
        if (!in.flag("Running"))
            code = static_cast<int>(in.number("ExitCode"));
        return code;
    });
}

base::result<image_details> decode_image(std::string_view body)
{
    return decode_object<image_details>(body, "image", [](json_fields in, std::string& fault) {
        image_details out;
        out.id = model::image_id(require(in.text("Id"), "image.Id", fault));
        out.repo_tags = in.texts("RepoTags");
        out.repo_digests = in.texts("RepoDigests");
        auto config = in.object("Config");
        out.command = config.texts("Cmd");
        out.entrypoint = config.texts("Entrypoint");
        out.architecture = in.text("Architecture");
        return out;
    });
}

base::result<container_event> decode_event(std::string_view line)
{
    return decode_object<container_event>(line, "event", [](json_fields in, std::string& fault) {
        container_event out;
        out.action = require(in.text("Action"), "event.Action", fault);
        auto actor = in.object("Actor");
        out.id = model::container_id(require(actor.text("ID"), "event.Actor.ID", fault));
        out.attributes = actor.text_map("Attributes");
        out.time_nanoseconds = in.number("timeNano");
        return out;
    });
}

std::string decode_refusal(std::string_view body)
{
    std::string ignored;
    const auto value = parse_json(body, "refusal");
    auto message = value ? json_fields(*value, "refusal", ignored).text("message") : std::string(body);
    return clean_line(message, longest_refusal);
}

std::string_view text_of(container_status status) noexcept
{
    switch (status) {  // no default: -Wswitch names the enumerator we forgot
    case container_status::created: return "created";
    case container_status::running: return "running";
    case container_status::paused: return "paused";
    case container_status::restarting: return "restarting";
    case container_status::removing: return "removing";
    case container_status::exited: return "exited";
    case container_status::dead: return "dead";
    }
    return "unknown";
}

std::optional<container_status> parse_status(std::string_view text) noexcept
{
    using enum container_status;
    for (const auto status : std::array{created, running, paused, restarting, removing, exited, dead})
        if (text == text_of(status))
            return status;
    return std::nullopt;
}

}  // namespace gantryd::docker
