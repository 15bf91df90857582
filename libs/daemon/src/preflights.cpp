#include "preflights.hpp"

#include "rollout_records.hpp"
#include "secret_values.hpp"

#include <gantryd/planner/links.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;
using model::preparation;
using planner::reason;

constexpr auto call_limit = 60s;
/// A container that starts writes its layer and its log.
constexpr std::int64_t least_room = 64'000'000;

/// Why an external port of the release could not be had; nothing when all could.
std::optional<std::string> why_ports_taken(const state& st, const model::release& release)
{
    for (const auto& f : planner::frontends_of(st.world, release.spec))
        if (!f.is_link && !st.world.proxy.routes.contains(f.id))
            if (auto why = st.io.proxy.why_taken(f.bind, f.port))
                return why;
    return std::nullopt;
}

}  // namespace

bool can_run(const std::string& image, const std::string& machine)
{
    if (image.empty() || machine.empty() || image == machine)
        return true;
    return (image == "386" && machine == "amd64") || (image == "arm" && machine == "arm64");
}

bool preflights::is_wanted(const model::component_name& component, model::release_number release) const
{
    const auto found = st_.world.components.find(component);
    return found != st_.world.components.end() && found->second.wanted == release;
}

bool preflights::has_said(const model::component_name& component, model::release_number release) const
{
    const auto& known = st_.world.components.at(component).rollout.preflights;
    const auto mine = known.find(st_.what.machine);
    return mine != known.end() && mine->second.release == release;
}

boost::asio::awaitable<base::result<docker::engine_info>> preflights::learn_engine()
{
    if (engine_)
        co_return *engine_;
    auto info = co_await st_.io.docker.info(st_.io.clk.now() + call_limit);
    if (info)
        engine_ = *info;
    co_return info;
}

attempt<void> preflights::look_around(
    const model::release& release, const std::string& architecture, const docker::engine_info& engine) const
{
    if (!can_run(architecture, engine.architecture))
        return blocked(reason::wrong_architecture,
            fmt::format("its image is for {}, and this machine is {}", architecture, engine.architecture));
    if (const auto secrets = secret_reader(st_.what).values_of(release); !secrets)
        return std::unexpected(secrets.error());
    if (auto why = why_ports_taken(st_, release))
        return blocked(reason::port_taken, std::move(*why));
    const auto room = st_.what.free_bytes && !engine.data_root.empty() ? st_.what.free_bytes(engine.data_root)
                                                                       : std::nullopt;
    if (room && *room < least_room)
        return blocked(
            reason::docker_disk_full, fmt::format("{} has {} MB free; a container needs {} at the least",
                                          engine.data_root, *room / 1'000'000, least_room / 1'000'000));
    return {};
}

boost::asio::awaitable<attempt<docker::image_details>> preflights::provide(
    model::component_name component, std::shared_ptr<const model::release> release)
{
    auto here = co_await st_.io.docker.inspect_image(release->image.text(), st_.io.clk.now() + call_limit);
    if (here)
        co_return std::move(*here);
    if (here.error() != base::errc::not_found)
        co_return blocked(reason::docker_unreachable, here.error().context());
    const auto name = pulled_by(*release);
    const auto began = st_.io.clk.now();
    const bool again = has_said(component, release->number);
    if (!again) {
        st_.tell({.what = happening::image_pulling,
            .component = component,
            .release = release->number,
            .text = name + " is not on this machine"});
        model::preflight under_way{release->number, preparation::fetching, "it fetches " + name};
        auto posted = co_await post(component, std::move(under_way));
        (void)posted;  // the others take silence for the same
    }
    auto show = [this, component, name](std::optional<planner::pull> shown) {
        auto& fetching = st_.world.components[component].fetching;
        if (shown || (fetching && fetching->image == name))  // a newer release's may have begun meanwhile
            fetching = std::move(shown);
        st_.dirty.set();
    };
    auto fetched = co_await fetch_image(st_, release, again, std::move(show));
    if (fetched)
        st_.tell({.what = happening::image_pulled,
            .component = component,
            .release = release->number,
            .text = name + " is here after " + base::human(st_.io.clk.now() - began)});
    co_return fetched;
}

boost::asio::awaitable<attempt<void>> preflights::look(
    model::component_name component, std::shared_ptr<const model::release> release)
{
    const auto engine = co_await learn_engine();
    if (!engine)
        co_return blocked(reason::docker_unreachable, engine.error().context());
    if (!st_.world.haproxy.reachable)
        co_return blocked(reason::proxy_failed, st_.world.haproxy.error);
    // What needs no image is told before minutes are spent on fetching one.
    auto around = look_around(*release, release->architecture, *engine);
    if (!around)
        co_return around;
    auto image = co_await provide(component, release);
    if (!image)
        co_return std::unexpected(image.error());
    co_return look_around(*release, image->architecture, *engine);
}

boost::asio::awaitable<void> preflights::recall(model::component_name component)
{
    const auto& fleet = *st_.world.fleet;
    const auto& known = st_.world.components.at(component).rollout.preflights;
    if (fleet.knows_preflights || known.contains(st_.what.machine))
        co_return;
    auto key = records::preflight_key(st_.what.project, component, st_.what.machine);
    auto there = co_await st_.io.desired.get(std::move(key), st_.io.clk.now() + 5s);
    if (there && *there)
        take_desired(st_, **there);
}

boost::asio::awaitable<base::result<void>> preflights::post(
    model::component_name component, model::preflight found)
{
    // All wait for the last word: it is to be there long before the reports.
    if (const auto pause = st_.own_moment() / 3; pause > base::duration())
        co_await st_.io.clk.sleep_until(st_.io.clk.now() + pause);
    if (!is_wanted(component, found.release))
        co_return base::result<void>();
    co_await recall(component);
    if (!is_wanted(component, found.release))
        co_return base::result<void>();
    const auto of = st_.world.components.find(component);
    const auto& known = of->second.rollout.preflights;
    if (const auto mine = known.find(st_.what.machine); mine != known.end() && mine->second == found)
        co_return base::result<void>();
    const auto key = records::preflight_key(st_.what.project, component, st_.what.machine);
    const auto value = records::encode(found);
    store::transaction write;
    write.operations.push_back({store::operation::kind::put, key, value, {}});
    auto done = co_await st_.io.desired.commit(std::move(write), st_.io.clk.now() + 5s);
    if (!done)
        co_return base::fail(
            "tell whether release " + std::to_string(model::value_of(found.release)) + " could run here",
            done.error());
    take_desired(st_, {key, value, *done, *done, {}});
    st_.dirty.set();
    co_return base::result<void>();
}

boost::asio::awaitable<attempt<void>> preflights::run(planner::prepare_release what)
{
    planner::instance nobody;
    nobody.component = what.component;
    nobody.release = what.release;
    const auto release = st_.release_of(nobody);
    if (!release)
        co_return attempt<void>();
    auto looked = co_await look(what.component, release);
    if (!is_wanted(what.component, what.release))
        co_return attempt<void>();  // minutes may have passed
    model::preflight found{what.release, preparation::ready, {}};
    if (!looked) {
        engine_.reset();
        found.standing = preparation::blocked;
        found.text = looked.error().why.context();
        st_.conceal(what.component, found.text);
    }
    auto posted = co_await post(what.component, std::move(found));
    if (!looked)
        co_return looked;
    if (!posted)
        co_return std::unexpected(obstacle{reason::retrying, posted.error()});
    co_return attempt<void>();
}

}  // namespace gantryd::daemon
