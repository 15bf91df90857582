#include "faults.hpp"

#include <utility>

namespace gantryd::integration {
namespace {

void kill_a_container(const machine& where, const std::string& project)
{
    const auto running = where.docker().running(project, "web");
    if (!running.empty())
        where.run({"kill", "-KILL", std::to_string(running.back().pid)});  // it may have ended by itself
}

}  // namespace

std::string_view text_of(fault what) noexcept
{
    switch (what) {
    case fault::cut: return "cut";
    case fault::frozen: return "frozen";
    case fault::killed: return "killed";
    case fault::gantryd_killed: return "gantryd killed";
    case fault::container_killed: return "container killed";
    case fault::leader_killed: return "leader killed";
    case fault::etcd_gone: return "etcd gone";
    }
    return "";
}

bool takes_service_down(fault what) noexcept
{
    return what == fault::frozen || what == fault::killed || what == fault::container_killed;
}

bool ends_containers(fault what) noexcept { return what == fault::killed || what == fault::container_killed; }

strike::strike(const lab& all, const machine& where, fault what, std::string project)
    : all_(&all),
      where_(&where),
      what_(what),
      project_(std::move(project))
{
    switch (what) {
    case fault::cut: all.links().cut(where); break;
    case fault::frozen: where.freeze_all(); break;
    case fault::killed: where.power_off(); break;
    case fault::gantryd_killed: where.kill("gantryd"); break;
    case fault::container_killed: kill_a_container(where, project_); break;
    case fault::leader_killed: {
        const auto& leader = all.leader();
        leader_ = leader.name();
        leader.kill("etcd");
        break;
    }
    case fault::etcd_gone:
        for (const auto& each : all.members())
            if (each.runs("etcd"))
                each.kill("etcd");
        break;
    }
}

void strike::mend()
{
    switch (what_) {
    case fault::cut: all_->links().heal(*where_); break;
    case fault::frozen: where_->thaw_all(); break;
    case fault::killed:
        where_->restart_docker();
        where_->start_gantryd(project_);
        break;
    case fault::gantryd_killed: where_->start_gantryd(project_); break;
    case fault::container_killed: break;  // that is gantryd's part
    case fault::leader_killed:
    case fault::etcd_gone:
        for (const auto& each : all_->members())
            if (!each.runs("etcd"))
                each.start_etcd();
        break;
    }
}

}  // namespace gantryd::integration
