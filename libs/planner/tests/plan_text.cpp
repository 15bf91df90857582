#include "plan_text.hpp"

#include <gantryd/base/overloaded.hpp>

#include <fmt/format.h>

#include <array>

namespace gantryd::planner {

std::string text_of(const haproxy_config::route& of)
{
    std::string out;
    for (std::size_t i = 0; i < of.slots.size(); ++i) {
        const auto& s = of.slots[i];
        if (s.mode == haproxy_config::slot_mode::empty)
            continue;
        const auto* mode = s.mode == haproxy_config::slot_mode::serving ? "serving" : "draining";
        out += fmt::format("{}s{} {} {}:{}", out.empty() ? "" : ", ", i + 1, mode, s.address, s.port);
    }
    return out;
}

std::string text_of(const action& what)
{
    return std::visit(
        base::overloaded{
            [](const create_instance& a) { return "create " + a.name.text() + (a.ahead ? " ahead" : ""); },
            [](const start_instance& a) { return "start " + a.name.text(); },
            [](const mark_ready& a) { return "mark_ready " + a.name.text(); },
            [](const condemn_instance& a) { return "condemn " + a.name.text() + ": " + a.why; },
            [](const begin_drain& a) {
                return fmt::format(
                    "begin_drain {}: {}{}", a.name.text(), a.why, a.is_failure ? " (failure)" : "");
            },
            [](const send_signals& a) { return "signal " + a.name.text(); },
            [](const stop_instance& a) { return "stop " + a.name.text(); },
            [](const kill_instance& a) { return "kill " + a.name.text(); },
            [](const remove_instance& a) { return "remove " + a.name.text(); },
            [](const update_proxy& a) {
                std::string out = "proxy";
                for (const auto& r : a.routes)
                    out += fmt::format(" {}[{}]", r.id.text(), text_of(r));
                return out;
            },
            [](const settle_release& a) {
                return fmt::format("settle {} {} {}", a.component.text(), model::value_of(a.release),
                    model::text_of(a.outcome));
            },
            [](const allot_link& a) {
                return fmt::format("allot {} at \"{}\" instead of {}", a.link, a.host, a.instead_of);
            },
            [](const move_rollout& a) {
                constexpr std::array names{
                    "claim", "pass_on", "leave", "fail", "halt", "finish", "declare_lost"};
                return fmt::format("{} {} release {} slot {} of {}{}{}",
                    names.at(static_cast<std::size_t>(a.what)), a.component.text(),
                    model::value_of(a.release), a.slot, a.slots, a.ends ? ", the last" : "",
                    a.why.empty() ? "" : ": " + a.why);
            },
            [](const release_order& a) {
                return fmt::format("release the order of {} with {}", a.component.text(), a.image.text());
            },
            [](const end_return&) { return std::string("end_return"); },
            [](const pass_over& a) {
                return fmt::format("pass over {} for {}: {}", a.carrier.text(), a.component.text(), a.why);
            },
            [](const prepare_release& a) {
                return fmt::format("prepare {} {}", a.component.text(), model::value_of(a.release));
            },
            [](const fail_release& a) {
                return fmt::format("fail {} {}: {}", a.component.text(), model::value_of(a.release), a.why);
            },
        },
        what);
}

std::vector<std::string> texts(const plan& of)
{
    std::vector<std::string> out;
    out.reserve(of.actions.size());
    for (const auto& a : of.actions)
        out.push_back(text_of(a));
    return out;
}

}  // namespace gantryd::planner
