#include "commands.hpp"
#include "common/machine.hpp"

#include <gantryd/base/names.hpp>

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
