#include "executor.hpp"
#include "secret_values.hpp"

#include <gantryd/base/names.hpp>
#include <gantryd/daemon/labels.hpp>
#include <gantryd/planner/links.hpp>

#include <algorithm>
#include <filesystem>
#include <utility>

#include <sys/stat.h>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;
using base::errc;

constexpr auto call_limit = 60s;
constexpr std::string_view id_token = "{container_id}";

/// True when the engine said no to this very container: the release is to blame, not the moment.
bool is_verdict(const base::error& why) { return why == errc::rejected || why == errc::not_found; }

/// Where a binding's "{container_id}" path is reached from: Docker wants the path before there is an id, so
/// it gets a link of ours, and the link gets its target when the id is known.
std::string link_path(const std::string& directory, const model::instance_name& name, std::size_t index)
{
    return directory + "/" + name.text() + "-" + std::to_string(index);
}

using secret_values = std::map<std::string, secrets::secret_text>;

std::string assignment(const std::string& name, std::string_view value)
{
    std::string out;
    out.reserve(name.size() + 1 + value.size());  // grown, it would leave copies behind
    return out.append(name).append("=").append(value);
}

/// The component's variables and those of its links, which count more where both have a name.
std::vector<std::string> environment_of(const model::component_spec& spec, const secret_values& secrets,
    const std::vector<model::environment_variable>& links)
{
    std::vector<std::string> out;
    for (const auto& variable : spec.environment_variables) {
        if (std::ranges::find(links, variable.name, &model::environment_variable::name) != links.end())
            continue;
        const auto secret = secrets.find(variable.name);
        out.push_back(assignment(variable.name,
            secret == secrets.end() ? std::string_view(variable.value) : secret->second.view()));
    }
    for (const auto& variable : links)
        out.push_back(variable.name + "=" + variable.value);
    return out;
}

/// Where the links are that the component exports or imports.
std::map<std::string, planner::link_address> links_of(
    const planner::world& world, const model::component_spec& spec)
{
    std::map<std::string, planner::link_address> out;
    for (const auto& link : spec.define_component_links)
        out[link.name] = planner::address_of(world, link.name);
    for (const auto& link : spec.require_component_links)
        out[link.name] = planner::address_of(world, link.name);
    return out;
}

docker::create_request request_for(const state& st, const model::instance_name& name,
    const model::release& release, const secret_values& secrets,
    const std::vector<model::environment_variable>& links)
{
    const auto& what = st.what;
    const auto& spec = release.spec;
    docker::create_request out;
    out.name = name.text();
    out.image = release.image;
    out.command = spec.command;
    out.user = spec.user;
    out.environment = environment_of(spec, secrets, links);
    out.labels = labels_for(what.project, release, links_of(st.world, spec));
    for (const auto& port : spec.ports)
        out.exposed_ports.push_back(port.container);
    for (const auto& link : spec.define_component_links)
        out.exposed_ports.push_back(link.port);
    std::ranges::sort(out.exposed_ports);
    out.exposed_ports.erase(std::ranges::unique(out.exposed_ports).begin(), out.exposed_ports.end());
    for (std::size_t i = 0; i < spec.bindings.size(); ++i) {
        const auto& binding = spec.bindings[i];
        const bool has_token = binding.external.contains(id_token);
        out.binds.push_back((has_token ? link_path(what.binding_directory, name, i) : binding.external) +
                            ":" + binding.volume);
    }
    out.volumes_from = spec.volumes_from;
    out.privileged = spec.privileged;
    out.memory_bytes = spec.resources.memory_bytes;
    out.nano_cpus = spec.resources.nano_cpus;
    out.pids_limit = spec.resources.pids;
    out.stop_signal = spec.stop_signal;
    return out;
}

/// Makes a directory that a container's user is to reach, with the mode that Docker gives one which is
/// missing; whatever else we make is for ourselves.
void make_for_container(const std::string& path, std::error_code& ec)
{
    const auto usual = ::umask(S_IWGRP | S_IWOTH);
    std::filesystem::create_directories(path, ec);
    ::umask(usual);
}

