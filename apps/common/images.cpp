#include "common/images.hpp"

#include <cstdio>

#include <unistd.h>

namespace gantryd::app {

using namespace std::chrono_literals;

namespace {

control::release_request request_for(const model::component_spec& spec, docker::image_details image)
{
    auto digest = docker::digest_of(image, spec.repo);
    return {spec, std::move(image.id), std::move(digest), std::move(image.architecture)};
}

}  // namespace

boost::asio::awaitable<base::result<std::optional<docker::image_details>>> find_image(
    docker::engine& docker, model::component_spec spec, runtime::clock& clk)
{
    using found = std::optional<docker::image_details>;
    auto here = co_await docker.inspect_image(spec.image_reference(), clk.now() + 30s);
    if (here)
        co_return found(std::move(*here));
    if (here.error() == base::errc::not_found)
        co_return found();
    co_return std::unexpected(here.error());
}

boost::asio::awaitable<base::result<control::release_request>> resolve_image(
    docker::engine& docker, model::component_spec spec, runtime::clock& clk)
{
    const auto reference = spec.image_reference();
    const auto who = "component " + spec.name.text() + ": ";
    auto here = co_await find_image(docker, spec, clk);
    if (!here)
        co_return base::fail(here.error().code(), who + here.error().context());
    if (*here)
        co_return request_for(spec, std::move(**here));

    const bool terminal = ::isatty(STDERR_FILENO) != 0;
    auto progress = [terminal](std::string line) {
        if (terminal)
            std::fprintf(stderr, "\r\033[K%s", line.c_str());
    };
    auto pulled = co_await docker.pull(reference, progress, clk.now() + 15min);
    if (terminal)
        std::fputs("\r\033[K", stderr);
    if (!pulled)
        co_return base::fail(pulled.error().code(),
            who + "image " + reference +
                " is not on this machine and cannot be pulled: " + pulled.error().context());
    auto now = co_await docker.inspect_image(reference, clk.now() + 30s);
    if (!now)
        co_return base::fail(now.error().code(), who + now.error().context());
    co_return request_for(spec, std::move(*now));
}

}  // namespace gantryd::app
