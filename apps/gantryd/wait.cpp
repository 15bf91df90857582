#include "commands.hpp"
#include "common/machine.hpp"

#include <gantryd/base/names.hpp>
#include <gantryd/records/keys.hpp>
#include <gantryd/runtime/with_deadline.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include <sys/statvfs.h>
#include <unistd.h>

namespace gantryd::app {
namespace {

/// Shows each component's line when it changes: in place on a terminal, one below the other elsewhere.
class progress_lines {
public:
    void show(const model::component_name& name, const std::string& text)
    {
        auto& last = last_[name];
        if (last == text)
            return;
        last = text;
        if (!terminal_) {
            std::fprintf(stderr, "%s: %s\n", name.text().c_str(), text.c_str());
            return;
        }
        if (shown_ > 0)
            std::fprintf(stderr, "\033[%zuA", shown_);
        shown_ = last_.size();
        for (const auto& [component, line] : last_)
            std::fprintf(stderr, "\033[K%s: %s\n", component.text().c_str(), line.c_str());
    }

private:
    bool terminal_ = ::isatty(STDERR_FILENO) != 0;
    std::map<model::component_name, std::string> last_;
    std::size_t shown_ = 0;
};

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

/// What stands out of all components' codes.
exit_code together(exit_code a, exit_code b) { return static_cast<int>(b) > static_cast<int>(a) ? b : a; }

}  // namespace

std::vector<model::component_name> invocation::component_names() const
{
    std::vector<model::component_name> out;
    for (const auto& name : components)
        if (std::ranges::find(out, name, &model::component_name::text) == out.end())
            out.emplace_back(name);
    return out;
}

boost::asio::awaitable<exit_code> wait_for(store::store& from, invocation what, runtime::clock& clk,
    std::function<progress(const control::project_overview&, const model::component_name&)> look)
{
    const auto deadline = clk.now() + what.timeout;
    const auto names = what.component_names();
    progress_lines lines;
    for (;;) {
        auto all = co_await control::read_overview(from, what.project_name(), clk.now() + store_limit);
        if (!all)
            co_return refuse(all.error());
        bool done = true;
        auto code = exit_code::done;
        for (const auto& name : names) {
            const auto seen = look(*all, name);
            lines.show(name, seen.text);
            done = done && seen.done;
            if (seen.done)
                code = together(code, seen.code);
        }
        if (done)
            co_return code;
        const auto changes = from.watch(records::project_prefix(what.project_name()), all->at);
        auto next = co_await runtime::with_deadline(clk, deadline, "wait", changes->next());
        if (!next && next.error() == base::errc::timed_out) {
            std::fprintf(stderr, "gantryd: not done after %lld s; `gantryd why %s` tells what it waits for\n",
                static_cast<long long>(what.timeout.count()), what.project.c_str());
            co_return exit_code::timed_out;
        }
        if (!next && next.error() != base::errc::compacted)
            co_return refuse(next.error());
    }
}

std::string command_line(
    const std::string& verb, const std::string& project, const model::component_name& component)
{
    return fmt::format("gantryd {} {} -c {}", verb, project, component.text());
}

boost::asio::awaitable<base::result<opened_project>> open_project(const invocation& what, runtime::clock& clk)
{
    auto store = open_store(what.with, clk, false);
    if (!store)
        co_return std::unexpected(store.error());
    auto all = co_await control::read_overview(**store, what.project_name(), clk.now() + store_limit);
    if (!all)
        co_return std::unexpected(all.error());
    if (!all->config && all->components.empty())
        co_return base::fail(base::errc::not_found,
            fmt::format("project {} is not known; store its config with `gantryd setconfig {} FILE`",
                what.project, what.project));
    for (const auto& name : what.component_names())
        if (all->find(name) == nullptr)
            co_return base::fail(base::errc::not_found,
                fmt::format("project {} has no component {}", what.project, name.text()));
    const bool is_file = what.with.etcd_endpoints().empty();
    co_return opened_project{
        std::move(*store), std::move(*all), is_file ? disk_problem(what.with.store_path()) : std::string()};
}

}  // namespace gantryd::app