/// Gives the links of "{container_id}" bindings their targets.
base::result<void> link_bindings(const options& what, const model::instance_name& name,
    const model::component_spec& spec, const model::container_id& container)
{
    for (std::size_t i = 0; i < spec.bindings.size(); ++i) {
        auto target = spec.bindings[i].external;
        const auto at = target.find(id_token);
        if (at == std::string::npos)
            continue;
        target.replace(at, id_token.size(), base::short_id(container.text()));
        const auto link = link_path(what.binding_directory, name, i);
        std::error_code ec;
        std::filesystem::create_directories(what.binding_directory, ec);
        make_for_container(target, ec);
        // Docker may have made a directory where it missed one.
        std::filesystem::remove(link, ec);
        std::filesystem::create_directory_symlink(target, link, ec);
        if (ec)
            return base::fail(errc::rejected, "binding " + target + ": " + ec.message());
    }
    return {};
}

}  // namespace

boost::asio::awaitable<executor::outcome> executor::pull_image(
    model::instance_name name, std::shared_ptr<const model::release> release)
{
    const auto began = st_.io.clk.now();
    const bool again = is_retry(instance_key(name));
    if (const auto* instance = st_.find(name); instance != nullptr && !again)
        st_.tell(happening::image_pulling, *instance, pulled_by(*release) + " is not on this machine");
    auto show = [this, name](std::optional<planner::pull> shown) {
        if (auto* instance = st_.find(name))
            instance->pulling = std::move(shown);
        st_.dirty.set();
    };
    auto fetched = co_await fetch_image(st_, release, again, std::move(show));
    if (!fetched) {
        faults_.insert_or_assign(instance_key(name), fetched.error().code);
        co_return std::unexpected(fetched.error().why);
    }
    if (const auto* instance = st_.find(name))
        st_.tell(happening::image_pulled, *instance,
            pulled_by(*release) + " is here after " + base::human(st_.io.clk.now() - began));
    co_return outcome();
}

boost::asio::awaitable<base::result<model::container_id>> executor::ask_for_container(
    model::instance_name name, std::shared_ptr<const model::release> release)
{
    const auto links = planner::link_variables(st_.world, release->spec);
    if (!links)
        co_return base::fail(
            errc::unavailable, "the address of a link that it requires is not known any more");
    auto secrets = secret_reader(st_.what).values_of(*release);
    if (!secrets) {
        faults_.insert_or_assign(instance_key(name), secrets.error().code);
        co_return std::unexpected(secrets.error().why);
    }
    auto request = request_for(st_, name, *release, *secrets, *links);
    secrets->clear();
    auto made = co_await st_.io.docker.create(std::move(request), st_.io.clk.now() + call_limit);
    co_return made;
}

boost::asio::awaitable<base::result<model::container_id>> executor::make_container(
    model::instance_name name, std::shared_ptr<const model::release> release, bool may_pull)
{
    auto made = co_await ask_for_container(name, release);
    if (made || made.error() != errc::not_found || !may_pull)
        co_return made;
    auto pulled = co_await pull_image(name, release);
    if (!pulled)
        co_return std::unexpected(pulled.error());
    auto made_now = co_await ask_for_container(name, release);
    co_return made_now;
}

executor::outcome executor::unmade(const planner::create_instance& what, const base::error& why)
{
    auto* instance = st_.find(what.name);
    // That an image cannot be fetched says nothing of the release.
    const bool refused = is_verdict(why) && !faults_.contains(instance_key(what.name));
    if (what.ahead) {
        // Whether that is the release's fault is found out when it is this machine's turn.
        st_.world.components[what.component].not_ahead = what.release;
        auto text = why.context();
        st_.conceal(what.component, text);
        st_.io.log.debug("no container was made ahead", {{"instance", what.name.text()}, {"why", text}});
    } else if (refused) {
        st_.record_failure(*instance, {.reason = why.context(), .instance = what.name.text()});
    }
    st_.world.instances.erase(what.name);  // the next list brings it back if it is there all the same
    st_.docker_dirty.set();
    return refused ? outcome() : std::unexpected(why);
}

