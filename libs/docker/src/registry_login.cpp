#include "registry_login.hpp"

#include <gantryd/base/names.hpp>
#include <gantryd/runtime/process.hpp>

#include <fstream>
#include <utility>
#include <vector>

namespace asio = boost::asio;

namespace gantryd::docker {
namespace {

constexpr std::size_t most_config_bytes = 1024UL * 1024;

std::optional<std::string> read_file(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return std::nullopt;
    std::string text(most_config_bytes, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
}

/// Asks docker-credential-<helper>, which reads the registry from its stdin.
asio::awaitable<base::result<registry_login>> ask_helper(
    runtime::clock& clk, std::string helper, std::string key, runtime::time_point deadline)
{
    const auto program = "docker-credential-" + helper;
    if (!base::is_name(helper))
        co_return base::fail(base::errc::rejected, "a credential helper has an unusable name");
    std::vector<std::string> command{program, "get"};
    runtime::process_streams streams{.input = std::move(key) + "\n", .keep_errors = false};
    auto ended = co_await runtime::run_process(clk, std::move(command), deadline, std::move(streams));
    if (!ended && ended.error() == base::errc::not_found)
        co_return base::fail(base::errc::not_found, program + " is not installed");
    if (!ended)
        co_return base::fail(program, ended.error());
    if (ended->exit_code != 0)  // its output is not shown: it is the program that knows the secrets
        co_return base::fail(
            base::errc::rejected, program + " ended with exit code " + std::to_string(ended->exit_code));
    auto login = decode_helper_output(ended->output);
    if (!login)
        co_return base::fail(program, login.error());
    co_return login;
}

}  // namespace

asio::awaitable<login_lookup> look_up_login(
    runtime::clock& clk, std::string config_file, std::string registry, runtime::time_point deadline)
{
    login_lookup found;
    const auto config = config_file.empty() ? std::nullopt : read_file(config_file);
    if (!config) {
        found.note = config_file.empty() ? "no login, and no config file of the Docker CLI"
                                         : "no login: " + config_file + " cannot be read";
        co_return found;
    }
    auto source = find_login(*config, registry);
    if (!source) {
        found.note = "no login: " + config_file + ": " + source.error().context();
        co_return found;
    }
    found.login = std::move(source->login);
    if (!source->helper.empty()) {
        auto answer = co_await ask_helper(clk, source->helper, source->helper_key, deadline);
        if (answer)
            found.login = std::move(*answer);
        else
            found.note = answer.error().context();
    }
    if (!found.login && found.note.empty())
        found.note = "no login for " + registry + " in " + config_file;
    co_return found;
}

}  // namespace gantryd::docker
