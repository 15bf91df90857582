#include "gantry.hpp"

#include "common/output.hpp"

#include <gantryd/base/names.hpp>

#include <fmt/format.h>

namespace gantryd::app {
namespace {

std::string short_id(const planner::instance& i) { return base::short_id(i.container.text()); }

}  // namespace

narrator::narrator(model::component_name of, finished when, std::function<void()> on_finished)
    : of_(std::move(of)),
      when_(std::move(when)),
      on_finished_(std::move(on_finished))
{
}

void narrator::happened(const daemon::fact& told)
{
    if (told.what == daemon::happening::release_given_up) {
        failed_ = failed_ || told.component == of_;
        print(fmt::format("Component {} failed: {}\n", told.component.text(), told.text));
    }
    if (told.instance == nullptr)
        return;
    const auto& i = *told.instance;
    // The seed's console has words for these, and for no others.
    if (told.what == daemon::happening::container_created) {
        print(fmt::format("Starting container {}\n", short_id(i)));
    } else if (told.what == daemon::happening::instance_ready) {
        print("Redirecting traffic to new container\n");
        announce_update(false);
    } else if (told.what == daemon::happening::instance_failed && told.why != nullptr) {
        failed(i, *told.why);
    } else if (told.what == daemon::happening::drain_begun) {
        drain_begun(i);
    } else if (told.what == daemon::happening::container_stopping) {
        anything_stopped_ = true;
        print(fmt::format("Shutting down container: {}\n", short_id(i)));
    } else if (told.what == daemon::happening::container_killing) {
        killing(i);
    }
}

void narrator::check_running(const planner::instance& i, const model::check_spec& check)
{
    if (!waiting_announced_)
        print("Waiting for health checks...\n");
    waiting_announced_ = true;
    print(fmt::format("Running health check: {}\n", check.id));
    if (check.kind == model::check_kind::http || check.kind == model::check_kind::https)
        print(fmt::format("Checking {} address: {}://{}:{}{}\n",
            check.kind == model::check_kind::http ? "HTTP" : "HTTPS", text_of(check.kind), i.address,
            check.port, check.path == "/" ? "" : check.path));
}

void narrator::failed(const planner::instance& i, const model::evidence& why)
{
    failed_ = true;
    print(fmt::format("Container {} failed: {}\n", short_id(i), why.reason));
    for (const auto& line : why.last_log_lines)
        print("  " + line + "\n");
    if (!why.last_answer.empty())
        print(fmt::format("  check {}: {}\n", why.check, why.last_answer));
}

void narrator::drain_begun(const planner::instance& i)
{
    // An update says "Redirecting traffic" instead.
    if (!draining_announced_ && !waiting_announced_ && i.component == of_)
        print("Draining all containers...\n");
    draining_announced_ = true;
    announce_update(false);
}

void narrator::killing(const planner::instance& i)
{
    if (!draining_announced_)
        print("Draining all containers...\n");
    draining_announced_ = true;
    killing_ = true;
    print(fmt::format("Killing container {}\n", short_id(i)));
}

void narrator::announce_update(bool to_nothing)
{
    if (update_announced_)
        return;
    update_announced_ = true;
    print("Checking container statuses...\n");
    if (to_nothing) {
        print("Shutting down proxy...\n");
        return;
    }
    print("Updating proxy...\nStarting monitoring...\nMonitor check started\n");
}

void narrator::proxy_updating(bool to_nothing)
{
    // A kill is told with what it leaves: other components, or nothing that needs a proxy.
    if (killing_ && !to_nothing)
        return;
    if (draining_announced_ || waiting_announced_)
        announce_update(to_nothing);
}

void narrator::planned(const planner::world& world, const planner::plan& plan, std::size_t under_way)
{
    if (done_ || !when_(world, plan, under_way))
        return;
    done_ = true;
    if (killing_)
        announce_update(false);
    if (anything_stopped_ && !waiting_announced_)
        print("Proxy updated\n");
    on_finished_();
}

}  // namespace gantryd::app