boost::asio::awaitable<executor::outcome> executor::create(planner::create_instance what)
{
    if (st_.find(what.name) != nullptr)
        co_return outcome();
    planner::instance fresh;
    fresh.name = what.name;
    fresh.component = what.component;
    fresh.release = what.release;
    fresh.started_at = fresh.known_since = st_.io.clk.now();
    const auto release = st_.release_of(fresh);
    if (!release)
        co_return outcome();
    fresh.image = release->image;
    fresh.made_ahead = what.ahead;
    st_.world.instances[what.name] = std::move(fresh);
    st_.touch(what.name);
    st_.dirty.set();

    auto made = co_await make_container(what.name, release, !what.ahead);
    auto* instance = st_.find(what.name);
    if (instance == nullptr)
        co_return outcome();
    if (!made)
        co_return unmade(what, made.error());
    instance->container = *made;
    instance->now = planner::phase::created;
    st_.touch(what.name);
    st_.tell(happening::container_created, *instance,
        "container " + base::short_id(made->text()) + " of image " + base::short_id(release->image.text()) +
            (what.ahead ? ", to be started in this machine's turn" : ""));
    co_return outcome();  // whether it is to be started now is the plan's word
}

boost::asio::awaitable<bool> executor::has_vanished(model::instance_name name)
{
    const auto* instance = st_.find(name);
    if (instance == nullptr)
        co_return true;
    const auto id = instance->container;
    auto details = co_await st_.io.docker.inspect(id, st_.io.clk.now() + call_limit);
    if (details || details.error() != errc::not_found)
        co_return false;
    st_.world.instances.erase(name);
    st_.touch(name);
    co_return true;
}

boost::asio::awaitable<executor::outcome> executor::start(model::instance_name name)
{
    auto* instance = st_.find(name);
    if (instance == nullptr || instance->container.empty())
        co_return outcome();
    if (const auto* spec = planner::spec_of(st_.world, *instance)) {
        auto linked = link_bindings(st_.what, name, *spec, instance->container);
        if (!linked) {
            st_.record_failure(*instance, {.reason = linked.error().context(), .instance = name.text()});
            co_return outcome();
        }
    }
    if (std::exchange(instance->made_ahead, false))
        instance->started_at = st_.io.clk.now();
    const auto id = instance->container;
    instance->starting = true;
    auto started = co_await st_.io.docker.start(id, st_.io.clk.now() + call_limit);
    if (auto* answered = st_.find(name))
        answered->starting = false;
    if (!started && started.error() == errc::not_found) {
        // It may have waited for hours, and somebody may have tidied up: a new one is made.
        const bool vanished = co_await has_vanished(name);
        if (vanished)
            co_return outcome();
    }
    instance = st_.find(name);
    if (instance == nullptr)
        co_return outcome();
    if (!started && is_verdict(started.error())) {
        st_.record_failure(*instance, {.reason = started.error().context(), .instance = name.text()});
        st_.touch(name);
        co_return outcome();
    }
    if (!started)
        co_return std::unexpected(started.error());
    auto looked = co_await look(name);
    co_return looked;
}

boost::asio::awaitable<executor::outcome> executor::look(model::instance_name name)
{
    auto* instance = st_.find(name);
    if (instance == nullptr)
        co_return outcome();
    const auto id = instance->container;
    auto details = co_await st_.io.docker.inspect(id, st_.io.clk.now() + call_limit);
    instance = st_.find(name);
    if (instance == nullptr)
        co_return outcome();
    if (!details) {
        if (details.error() == errc::not_found)
            st_.world.instances.erase(name);
        co_return details.error() == errc::not_found ? outcome() : outcome(std::unexpected(details.error()));
    }
    const auto now = st_.phase_of(*details);
    const bool runs = now == planner::phase::running;
    if (runs && instance->now != planner::phase::running) {
        instance->started_at = st_.io.clk.now();
        st_.memory.save(*instance);
        st_.tell(happening::container_started, *instance,
            details->address.empty() ? "without a network address" : "at " + details->address);
    }
    st_.take_address(*instance, *details);
    instance->now = now;
    instance->pid = runs ? details->pid : 0;
    if (now == planner::phase::exited)
        instance->exit_code = details->exit_code;
    st_.touch(name);
    co_return outcome();
}

}  // namespace gantryd::daemon
