#include "scene.hpp"
#include "start_watch.hpp"

#include <gantryd/docker/client.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <stdexcept>

namespace gantryd::benchmark {
namespace {

using namespace std::chrono_literals;

template <class T>
T must(base::result<T> what)
{
    if (!what)
        throw std::runtime_error(what.error().context());
    return std::move(*what);
}

boost::asio::awaitable<void> round(
    docker::engine& engine, runtime::clock& clk, std::string image, std::string name, milliseconds& took)
{
    const auto found = must(co_await engine.inspect_image(std::move(image), clk.now() + 10s));
    docker::create_request request;
    request.name = std::move(name);
    request.image = found.id;
    request.labels = {{"io.gantryd.benchmark", "floor"}};
    const auto begin = clock::now();
    auto created = co_await engine.create(std::move(request), clk.now() + 30s);
    const auto id = must(std::move(created));
    auto started = co_await engine.start(id, clk.now() + 30s);
    if (!started)
        throw std::runtime_error(started.error().context());
    auto details = co_await engine.inspect(id, clk.now() + 30s);
    const auto address = must(std::move(details)).address;
    took = until(begin, [&] { return !ask_quickly(address, 8080).version.empty(); });
    auto removed = co_await engine.remove(id, true, clk.now() + 30s);
    if (!removed)
        throw std::runtime_error(removed.error().context());
}

}  // namespace

milliseconds floor_round(const std::string& image, const std::string& name, const std::string& docker_host)
{
    boost::asio::io_context loop(1);
    const auto clk = runtime::make_system_clock();
    const auto engine =
        must(docker::make_engine(must(docker::endpoint_from_environment(variables_with(docker_host))), *clk));
    milliseconds took{};
    std::exception_ptr failure;
    boost::asio::co_spawn(
        loop, round(*engine, *clk, image, name, took), [&](std::exception_ptr why) { failure = why; });
    loop.run();
    if (failure)
        std::rethrow_exception(failure);
    return took;
}

}  // namespace gantryd::benchmark
