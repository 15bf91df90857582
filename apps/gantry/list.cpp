#include "gantry.hpp"

#include "common/output.hpp"

#include <gantryd/base/names.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace gantryd::app {
namespace {

using namespace std::chrono_literals;

/// "my/image:latest" while that name still means the container's image, else the image's short id.
boost::asio::awaitable<std::string> image_name(
    docker::engine& docker, const local_container& of, runtime::clock& clk)
{
    if (of.identity.record) {
        const auto reference = of.identity.record->spec.image_reference();
        auto now = co_await docker.inspect_image(reference, clk.now() + 10s);
        if (now && now->id == of.row.image_id)
            co_return reference;
    }
    co_return base::short_id(of.row.image_id.text());
}

std::string status_of(const local_container& of, const std::vector<local_container>& all)
{
    if (of.row.status != docker::container_status::running)
        return std::string(text_of(of.row.status));
    const bool outdated = std::ranges::any_of(all, [&](const local_container& other) {
        return other.identity.component == of.identity.component &&
               other.identity.release > of.identity.release &&
               other.row.status == docker::container_status::running;
    });
    return outdated ? "draining" : "running";
}

}  // namespace

boost::asio::awaitable<exit_code> list_local(local_invocation what, runtime::clock& clk)
{
    auto docker = open_docker(clk);
    if (!docker)
        co_return refuse(docker.error());
    auto all = co_await find_containers(**docker, model::project_name(what.project), clk);
    if (!all)
        co_return refuse(all.error());
    std::erase_if(*all, [&](const local_container& c) { return c.identity.component != what.name(); });
    if (all->empty() && !what.with.json()) {
        print(fmt::format("Component {} is not running\n", what.component));
        co_return exit_code::done;
    }
    std::ranges::sort(*all, std::greater(), [](const local_container& c) { return c.row.created; });
    if (!what.with.json())
        print(fmt::format("{:<20} {:<20} {:<20} {:<20}\n", "CONTAINER ID", "UPTIME", "IMAGE ID", "STATUS"));
    boost::json::array rows;
    for (const auto& container : *all) {
        const auto image = co_await image_name(**docker, container, clk);
        const auto id = base::short_id(container.row.id.text());
        const auto status = status_of(container, *all);
        if (what.with.json())
            rows.emplace_back(boost::json::object{{"container", container.row.id.text()}, {"image", image},
                {"uptime", container.row.status_text}, {"status", status},
                {"release", model::value_of(container.identity.release)}});
        else
            print(fmt::format("{:<20} {:<20} {:<20} {:<20}\n", id, container.row.status_text, image, status));
    }
    if (what.with.json())
        print_json(boost::json::object{{"containers", std::move(rows)}});
    co_return exit_code::done;
}

}  // namespace gantryd::app
