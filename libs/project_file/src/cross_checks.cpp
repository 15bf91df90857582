#include "cross_checks.hpp"

#include "object_reader.hpp"
#include "rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::project_file {
namespace {

/// Addresses of one family that have bound one external port, by their binary form; "any" comes first.
using bound_addresses = std::map<std::array<unsigned char, 16>, std::string>;

/// Who is in the way of binding `wanted`, or null.
const std::string* holder_of(const bound_addresses& bound, const address& wanted)
{
    if (bound.empty())
        return nullptr;
    const auto same = bound.find(wanted.bytes);
    if (same != bound.end())
        return &same->second;
    const auto any = bound.find(address{}.bytes);
    if (wanted.is_any() || any != bound.end())
        return &bound.begin()->second;
    return nullptr;
}

/// One component requires what another one exports.
struct requirement {
    std::size_t exporter = 0;
    const cursor* at = nullptr;
};
using link_graph = std::vector<std::vector<requirement>>;

/// "web -> api -> web", cut after nine names when there are more than ten.
std::string circle_text(components_in_file all, std::span<const std::size_t> path)
{
    constexpr std::size_t most_names = 10;
    std::string out;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path.size() <= most_names || i < most_names - 1)
            out += all[path[i]].spec.name.text() + " -> ";
        else if (i == most_names - 1)
            out += ".. -> ";
    }
    return out + all[path.front()].spec.name.text();
}

/// Depth first, without recursion: a file can hold a chain of thousands of components.
class circle_finder {
public:
    circle_finder(components_in_file all, const link_graph& graph)
        : all_(all),
          graph_(&graph),
          marks_(all.size(), mark::unseen),
          next_(all.size(), 0)
    {
    }

    void visit(std::size_t start)
    {
        if (marks_[start] != mark::unseen)
            return;
        enter(start);
        while (!path_.empty()) {
            const auto here = path_.back();
            if (next_[here] == (*graph_)[here].size()) {
                marks_[here] = mark::done;
                path_.pop_back();
                continue;
            }
            const auto& link = (*graph_)[here][next_[here]++];
            if (marks_[link.exporter] == mark::unseen)
                enter(link.exporter);
            else if (marks_[link.exporter] == mark::on_path)
                report(link);
        }
    }

private:
    enum class mark { unseen, on_path, done };

    void enter(std::size_t component)
    {
        marks_[component] = mark::on_path;
        path_.push_back(component);
    }

    void report(const requirement& closing) const
    {
        const auto first = std::ranges::find(path_, closing.exporter);
        closing.at->complain(fmt::format(
            "expected links without a circle, found {}", circle_text(all_, {first, path_.end()})));
    }

    components_in_file all_;
    const link_graph* graph_;
    std::vector<mark> marks_;
    std::vector<std::size_t> next_;
    std::vector<std::size_t> path_;
};

/// Who exports each link; the first one counts.
std::map<std::string_view, std::size_t> exporters(components_in_file all)
{
    std::map<std::string_view, std::size_t> out;
    for (std::size_t i = 0; i < all.size(); ++i)
        for (const auto& link : all[i].spec.define_component_links)
            if (!link.name.empty())
                out.emplace(link.name, i);
    return out;
}

void refuse_unknown_link(const cursor& at, const std::map<std::string_view, std::size_t>& known)
{
    constexpr std::size_t most_suggestions = 500;  // comparing with more would take long
    std::vector<std::string_view> names;
    names.reserve(known.size());
    for (const auto& [name, exporter] : known)
        names.push_back(name);
    auto text = fmt::format(
        "expected a link that a component of the project defines, found {}", quoted(at.value().text));
    if (const auto meant = nearest(at.value().text, names); meant && names.size() <= most_suggestions)
        text += fmt::format("; did you mean \"{}\"?", *meant);
    at.complain(std::move(text));
}

}  // namespace

void check_component_names(components_in_file all)
{
    std::map<std::string_view, std::string_view> holders;
    for (const auto& component : all) {
        const std::string_view name = component.spec.name.text();
        if (name.empty())
            continue;
        const auto [holder, fresh] = holders.emplace(name, component.at.field());
        if (fresh)
            continue;
        const auto& members = component.at.value().children;
        const auto at = std::ranges::find(members, "name", &node::key);
        component.at.problems().add(at->at, component.at.field() + ".name",
            fmt::format(
                "expected a name of its own, found \"{}\", which {} has already", name, holder->second));
    }
}

void check_external_ports(components_in_file all)
{
    std::map<std::pair<std::uint16_t, bool>, bound_addresses> bound;
    for (const auto& component : all) {
        for (std::size_t i = 0; i < component.spec.ports.size(); ++i) {
            const auto& port = component.spec.ports[i];
            const auto wanted = address_of(port.bind);
            if (port.external == 0 || !wanted)
                continue;
            auto& others = bound[{port.external, wanted->v6}];
            if (const auto* holder = holder_of(others, *wanted))
                component.ports[i].complain(
                    fmt::format("expected an external port of its own, found {} on {}, which clashes with {}",
                        port.external, port.bind, *holder));
            else
                others.emplace(wanted->bytes, fmt::format("{}{}ports[{}]", component.at.field(),
                                                  component.at.field().empty() ? "" : ".", i));
        }
    }
}

void check_link_exports(components_in_file all)
{
    std::map<std::string_view, std::string> holders;
    for (const auto& component : all) {
        for (std::size_t i = 0; i < component.spec.define_component_links.size(); ++i) {
            const auto& link = component.spec.define_component_links[i];
            if (link.name.empty())
                continue;
            const auto [holder, fresh] = holders.emplace(link.name, component.exports[i].field());
            if (!fresh)
                component.exports[i].complain(
                    fmt::format("expected a link name of its own, found \"{}\", which {} has already",
                        link.name, holder->second));
        }
    }
}

void check_link_imports(components_in_file all)
{
    const auto known = exporters(all);
    link_graph graph(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        for (std::size_t k = 0; k < all[i].imports.size(); ++k) {
            const auto& name = all[i].spec.require_component_links[k].name;
            if (name.empty())
                continue;
            const auto exporter = known.find(name);
            if (exporter == known.end())
                refuse_unknown_link(all[i].imports[k], known);
            else
                graph[i].push_back({.exporter = exporter->second, .at = &all[i].imports[k]});
        }
    }
    circle_finder circles(all, graph);
    for (std::size_t i = 0; i < all.size(); ++i)
        circles.visit(i);
}

}  // namespace gantryd::project_file
