#include "project.hpp"

namespace gantryd::simulation {
namespace {

using namespace std::chrono_literals;

model::check_spec draw_check(dice& chance, const char* id)
{
    model::check_spec out;
    out.id = id;
    out.port = 80;
    out.interval = chance.between(1s, 10s);
    out.timeout = 1s;
    out.rise = 1 + static_cast<int>(chance.below(2));
    out.fall = 2 + static_cast<int>(chance.below(2));
    return out;
}

void draw_rules(dice& chance, model::component_spec& spec)
{
    spec.ready_checks.clear();
    if (!chance.one_in(6))
        spec.ready_checks.push_back(draw_check(chance, "up"));
    spec.health_checks.clear();
    if (!chance.one_in(3))
        spec.health_checks.push_back(draw_check(chance, "ok"));
    spec.ready_timeout = chance.between(8s, 20s);
    spec.drain.timeout = chance.between(1s, 60s);
    spec.drain.on_timeout =
        chance.one_in(6) ? model::drain_timeout_action::keep : model::drain_timeout_action::kill;
    spec.stop_timeout = std::chrono::seconds(1 + chance.below(6));
    spec.termination_signals.clear();
    if (chance.one_in(3)) {
        auto& signal = spec.termination_signals.emplace_back();
        signal.id = "quit";
        signal.port = 80;
    }
    spec.termination_checks.clear();
    if (chance.one_in(4)) {
        auto check = draw_check(chance, "done");
        check.interval = 1s;
        spec.termination_checks.push_back(check);
    }
    auto& rollout = spec.rollout;
    rollout.max_parallel = {static_cast<std::int32_t>(1 + chance.below(2)), false};
    if (chance.one_in(5))
        rollout.max_parallel = {50, true};
    rollout.pause = chance.one_in(3) ? chance.between(0ms, 5s) : 0ms;
    rollout.min_healthy_time = chance.one_in(3) ? chance.between(0ms, 5s) : 0ms;
    rollout.deadline = chance.one_in(4) ? chance.between(2min, 10min) : 30min;
    rollout.lost_after = chance.between(20s, 60s);
    rollout.on_failure = chance.one_in(4) ? model::failure_action::pause : model::failure_action::revert;
}

}  // namespace

std::vector<model::component_spec> draw_project(dice& chance, std::size_t components)
{
    constexpr std::array names{"web", "api", "db"};
    std::vector<model::component_spec> out(components);
    for (std::size_t i = 0; i < out.size(); ++i) {
        auto& spec = out[i];
        spec.name = model::component_name(names[i]);
        spec.repo = names[i];
        spec.instances = chance.one_in(3) ? 2 : 1;
        spec.ports.push_back({.external = static_cast<std::uint16_t>(8001 + i),
            .container = 80,
            .kind = model::port_kind::tcp});
        if (chance.one_in(2))
            spec.ports.back().kind = model::port_kind::http;
        draw_rules(chance, spec);
    }
    if (out.size() > 1 && chance.one_in(2)) {  // the first one needs the second one
        out[1].define_component_links.push_back({.name = "backend", .port = 90});
        out[0].require_component_links.push_back({.name = "backend", .alias = "B"});
    }
    return out;
}

void change(dice& chance, model::component_spec& spec)
{
    draw_rules(chance, spec);
    spec.environment_variables = {{"REVISION", std::to_string(chance.below(1000))}};
}

}  // namespace gantryd::simulation
