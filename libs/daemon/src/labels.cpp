#include <gantryd/daemon/labels.hpp>

#include <gantryd/records/codec.hpp>

#include <charconv>

namespace gantryd::daemon {
namespace {

constexpr auto project_label = "io.gantryd.project";
constexpr auto component_label = "io.gantryd.component";
constexpr auto release_label = "io.gantryd.release";
constexpr auto spec_label = "io.gantryd.spec";
constexpr auto record_label = "io.gantryd.record";

std::string label(const docker::labels& from, const char* key)
{
    const auto found = from.find(key);
    return found == from.end() ? std::string() : found->second;
}

}  // namespace

docker::labels project_labels(const model::project_name& project)
{
    return {{project_label, project.text()}};
}

docker::labels labels_for(const model::project_name& project, const model::release& release)
{
    docker::labels out(release.spec.labels.begin(), release.spec.labels.end());
    out[project_label] = project.text();
    out[component_label] = release.spec.name.text();
    out[release_label] = std::to_string(model::value_of(release.number));
    out[spec_label] = release.spec_hash;
    out[record_label] = records::encode(release);
    return out;
}

std::optional<container_identity> identity_of(const docker::labels& labels)
{
    container_identity out;
    out.project = model::project_name(label(labels, project_label));
    out.component = model::component_name(label(labels, component_label));
    const auto release = label(labels, release_label);
    std::int64_t number = 0;
    const auto [end, ec] = std::from_chars(release.data(), release.data() + release.size(), number);
    if (out.project.empty() || out.component.empty() || ec != std::errc() ||
        end != release.data() + release.size() || number < 1)
        return std::nullopt;
    out.release = static_cast<model::release_number>(number);
    auto record = records::decode_release(label(labels, record_label));
    if (record && record->number == out.release && record->spec.name == out.component)
        out.record = std::move(*record);
    return out;
}

}  // namespace gantryd::daemon
