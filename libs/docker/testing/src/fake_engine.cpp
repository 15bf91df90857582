// The fake's world: images, containers, time, events.
#include "fake_connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <set>
#include <utility>

namespace gantryd::docker {
namespace {

constexpr std::size_t most_recent_events = 256;  // as many as dockerd keeps
constexpr int killed = 137;
// Above the largest number that the kernel gives: nobody mistakes a fake process for a real one.
constexpr std::int64_t first_process = 5'000'000;
constexpr std::string_view gateway = "172.17.0.1";

}  // namespace

fake_engine::fake_engine(runtime::clock& clk)
    : clk_(clk),
      connections_(std::make_shared<std::list<connection*>>())
{
}

fake_engine::~fake_engine() = default;

// ---- images ---------------------------------------------------------------------------------------------

void fake_engine::add_image(
    const std::string& reference, const model::image_id& id, std::vector<std::string> command)
{
    if (const auto moved = references_.find(reference); moved != references_.end())
        std::erase(images_[moved->second].repo_tags, reference);
    references_[reference] = id;
    auto& image = images_[id];
    image.id = id;
    const auto other = architectures.find(id);
    image.architecture = other == architectures.end() ? "amd64" : other->second;
    image.command = std::move(command);
    if (!reference.contains('@'))
        image.repo_tags.push_back(reference);
    else if (std::ranges::find(image.repo_digests, reference) == image.repo_digests.end())
        image.repo_digests.push_back(reference);
}

void fake_engine::remove_image(const model::image_id& id)
{
    images_.erase(id);
    std::erase_if(references_, [&](const auto& entry) { return entry.second == id; });
}

void fake_engine::publish(
    const std::string& reference, const model::image_id& id, std::vector<std::string> command)
{
    for (const auto& name : {reference, digest_in_registry(reference, id)}) {
        auto& image = registry_[name];
        image.id = id;
        image.command = command;
    }
}

std::string fake_engine::digest_in_registry(const std::string& reference, const model::image_id& id)
{
    auto hex = id.text().substr(id.text().find(':') + 1);
    std::ranges::reverse(hex);  // a manifest's digest is another one than that of the image
    return reference.substr(0, reference.rfind(':')) + "@sha256:" + hex;
}

// ---- looking --------------------------------------------------------------------------------------------

const fake_container* fake_engine::find(const std::string& id_or_name)
{
    settle();
    const auto found = find_container(model::container_id(id_or_name));
    return found ? *found : nullptr;
}

const std::map<model::container_id, fake_container>& fake_engine::containers()
{
    settle();
    return containers_;
}

std::size_t fake_engine::count_calls(std::string_view prefix) const
{
    return static_cast<std::size_t>(
        std::ranges::count_if(calls, [&](const std::string& call) { return call.starts_with(prefix); }));
}

base::result<fake_container*> fake_engine::find_container(const model::container_id& id)
{
    const auto found = containers_.find(id);
    if (found != containers_.end())
        return &found->second;
    for (auto& [other, one] : containers_)
        if (one.details.name == id.text())
            return &one;
    return base::fail(base::errc::not_found, "No such container: " + id.text());
}

std::string fake_engine::name_of(const model::container_id& id)
{
    const auto found = find_container(id);
    return found ? (*found)->details.name : id.text();
}

std::string fake_engine::status_text_of(const fake_container& which) const
{
    const auto since = [&](std::chrono::system_clock::time_point then) {
        return std::chrono::duration_cast<std::chrono::seconds>(clk_.wall_now() - then).count();
    };
    if (which.is_running())
        return fmt::format("Up {} seconds", since(which.details.started_at));
    if (which.details.status == container_status::exited)
        return fmt::format(
            "Exited ({}) {} seconds ago", which.details.exit_code, since(which.details.finished_at));
    return "Created";
}

std::string fake_engine::free_address() const
{
    std::set<std::string> taken;
    for (const auto& [id, one] : containers_)
        taken.insert(one.details.address);
    for (int host = 2;; ++host) {
        auto address = fmt::format("172.17.{}.{}", host / 256, host % 256);
        if (!taken.contains(address))
            return address;
    }
}

// ---- time -----------------------------------------------------------------------------------------------

std::chrono::system_clock::time_point fake_engine::wall_time_of(runtime::time_point when) const
{
    return clk_.wall_now() -
           std::chrono::duration_cast<std::chrono::system_clock::duration>(clk_.now() - when);
}

runtime::time_point fake_engine::next_due() const
{
    auto first = runtime::time_point::max();
    for (const auto& [id, one] : containers_)
        if (one.exit)
            first = std::min(first, one.exit->when);
    return first;
}

/// Lets happen what is due, in its order.
void fake_engine::settle()
{
    for (;;) {
        const auto due = next_due();
        if (due > clk_.now())
            return;
        const auto which = std::ranges::find_if(
            containers_, [&](auto& entry) { return entry.second.exit && entry.second.exit->when == due; });
        const auto how = *which->second.exit;
        finish(which->second, how);
    }
}

void fake_engine::wake_all()
{
    for (auto* const one : *connections_)
        one->wake.set();
}

void fake_engine::cut_all()
{
    for (auto* const one : *connections_)
        one->cut = true;
    wake_all();
}

void fake_engine::publish_event(
    const fake_container& of, std::string action, labels extra, runtime::time_point when)
{
    if (!reachable_)
        return;
    container_event event;
    event.action = std::move(action);
    event.id = of.details.id;
    event.attributes = of.details.labels;
    event.attributes["name"] = of.details.name;
    event.attributes["image"] = of.request.image.text();
    for (auto& [key, value] : extra)
        event.attributes[key] = std::move(value);
    event.time_nanoseconds =
        std::chrono::duration_cast<std::chrono::nanoseconds>(wall_time_of(when).time_since_epoch()).count();

    recent_events_.push_back(event);
    if (recent_events_.size() > most_recent_events)
        recent_events_.pop_front();
    const int copies = event_copies ? event_copies(event) : 1;
    for (auto* const one : *connections_)
        for (int i = 0; i < copies && one->wants(event); ++i)
            one->events.push_back(event);
    wake_all();
}

// ---- what happens to containers -------------------------------------------------------------------------

base::result<model::container_id> fake_engine::make_container(create_request what)
{
    const auto image = images_.find(what.image);
    const auto tagged = references_.find(what.image.text());
    if (image == images_.end() && tagged == references_.end())
        return base::fail(base::errc::not_found, "No such image: " + what.image.text());
    for (const auto& [id, one] : containers_)
        if (one.details.name == what.name)
            return base::fail(base::errc::conflict,
                fmt::format("Conflict. The container name \"/{}\" is already in use by container \"{}\". You "
                            "have to remove (or rename) that container to be able to reuse that name.",
                    what.name, id.text()));

    // The part that people see differs, and ids are in the order of creation.
    model::container_id id(fmt::format("{:012x}{:052x}", ++containers_made_, 0));
    auto& made = containers_[id];
    made.details.id = id;
    made.details.name = what.name;
    made.details.image = image != images_.end() ? what.image : tagged->second;
    made.details.labels = what.labels;
    made.created = clk_.wall_now();
    made.request = std::move(what);
    ++changes_;
    publish_event(made, "create", {}, clk_.now());
    return id;
}

base::result<void> fake_engine::start_container(fake_container& which)
{
    if (which.is_running())
        return {};
    auto& details = which.details;
    ++which.starts;
    which.run = on_start ? on_start(which) : fake_run{};
    if (!which.run.start_error.empty()) {
        details.exit_code = 127;
        details.error = which.run.start_error;
        return base::fail(base::errc::rejected, which.run.start_error);
    }
    ++changes_;
    details.status = container_status::running;
    details.pid = first_process + ++processes_made_;
    details.exit_code = 0;
    details.oom_killed = false;
    details.error.clear();
    details.started_at = clk_.wall_now();
    details.address = free_address();
    details.gateway = gateway;
    which.log.insert(which.log.end(), which.run.log.begin(), which.run.log.end());
    if (which.run.exits_after) {
        const int code = which.run.oom_killed ? killed : which.run.exit_code;
        which.exit = {
            .when = clk_.now() + *which.run.exits_after, .code = code, .oom_killed = which.run.oom_killed};
    }
    publish_event(which, "start", {}, clk_.now());
    settle();  // a run of no time at all is over
    return {};
}

void fake_engine::stop_container(fake_container& which, runtime::duration grace)
{
    if (!which.is_running())
        return;
    const auto signal = which.request.stop_signal.empty() ? "SIGTERM" : which.request.stop_signal;
    which.signals.push_back(signal);
    publish_event(which, "kill", {{"signal", signal == "SIGTERM" ? "15" : signal}}, clk_.now());
    const bool in_time = !which.run.ignores_stop && which.run.stop_takes <= grace;
    fake_container::planned_exit planned;
    planned.when = clk_.now() + (in_time ? which.run.stop_takes : grace);
    planned.code = in_time ? which.run.stop_exit_code : killed;
    planned.stopped = true;
    planned.kill_first = !in_time;
    if (which.exit && which.exit->when <= planned.when)
        which.exit->stopped = true;  // it ends by itself before
    else
        which.exit = planned;
    settle();
    wake_all();  // those who wait have slept towards a later end
}

void fake_engine::signal_container(fake_container& which, const std::string& signal)
{
    if (!which.is_running())
        return;
    which.signals.push_back(signal);
    const bool hard = signal == "SIGKILL" || signal == "KILL" || signal == "9";
    publish_event(which, "kill", {{"signal", hard ? "9" : signal}}, clk_.now());
    const bool ends_it = signal == "SIGTERM" || signal == "SIGINT" || signal == "SIGQUIT";
    fake_container::planned_exit planned;
    if (hard) {
        planned.when = clk_.now();
        planned.code = killed;
    } else if (ends_it && !which.run.ignores_stop) {
        planned.when = clk_.now() + which.run.stop_takes;
        planned.code = which.run.stop_exit_code;
    } else {
        return;
    }
    if (!which.exit || planned.when < which.exit->when)
        which.exit = planned;
    settle();
    wake_all();
}

base::result<void> fake_engine::remove_container(fake_container& which, bool force)
{
    if (which.is_running() && !force)
        return base::fail(base::errc::conflict,
            fmt::format("You cannot remove a running container {}. Stop the container before attempting "
                        "removal or force remove",
                which.details.id.text()));
    if (which.is_running())
        signal_container(which, "SIGKILL");
    publish_event(which, "destroy", {}, clk_.now());
    const auto id = which.details.id;
    exit_codes_of_removed_[id] = which.details.exit_code;
    containers_.erase(id);
    ++changes_;
    wake_all();
    return {};
}

void fake_engine::mark_exited(fake_container& which, const fake_container::planned_exit& how)
{
    auto& details = which.details;
    ++changes_;
    which.exit.reset();
    details.status = container_status::exited;
    details.pid = 0;
    details.exit_code = how.code;
    details.oom_killed = how.oom_killed;
    details.finished_at = wall_time_of(how.when);
    details.address.clear();
    details.gateway.clear();
}

void fake_engine::finish(fake_container& which, const fake_container::planned_exit& how)
{
    mark_exited(which, how);
    if (how.kill_first) {
        which.signals.emplace_back("SIGKILL");
        publish_event(which, "kill", {{"signal", "9"}}, how.when);
    }
    if (how.oom_killed)
        publish_event(which, "oom", {}, how.when);
    publish_event(which, "die", {{"exitCode", std::to_string(how.code)}}, how.when);
    if (how.stopped)
        publish_event(which, "stop", {}, how.when);
    wake_all();
}

// ---- what a test makes happen ---------------------------------------------------------------------------

void fake_engine::die(const model::container_id& id, int exit_code)
{
    settle();
    auto found = find_container(id);
    assert(found && (*found)->is_running());
    finish(**found, {.when = clk_.now(), .code = exit_code});
}

void fake_engine::oom(const model::container_id& id)
{
    settle();
    auto found = find_container(id);
    assert(found && (*found)->is_running());
    finish(**found, {.when = clk_.now(), .code = killed, .oom_killed = true});
}

void fake_engine::write_log(const model::container_id& id, std::string line)
{
    auto found = find_container(id);
    assert(found);
    (*found)->log.push_back(std::move(line));
}

void fake_engine::set_reachable(bool reachable)
{
    settle();
    reachable_ = reachable;
    if (!reachable)
        cut_all();
}

void fake_engine::restart()
{
    settle();
    recent_events_.clear();
    if (!live_restore) {
        for (auto& [id, one] : containers_) {
            if (!one.is_running())
                continue;
            const int code = one.run.ignores_stop ? killed : one.run.stop_exit_code;
            mark_exited(one, {.when = clk_.now(), .code = code});
        }
    }
    cut_all();
}

}  // namespace gantryd::docker
