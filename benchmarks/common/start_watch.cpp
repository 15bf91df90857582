#include "start_watch.hpp"

#include <gantryd/base/environment.hpp>
#include <gantryd/docker/client.hpp>

#include <stdexcept>
#include <string_view>
#include <utility>

namespace gantryd::benchmark {
namespace {

/// The Engine's `GET /events`, which sends its head at once and then a chunk for each event.
integration::connection starts_of(const std::string& project, const std::string& docker_host)
{
    const auto engine = docker::endpoint_from_environment(variables_with(docker_host));
    if (!engine || engine->transport != docker::endpoint::kind::unix_socket)
        throw std::runtime_error("the benchmark needs an Engine at a unix socket");
    auto events = integration::connection::to(engine->address);
    const auto filters = "%7B%22event%22%3A%5B%22start%22%5D%2C%22label%22%3A%5B%22io.gantryd.project%3D" +
                         project + "%22%5D%7D";
    if (!events || !events->send("GET /events?filters=" + filters + " HTTP/1.1\r\nHost: docker\r\n\r\n"))
        throw std::runtime_error("no Docker Engine at " + engine->address);
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
        const auto next = events->receive(1);
        if (next.empty())
            throw std::runtime_error("Docker does not tell its events: " + head);
        head += next;
    }
    if (!head.starts_with("HTTP/1.1 200"))
        throw std::runtime_error("Docker does not tell its events: " + head);
    return std::move(*events);
}

}  // namespace

std::function<std::string(const char*)> variables_with(std::string docker_host)
{
    return [host = std::move(docker_host)](const char* which) {
        const bool is_host = !host.empty() && which == std::string_view("DOCKER_HOST");
        return is_host ? host : base::environment_variable(which);
    };
}

start_watch::start_watch(const std::string& project, const std::string& docker_host)
    : events_(starts_of(project, docker_host))
{
}

void start_watch::wait(std::chrono::seconds limit)
{
    if (events_.receive(1, limit).empty())
        throw std::runtime_error("no container started");
}

}  // namespace gantryd::benchmark
