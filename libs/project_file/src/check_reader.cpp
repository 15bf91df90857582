#include "check_reader.hpp"

#include "object_reader.hpp"
#include "rules.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace gantryd::project_file {
namespace {

using model::check_kind;
using model::milliseconds;
using model::signal_kind;
using names = std::vector<std::string_view>;

constexpr milliseconds second{1000};
constexpr milliseconds millisecond{1};

constexpr std::array check_kinds{
    check_kind::tcp, check_kind::http, check_kind::https, check_kind::exec, check_kind::connection};
constexpr std::array signal_kinds{signal_kind::http, signal_kind::https, signal_kind::exec};

constexpr text_rule path_rule{"a path that starts with '/', of at most 2048 characters of printable ASCII",
    [](std::string_view t) { return is_http_path(t); }};
constexpr text_rule title_rule{"a title of at most 512 characters, no control characters",
    [](std::string_view t) { return is_title(t); }};

/// The kind that the object names, if it is one; the reader of the field says so if it is not.
template <class Enum, std::size_t N>
std::optional<Enum> kind_of(const cursor& from, const std::array<Enum, N>& known)
{
    const auto& members = from.value().children;
    const auto kind = std::ranges::find(members, "kind", &node::key);
    if (!from.is(node_kind::object) || kind == members.end())
        return std::nullopt;
    for (const auto each : known)
        if (kind->kind == node_kind::text && kind->text == text_of(each))
            return each;
    return std::nullopt;
}

/// What a check of this kind may say; without a kind, what any of them may.
names check_fields(std::optional<check_kind> kind)
{
    const bool http = kind == check_kind::http || kind == check_kind::https;
    names out{"kind", "id"};
    if (!kind || http || kind == check_kind::tcp)
        out.emplace_back("port");
    if (!kind || http)
        out.emplace_back("path");
    if (!kind || kind == check_kind::exec)
        out.insert(out.end(), {"command", "exec_command"});
    out.insert(out.end(), {"interval", "timeout", "rise", "fall", "grace"});
    return out;
}

names signal_fields(std::optional<signal_kind> kind)
{
    names out{"kind", "id"};
    if (kind != signal_kind::exec)
        out.insert(out.end(), {"port", "path"});
    if (!kind || kind == signal_kind::exec)
        out.insert(out.end(), {"command", "exec_command"});
    out.emplace_back("timeout");
    return out;
}

void read_id(const object_reader& from, std::string_view kind, std::string& out)
{
    if (const auto id = from.find("id"))
        read_text(*id, title_rule, out);
    if (out.empty())
        out = kind;
}

void read_used_port(const object_reader& from, std::uint16_t& out, std::vector<port_use>& uses)
{
    if (const auto port = from.require("port", "a port number from 1 to 65535");
        port && read_port(*port, out))
        uses.push_back({.at = *port, .port = out});
}

void read_path(const object_reader& from, std::string& out)
{
    if (const auto path = from.find("path"))
        read_text(*path, path_rule, out);
}

/// `exec_command` is the older name.
void read_exec(const object_reader& from, std::vector<std::string>& out)
{
    const auto older = from.find("exec_command");
    if (older && from.find("command")) {
        older->complain("expected either command or exec_command, found both");
        return;
    }
    const auto command = older ? older : from.require("command", "a command, as a list of texts or one text");
    if (command && read_words(*command, out) && (out.empty() || out.front().empty()))
        command->refuse("a command whose first word is not empty");
}

void read_times(const object_reader& from, model::check_spec& out)
{
    if (const auto interval = from.find("interval"))
        read_duration(*interval, second, millisecond, out.interval);
    if (const auto timeout = from.find("timeout"))
        read_duration(*timeout, second, millisecond, out.timeout);
    if (const auto rise = from.find("rise"))
        read_count(*rise, 1, 100, out.rise);
    if (const auto fall = from.find("fall"))
        read_count(*fall, 1, 100, out.fall);
    if (const auto grace = from.find("grace"))
        read_duration(*grace, second, milliseconds(0), out.grace);
}

void read_check(const cursor& from, milliseconds interval, std::vector<model::check_spec>& out,
    std::vector<port_use>& uses)
{
    const auto kind = kind_of(from, check_kinds);
    const auto owner = kind ? fmt::format(" of a check of kind {}", text_of(*kind)) : std::string();
    const object_reader check(from, "a check, such as {kind: tcp, port: 8888}", check_fields(kind), owner);
    if (!check.is_object())
        return;
    if (!kind) {
        check_kind ignored{};
        if (const auto at = check.require("kind", "one of tcp, http, https, exec, connection"))
            read_word(*at, check_kinds, ignored);
    }
    model::check_spec spec;
    spec.kind = kind.value_or(check_kind::connection);
    spec.interval = interval;
    read_id(check, text_of(spec.kind), spec.id);
    if (spec.kind == check_kind::exec)
        read_exec(check, spec.command);
    else if (spec.kind != check_kind::connection)
        read_used_port(check, spec.port, uses);
    read_path(check, spec.path);
    read_times(check, spec);
    out.push_back(std::move(spec));
}

void read_signal(const cursor& from, std::vector<model::signal_spec>& out, std::vector<port_use>& uses)
{
    const auto kind = kind_of(from, signal_kinds);
    const auto owner = kind ? fmt::format(" of a signal of kind {}", text_of(*kind)) : std::string();
    const object_reader signal(
        from, "a signal, such as {kind: http, port: 8888, path: /quit}", signal_fields(kind), owner);
    if (!signal.is_object())
        return;
    model::signal_spec spec;
    if (!kind) {
        if (const auto at = signal.require("kind", "one of http, https, exec"))
            read_word(*at, signal_kinds, spec.kind);
    } else if (*kind == signal_kind::exec) {
        read_exec(signal, spec.command);
    } else {
        read_used_port(signal, spec.port, uses);
    }
    spec.kind = kind.value_or(spec.kind);
    read_id(signal, text_of(spec.kind), spec.id);
    read_path(signal, spec.path);
    if (const auto timeout = signal.find("timeout"))
        read_duration(*timeout, second, millisecond, spec.timeout);
    out.push_back(std::move(spec));
}

}  // namespace

model::check_spec default_check(check_kind kind, milliseconds interval)
{
    model::check_spec check;
    check.kind = kind;
    check.id = text_of(kind);
    check.interval = interval;
    return check;
}

void read_checks(const cursor& from, milliseconds interval, std::vector<model::check_spec>& out,
    std::vector<port_use>& uses)
{
    for_each_item(
        from, "a list of checks", [&](const cursor& item) { read_check(item, interval, out, uses); });
}

void read_signals(const cursor& from, std::vector<model::signal_spec>& out, std::vector<port_use>& uses)
{
    for_each_item(from, "a list of signals", [&](const cursor& item) { read_signal(item, out, uses); });
}

}  // namespace gantryd::project_file
