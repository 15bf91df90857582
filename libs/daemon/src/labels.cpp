#include <gantryd/base/names.hpp>
#include <gantryd/base/number.hpp>
#include <gantryd/daemon/labels.hpp>

#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

namespace gantryd::daemon {
namespace {

constexpr auto project_label = "io.gantryd.project";
constexpr auto component_label = "io.gantryd.component";
constexpr auto release_label = "io.gantryd.release";
constexpr auto spec_label = "io.gantryd.spec";
constexpr auto record_label = "io.gantryd.record";
constexpr std::string_view link_prefix = "io.gantryd.link.";  // and the link's name

std::string label(const docker::labels& from, const char* key)
{
    const auto found = from.find(key);
    return found == from.end() ? std::string() : found->second;
}

/// "172.17.0.1:20713", or ":20713" while the host was not known.
std::optional<planner::link_address> address_in(std::string_view text)
{
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    planner::link_address out;
    out.host = text.substr(0, colon);
    out.port = base::number_in<std::uint16_t>(text.substr(colon + 1)).value_or(0);
    return out.port == 0 ? std::nullopt : std::optional(out);
}

std::map<std::string, planner::link_address> links_in(const docker::labels& labels)
{
    std::map<std::string, planner::link_address> out;
    for (auto at = labels.lower_bound(std::string(link_prefix));
        at != labels.end() && at->first.starts_with(link_prefix); ++at)
        if (auto address = address_in(at->second))
            out.emplace(at->first.substr(link_prefix.size()), std::move(*address));
    return out;
}

}  // namespace

docker::labels project_labels(const model::project_name& project)
{
    return {{project_label, project.text()}};
}

docker::labels labels_for(const model::project_name& project, const model::release& release,
    const std::map<std::string, planner::link_address>& links)
{
    docker::labels out(release.spec.labels.begin(), release.spec.labels.end());
    out[project_label] = project.text();
    out[component_label] = release.spec.name.text();
    out[release_label] = std::to_string(model::value_of(release.number));
    out[spec_label] = release.spec_hash;
    out[record_label] = records::encode(release);
    for (const auto& [name, address] : links)
        out[std::string(link_prefix) + name] = address.host + ":" + std::to_string(address.port);
    return out;
}

std::optional<container_identity> identity_of(const docker::labels& labels)
{
    container_identity out;
    out.project = model::project_name(label(labels, project_label));
    out.component = model::component_name(label(labels, component_label));
    const auto number = base::number_in<std::int64_t>(label(labels, release_label)).value_or(0);
    if (!base::is_name(out.project.text()) || !base::is_name(out.component.text()) || number < 1 ||
        number > records::largest_release)
        return std::nullopt;
    out.release = static_cast<model::release_number>(number);
    auto record = records::decode_release(label(labels, record_label));
    if (record && record->number == out.release && record->spec.name == out.component)
        out.record = std::move(*record);
    out.links = links_in(labels);
    return out;
}

}  // namespace gantryd::daemon
