#include "commands.hpp"
#include "common/machine.hpp"
#include "common/state_directory.hpp"

#include <gantryd/base/names.hpp>
#include <gantryd/control/machines.hpp>
#include <gantryd/daemon/store_copy.hpp>
#include <gantryd/records/keys.hpp>
#include <gantryd/sqlite_store/sqlite_store.hpp>
#include <gantryd/store/memory_store.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <sys/statvfs.h>

namespace gantryd::app {
namespace {

/// Says so when the disk of a file has no room left; what is there already can still be read.
std::string disk_problem(const std::string& file)
{
    constexpr unsigned long enough = 256UL * 1024;  // bytes: some transactions of the store
    struct statvfs disk{};
    if (::statvfs(file.c_str(), &disk) != 0)
        return {};
    const auto left = static_cast<unsigned long>(disk.f_bavail) * disk.f_frsize;
    if (left >= enough)
        return {};
    return fmt::format("the disk of {} is full: {} bytes are left", file, left);
}

}  // namespace

std::vector<model::component_name> invocation::component_names() const
{
    std::vector<model::component_name> out;
    for (const auto& name : components)
        if (std::ranges::find(out, name, &model::component_name::text) == out.end())
            out.emplace_back(name);
    return out;
}

namespace {

/// What the project has in a store that answers, or in what stands for it.
base::result<opened_project> opened(
    const invocation& what, std::unique_ptr<store::store> store, control::project_overview all)
{
    if (!all.config && all.components.empty())
        return base::fail(base::errc::not_found,
            fmt::format("project {} is not known; store its config with `gantryd setconfig {} FILE`",
                what.project, what.project));
    for (const auto& name : what.component_names())
        if (all.find(name) == nullptr)
            return base::fail(base::errc::not_found,
                fmt::format("project {} has no component {}", what.project, name.text()));
    const bool is_file = what.with.etcd_endpoints().empty();
    return opened_project{
        std::move(store), std::move(all), is_file ? disk_problem(what.with.store_path()) : std::string(), {}};
}

/// What a daemon keeps on this machine; nothing when it keeps nothing that we may read.
boost::asio::awaitable<std::optional<daemon::kept_state>> kept_here(
    const invocation& what, runtime::clock& clk)
{
    const sqlite_store::options where{what.with.ledger_path(), sqlite_store::durability::relaxed, false};
    auto ledger = sqlite_store::open(where, clk);
    if (!ledger)
        co_return std::nullopt;
    daemon::copy_subject subject{what.project_name(), store_members(what.with)};
    auto kept = co_await daemon::read_copy(**ledger, std::move(subject), clk.now() + store_limit);
    co_return kept ? std::move(*kept) : std::nullopt;
}

/// A presence tells of a daemon that lives; one that ended without its store could not take it back.
store::transaction content_of(daemon::kept_state kept, const invocation& what)
{
    const bool lives = is_held(what.with.state_dir);
    store::transaction out;
    for (auto& pair : kept.said.pairs) {
        const auto machine = records::parse_machine_key(what.project_name(), pair.key);
        const bool is_presence = machine && machine->what == records::machine_part::kind::presence;
        if (lives || !is_presence)
            out.operations.push_back(
                {store::operation::kind::put, std::move(pair.key), std::move(pair.value), {}});
    }
    return out;
}

}  // namespace

bool is_away(const base::error& why)
{
    return why == base::errc::unavailable || why == base::errc::timed_out;
}

base::error unanswered(const base::error& why)
{
    if (!is_away(why))
        return why;
    return {base::errc::unavailable, "the store does not answer, and nothing was changed: " + why.context()};
}

boost::asio::awaitable<base::result<opened_project>> open_project(const invocation& what, runtime::clock& clk)
{
    auto store = open_store(what.with, clk, false);
    if (!store)
        co_return std::unexpected(store.error());
    auto all = co_await control::read_overview(**store, what.project_name(), clk.now() + store_limit);
    if (!all)
        co_return std::unexpected(unanswered(all.error()));
    co_return opened(what, std::move(*store), std::move(*all));
}

boost::asio::awaitable<base::result<opened_project>> look_at_project(
    const invocation& what, runtime::clock& clk)
{
    auto store = open_store(what.with, clk, false);
    if (!store)
        co_return std::unexpected(store.error());
    auto all = co_await control::read_overview(**store, what.project_name(), clk.now() + store_limit);
    if (all)
        co_return opened(what, std::move(*store), std::move(*all));
    if (!is_away(all.error()))
        co_return std::unexpected(all.error());
    const auto why = "the store does not answer: " + all.error().context();
    auto kept = co_await kept_here(what, clk);
    if (!kept)
        co_return base::fail(base::errc::unavailable, why);
    const auto as_of = kept->as_of;
    auto stand_in = store::make_memory_store(clk);
    auto content = content_of(std::move(*kept), what);
    auto filled = co_await stand_in->commit(std::move(content), clk.now() + store_limit);
    if (!filled)
        co_return std::unexpected(filled.error());
    auto known = co_await control::read_overview(*stand_in, what.project_name(), clk.now() + store_limit);
    if (!known)
        co_return std::unexpected(known.error());
    if (known->components.empty())
        co_return base::fail(base::errc::unavailable, why);
    auto out = opened(what, std::move(stand_in), std::move(*known));
    if (out)
        out->away = fmt::format("{}\nThis is what gantryd on this machine goes by: the store's state of {}, "
                                "and the machine itself.",
            why, base::rfc3339(as_of));
    co_return out;
}

boost::asio::awaitable<base::result<control::stored_config>> require_config(
    store::store& in, const invocation& what, runtime::clock& clk)
{
    auto config = co_await control::read_config(in, what.project_name(), clk.now() + store_limit);
    if (!config)
        co_return std::unexpected(unanswered(config.error()));
    if (!*config)
        co_return base::fail(base::errc::not_found,
            fmt::format("project {} has no config; store one with `gantryd setconfig {} FILE`", what.project,
                what.project));
    co_return std::move(**config);
}

base::result<model::machine_id> named_machine(const opened_project& project, const invocation& what)
{
    auto found = control::find_machine(project.all, what.machine);
    if (!found)
        return base::fail(found.error().code(),
            found.error().context() + "; `gantryd machines " + what.project + "` lists them");
    return found;
}

exit_code told(const opened_project& project)
{
    return project.away.empty() ? exit_code::done : refuse(project.away);
}

}  // namespace gantryd::app
