#pragma once
#include <gantryd/control/overview.hpp>
#include <gantryd/model/component_json.hpp>

#include <string>

namespace gantryd::control {

/// A fleet as the store shows it, written by hand: machines m1, m2 .. that all look after "web".
class hand_written_fleet {
public:
    project_overview all;
    component_overview& web;

    /// Releases 1 (live) and 2 (pending), and 2 is wanted.
    explicit hand_written_fleet(int machines) : web(all.components.emplace_back())
    {
        web.name = model::component_name("web");
        add_release(1, model::release_outcome::live);
        add_release(2, model::release_outcome::pending);
        web.state = model::component_state{model::intent::ready, model::image_id("sha256:2"), number(2)};
        for (int i = 1; i <= machines; ++i) {
            const auto name = std::to_string(i);
            all.machines.push_back({.id = id(i),
                .host = "host" + name,
                .tags = {},
                .session = {},
                .version = {},
                .components = {}});
            runs(i, 1);
        }
    }

    static model::release_number number(int n) { return static_cast<model::release_number>(n); }
    static model::machine_id id(int machine) { return model::machine_id("m" + std::to_string(machine)); }

    model::release& add_release(int n, model::release_outcome outcome)
    {
        auto& out = web.releases[number(n)];
        out.number = number(n);
        out.spec.name = web.name;
        out.spec.repo = "shop/web";
        out.spec.tag = std::to_string(n);
        out.image = model::image_id("sha256:" + std::to_string(n));
        out.spec_hash = model::spec_hash(out.spec);
        out.outcome = outcome;
        web.last = number(n);
        return out;
    }
    model::release& release(int n) { return web.releases.at(number(n)); }

    /// The machine runs nothing but that release.
    model::component_report& runs(int machine, int release)
    {
        auto& out = report(machine);
        out.running = number(release);
        out.state = "running";
        out.instances.clear();
        serves(machine, release);
        return out;
    }
    /// The machine has one more instance, of that release, that serves or is in another state.
    void serves(int machine, int release, const std::string& state = "serving")
    {
        model::instance_report one;
        one.release = number(release);
        one.state = state;
        report(machine).instances.push_back(one);
    }
    model::component_report& report(int machine)
    {
        for (auto& known : web.reports)
            if (known.machine == id(machine))
                return known;
        auto& out = web.reports.emplace_back();
        out.machine = id(machine);
        out.host = "host" + std::to_string(machine);
        out.component = web.name;
        return out;
    }
    /// Its daemon is not there any more.
    void lose(int machine)
    {
        std::erase_if(all.machines, [&](const auto& there) { return there.id == id(machine); });
    }
    model::rollout& rollout(model::rollout_verdict verdict)
    {
        web.rollout = model::rollout();
        web.rollout->release = number(2);
        web.rollout->slots = 1;
        web.rollout->verdict = verdict;
        return *web.rollout;
    }
};

}  // namespace gantryd::control
