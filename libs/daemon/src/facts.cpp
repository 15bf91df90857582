// Where the daemon tells what happened: to the log, to the history in the store, and to whoever watches.
#include "state.hpp"

#include <algorithm>
#include <initializer_list>

namespace gantryd::daemon {
namespace {

bool is_trouble(happening what)
{
    switch (what) {
    case happening::instance_failed:
    case happening::signal_failed:
    case happening::release_given_up:
    case happening::slot_lost:
    case happening::rollout_halted:
    case happening::carrier_failed:
    case happening::machine_id_refused:
    case happening::action_failed:
    case happening::haproxy_changed:
    case happening::haproxy_ended:
    case happening::port_refused:
    case happening::source_away:
    case happening::store_copy_used:
    case happening::record_unreadable:
    case happening::events_lost: return true;
    case happening::daemon_started:
    case happening::daemon_stopped:
    case happening::desired_changed:
    case happening::image_pulling:
    case happening::image_pulled:
    case happening::container_created:
    case happening::container_started:
    case happening::instance_ready:
    case happening::check_changed:
    case happening::drain_begun:
    case happening::drain_ended:
    case happening::signal_delivered:
    case happening::container_stopping:
    case happening::container_stopped:
    case happening::container_killing:
    case happening::container_removed:
    case happening::link_placed:
    case happening::release_settled:
    case happening::slot_taken:
    case happening::slot_freed:
    case happening::haproxy_started:
    case happening::haproxy_reloaded:
    case happening::haproxy_repaired:
    case happening::port_freed:
    case happening::source_back:
    case happening::condition_began:
    case happening::condition_ended: return false;
    }
    return false;
}

model::event event_of(const fact& told, base::wall_time at)
{
    model::event out;
    out.at = at;
    out.code = told.condition ? text_of(*told.condition) : text_of(told.what);
    if (told.what == happening::condition_began)
        out.change = "began";
    else if (told.what == happening::condition_ended)
        out.change = "ended";
    out.component = told.instance == nullptr ? told.component : told.instance->component;
    out.instance = told.instance_name;
    out.release = told.release;
    if (told.instance != nullptr) {
        out.instance = told.instance->name.text();
        out.release = told.instance->release;
    }
    out.text = told.text;
    if (told.why != nullptr)
        out.why = *told.why;
    return out;
}

/// The constant sentence of a log line: the code in words.
std::string sentence_of(const fact& told)
{
    std::string out(text_of(told.what));
    std::ranges::replace(out, '_', ' ');
    return out;
}

void write(const base::logger& log, bool trouble, std::string_view sentence,
    std::initializer_list<base::log_field> fields)
{
    if (trouble)
        log.warning(sentence, fields);
    else
        log.info(sentence, fields);
}

void write(const base::logger& log, const fact& told, const model::event& event)
{
    const bool trouble = is_trouble(told.what);
    const auto sentence = sentence_of(told);
    const auto release = event.release ? model::value_of(*event.release) : 0;
    const auto what = told.condition ? event.code + ": " + event.text : event.text;
    if (event.why)
        write(log, trouble, sentence,
            {{"component", event.component.text()}, {"instance", event.instance}, {"release", release},
                {"what", what},
                {"last_log_line",
                    event.why->last_log_lines.empty() ? std::string() : event.why->last_log_lines.back()}});
    else if (!event.instance.empty())
        write(log, trouble, sentence,
            {{"component", event.component.text()}, {"instance", event.instance}, {"release", release},
                {"what", what}});
    else if (!event.component.empty())
        write(log, trouble, sentence,
            {{"component", event.component.text()}, {"release", release}, {"what", what}});
    else
        write(log, trouble, sentence, {{"what", what}});
}

}  // namespace

void state::tell(const fact& told)
{
    auto event = event_of(told, io.clk.wall_now());
    conceal(event.component, event.text);
    if (event.why)
        conceal(event.component, *event.why);
    write(io.log, told, event);
    if (what.publish)
        history.add(std::move(event));
    watcher.happened(told);
}

void state::tell(happening what_happened, const planner::instance& to, std::string text)
{
    tell({.what = what_happened, .instance = &to, .text = std::move(text)});
}

void state::tell(happening what_happened, std::string text)
{
    tell({.what = what_happened, .text = std::move(text)});
}

}  // namespace gantryd::daemon
