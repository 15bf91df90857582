#include <gantryd/planner/links.hpp>

#include <algorithm>
#include <ranges>

namespace gantryd::planner {
namespace {

const model::link_export* link_in(const model::component_spec* spec, const std::string& link)
{
    if (spec == nullptr)
        return nullptr;
    const auto found = std::ranges::find(spec->define_component_links, link, &model::link_export::name);
    return found == spec->define_component_links.end() ? nullptr : &*found;
}

frontend frontend_of(const world& in, const model::link_export& link)
{
    auto where = address_of(in, link.name);
    return {route_of(link), std::move(where.host), where.port, link.port, link.kind, true};
}

/// Variables are written in capitals, of ASCII alone: an alias has no other letters.
std::string in_capitals(std::string text)
{
    std::ranges::transform(text, text.begin(),
        [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return text;
}

void add_variables(const std::string& alias, const link_address& where, const model::link_export& link,
    std::vector<model::environment_variable>& out)
{
    const std::string kind(text_of(link.kind));
    const auto port = std::to_string(where.port);
    const auto uri = kind + "://" + where.host + ":" + port;
    const auto name = in_capitals(alias) + "_CLINK";
    const auto with_port = name + "_" + std::to_string(link.port) + "_" + in_capitals(kind);
    out.push_back({name, uri});
    out.push_back({with_port, uri});
    out.push_back({with_port + "_PROTO", kind});
    out.push_back({with_port + "_ADDR", where.host});
    out.push_back({with_port + "_PORT", port});
}

}  // namespace

model::route_id route_of(const model::link_export& link) { return model::route_id(link.name + "_link"); }

std::string host_of(const world& in, const std::string& link)
{
    const auto known = in.links.find(link);
    const instance* newest = nullptr;
    for (const auto& [name, i] : in.instances) {
        if (i.now != phase::running || i.gateway.empty() || link_in(spec_of(in, i), link) == nullptr)
            continue;
        if (known != in.links.end() && i.gateway == known->second.host)
            return i.gateway;
        if (newest == nullptr || i.release > newest->release)
            newest = &i;
    }
    return newest == nullptr ? std::string() : newest->gateway;
}

link_address address_of(const world& in, const std::string& link)
{
    const auto known = in.links.find(link);
    auto out = known == in.links.end() ? link_address() : known->second;
    if (out.host.empty())
        out.host = host_of(in, link);
    return out;
}

std::vector<frontend> frontends_of(const world& in, const model::component_spec& spec)
{
    std::vector<frontend> out;
    out.reserve(spec.ports.size() + spec.define_component_links.size());
    for (const auto& port : spec.ports)
        out.push_back({route_of(spec, port), port.bind, port.external, port.container, port.kind});
    for (const auto& link : spec.define_component_links)
        out.push_back(frontend_of(in, link));
    return out;
}

std::optional<link_exporter> exporter_of(const world& in, const std::string& link)
{
    std::optional<link_exporter> idle;
    for (const auto& [name, i] : in.instances) {
        const auto* defined = link_in(spec_of(in, i), link);
        if (defined == nullptr)
            continue;
        link_exporter here{&in.components.at(i.component), *defined};
        if (is_serving_through(in, i, frontend_of(in, *defined)))
            return here;
        idle = std::move(here);
    }
    for (const auto& [name, component] : in.components)
        if (const auto* release = effective_release(component); release != nullptr)
            if (const auto* defined = link_in(&release->spec, link); defined != nullptr)
                return link_exporter{&component, *defined};
    return idle;
}

bool is_link_served(const world& in, const std::string& link)
{
    return std::ranges::any_of(in.instances, [&](const auto& entry) {
        const auto* defined = link_in(spec_of(in, entry.second), link);
        return defined != nullptr && is_serving_through(in, entry.second, frontend_of(in, *defined));
    });
}

std::optional<std::vector<model::environment_variable>> link_variables(
    const world& in, const model::component_spec& importer)
{
    std::vector<model::environment_variable> out;
    for (const auto& required : importer.require_component_links) {
        const auto exporter = exporter_of(in, required.name);
        const auto where = address_of(in, required.name);
        if (!exporter || where.port == 0 || where.host.empty())
            return std::nullopt;
        add_variables(required.alias, where, exporter->link, out);
    }
    return out;
}

}  // namespace gantryd::planner
