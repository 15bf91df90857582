#include "real_docker.hpp"

#include <gantryd/base/environment.hpp>
#include <gantryd/docker/client.hpp>
#include <gantryd/runtime/process.hpp>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantryd::docker {
namespace {

using namespace std::chrono_literals;

base::result<runtime::process_outcome> try_program(std::vector<std::string> command)
{
    boost::asio::io_context loop(1);
    const auto clock = runtime::make_system_clock();
    return run_in_real_time(
        loop, runtime::run_process(*clock, std::move(command), clock->now() + 60s), std::chrono::seconds(70));
}

endpoint where_docker_is()
{
    auto where = endpoint_from_environment(base::environment_variable);
    if (!where)
        throw std::runtime_error(where.error().context());
    return *where;
}

}  // namespace

std::string run_program(std::vector<std::string> command)
{
    const auto what = command.at(0) + " " + (command.size() > 1 ? command[1] : "");
    auto ended = try_program(std::move(command));
    if (!ended)
        throw std::runtime_error(what + ": " + ended.error().context());
    if (ended->exit_code != 0)
        throw std::runtime_error(what + ": " + ended->output);
    return ended->output;
}

background_program::background_program(std::vector<std::string> command)
{
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (auto& word : command)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    const int failed = ::posix_spawnp(&pid_, arguments[0], &files, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    if (failed != 0)
        throw std::runtime_error(command[0] + " could not be started: is it installed?");
}

background_program::~background_program()
{
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

real_docker::real_docker()
    : prefix_("gantryd-test-" + std::to_string(::getpid()) + "-" +
              std::to_string(std::chrono::system_clock::now().time_since_epoch().count() % 1'000'000'000))
{
    const auto where = where_docker_is();
    auto made = make_engine(where, *clock_);
    if (!made)
        throw std::runtime_error(made.error().context());
    engine_ = std::move(*made);
    const auto there = run(engine_->info(clock_->now() + 10s));
    if (!there)
        throw std::runtime_error("this test needs a Docker engine at " + text_of(where) +
                                 " (DOCKER_HOST): " + there.error().context());
    import_image();
}

real_docker::~real_docker()
try {
    // The Docker CLI and not our own client: what is tested may be what is broken.
    const auto script = "docker ps -aq --filter label=contract=" + prefix_ +
                        " | xargs -r docker rm -f -v; docker images -q " + prefix_ +
                        " | xargs -r docker rmi -f";
    (void)try_program({"/bin/sh", "-c", script});
} catch (const std::exception& e) {
    std::fprintf(stderr, "clean up after a test: %s\n", e.what());
}

void real_docker::import_image()
{
    const std::filesystem::path program(GANTRYD_TEST_PROGRAM);
    const auto script = R"(tar -C "$1" --transform 's/.*/prog/' -c "$2" | )"
                        R"(docker import --change 'CMD ["/prog","serve"]' - "$3")";
    (void)run_program(
        {"/bin/sh", "-c", script, "sh", program.parent_path(), program.filename(), prefix_ + ":latest"});
    const auto details = run(engine_->inspect_image(prefix_ + ":latest", clock_->now() + 10s));
    if (!details)
        throw std::runtime_error(details.error().context());
    image_ = details->id;
}

std::unique_ptr<engine> real_docker::engine_with_config(const std::string& config_file)
{
    auto where = where_docker_is();
    where.config_file = config_file;
    return std::move(*make_engine(where, *clock_));
}

}  // namespace gantryd::docker
