#include <gantryd/model/component.hpp>

#include <algorithm>

namespace gantryd::model {

const component_spec* project_spec::find(const component_name& name) const
{
    const auto found = std::ranges::find(components, name, &component_spec::name);
    return found == components.end() ? nullptr : &*found;
}

std::string_view text_of(port_kind kind) noexcept
{
    switch (kind) {
    case port_kind::tcp: return "tcp";
    case port_kind::http: return "http";
    }
    return "unknown";
}

std::string_view text_of(check_kind kind) noexcept
{
    switch (kind) {
    case check_kind::tcp: return "tcp";
    case check_kind::http: return "http";
    case check_kind::https: return "https";
    case check_kind::exec: return "exec";
    case check_kind::connection: return "connection";
    }
    return "unknown";
}

std::string_view text_of(signal_kind kind) noexcept
{
    switch (kind) {
    case signal_kind::http: return "http";
    case signal_kind::https: return "https";
    case signal_kind::exec: return "exec";
    }
    return "unknown";
}

std::string_view text_of(drain_timeout_action action) noexcept
{
    switch (action) {
    case drain_timeout_action::kill: return "kill";
    case drain_timeout_action::keep: return "keep";
    }
    return "unknown";
}

std::string_view text_of(failure_action action) noexcept
{
    switch (action) {
    case failure_action::revert: return "revert";
    case failure_action::pause: return "pause";
    }
    return "unknown";
}

std::string text_of(const parallel_limit& limit)
{
    return std::to_string(limit.count) + (limit.percent ? "%" : "");
}

int parallel_limit::of(int machines) const noexcept
{
    const auto exact = percent ? std::int64_t{count} * machines / 100 : count;
    return static_cast<int>(std::max<std::int64_t>(exact, 1));
}

}  // namespace gantryd::model
