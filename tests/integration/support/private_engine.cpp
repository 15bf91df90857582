#include "private_engine.hpp"

#include "process.hpp"
#include "wait.hpp"

#include <csignal>
#include <stdexcept>
#include <utility>

#include <unistd.h>

namespace gantryd::integration {

using namespace std::chrono_literals;

private_engine::private_engine(std::vector<std::string> arguments)
    : directory_("/tmp/gantryd-it-docker." + std::to_string(::getpid())),
      arguments_(std::move(arguments))
{
    start();
}

private_engine::~private_engine()
{
    run({GANTRYD_SCRIPTS "/private-docker", "stop", directory_.string()}, {}, 120s);
}

void private_engine::kill()
{
    const auto pid = pid_in_file(directory_ / "docker.pid");
    if (!pid)
        throw std::runtime_error("the private Docker Engine has no pid file");
    ::kill(*pid, SIGKILL);
    if (!wait_until([&] { return !process_runs(*pid); }))
        throw std::runtime_error("the private Docker Engine survived SIGKILL");
}

void private_engine::start()
{
    std::vector<std::string> words{GANTRYD_SCRIPTS "/private-docker", "start", directory_.string()};
    words.insert(words.end(), arguments_.begin(), arguments_.end());
    const auto done = run(std::move(words));
    if (done.exit_code != 0)
        throw std::runtime_error("no private Docker Engine: " + done.err);
}

}  // namespace gantryd::integration
