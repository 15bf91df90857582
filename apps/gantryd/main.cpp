#include "command_line.hpp"
#include "commands.hpp"
#include "common/session.hpp"

#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <utility>

namespace gantryd::app {
namespace {

boost::asio::awaitable<exit_code> carry_out(invocation what, runtime::clock& clk)
{
    switch (what.command) {  // no default: -Wswitch names the command we forgot
    case verb::setconfig: return setconfig(std::move(what), clk);
    case verb::getconfig: return getconfig(std::move(what), clk);
    case verb::validate: return validate(std::move(what), clk);
    case verb::update: return update(std::move(what), clk);
    case verb::plan: return plan(std::move(what), clk);
    case verb::rollback: return rollback(std::move(what), clk);
    case verb::pause: return pause(std::move(what), clk);
    case verb::resume: return resume(std::move(what), clk);
    case verb::watch: return watch(std::move(what), clk);
    case verb::run: return run(std::move(what), clk);
    case verb::machines: return machines(std::move(what), clk);
    case verb::list: return list(std::move(what), clk);
    case verb::status: return status(std::move(what), clk);
    case verb::why: return why(std::move(what), clk);
    case verb::events: return events(std::move(what), clk);
    case verb::stop: return stop(std::move(what), clk);
    case verb::kill: return kill(std::move(what), clk);
    case verb::history: return history(std::move(what), clk);
    case verb::drain: return drain(std::move(what), clk);
    case verb::undrain: return undrain(std::move(what), clk);
    case verb::forget: return forget(std::move(what), clk);
    case verb::secret_set: return set_secret(std::move(what), clk);
    case verb::secret_list: return list_secrets(std::move(what), clk);
    case verb::secret_rm: return remove_secret(std::move(what), clk);
    }
    std::unreachable();
}

/// What is ordered is stored, and the daemons go on with it whoever waits.
std::string interrupted(const invocation& what)
{
    if (!what.wait && what.command != verb::watch)
        return "interrupted";
    return "interrupted; what is stored goes on: `gantryd status " + what.project + "` shows it";
}

}  // namespace
}  // namespace gantryd::app

int main(int argc, char** argv)
try {
    using namespace gantryd;
    const auto what = app::parse_command_line({argv + 1, argv + argc}, std::cout, std::cerr);
    if (!what)
        return static_cast<int>(what.error());
    const bool is_endless = what->command == app::verb::run || what->follow;
    auto session = [&](runtime::clock& clk) { return app::carry_out(*what, clk); };
    // Who goes on until told to stop has done its work then; another command that is interrupted has not.
    return static_cast<int>(app::run_session(session, is_endless ? std::string() : app::interrupted(*what)));
} catch (const std::exception& e) {
    std::fprintf(stderr, "gantryd: %s\n", e.what());
    return static_cast<int>(gantryd::app::exit_code::refused);
}
