#include "deaths.hpp"
#include "mortal_engine.hpp"
#include "mortal_proxy.hpp"
#include "mortal_store.hpp"

#include "common/log_sink.hpp"
#include "common/machine.hpp"
#include "common/session.hpp"
#include "gantryd/command_line.hpp"

#include <gantryd/base/environment.hpp>

#include <cstdio>
#include <exception>
#include <iostream>
#include <set>
#include <sstream>

namespace gantryd::mortal {
namespace {

/// "create;start"
std::set<std::string> actions_in(const std::string& text)
{
    std::set<std::string> out;
    std::istringstream in(text);
    for (std::string action; std::getline(in, action, ';');)
        out.insert(action);
    return out;
}

/// `gantryd run`, with deaths before it.
boost::asio::awaitable<app::exit_code> run(app::invocation what, runtime::clock& clk)
{
    deaths when(base::environment_variable("GANTRYD_DEATHS"),
        actions_in(base::environment_variable("GANTRYD_DIES_AT")), clk);
    const auto sink = app::make_stderr_sink(what.with.log_format);
    const base::logger log(*sink, what.with.level());
    auto machine = app::open_machine(what.with, clk, log);
    if (!machine)
        co_return app::refuse(machine.error());
    auto store = app::open_store(what.with, clk, true, true);
    if (!store)
        co_return app::refuse(store.error());
    const auto real = (*machine)->with(**store);
    mortal_store desired(real.desired, "store", when);
    mortal_store ledger(real.ledger, "ledger", when);
    mortal_engine docker(real.docker, when);
    mortal_proxy proxy(real.proxy, when);
    mortal_prober prober(real.prober, when);
    const daemon::collaborators all{
        desired, ledger, docker, proxy, real.sockets, prober, clk, real.random, log};
    log.info("gantryd starts", {{"project", what.project}});
    co_await daemon::run(all, (*machine)->options_for(what.project_name()), nullptr);
    co_return app::exit_code::done;
}

}  // namespace
}  // namespace gantryd::mortal

/// The words of `gantryd run`. Where it died already stands in the folder GANTRYD_DEATHS; GANTRYD_DIES_AT are
/// the actions, separated by semicolons.
int main(int argc, char** argv)
try {
    using namespace gantryd;
    const auto what = app::parse_command_line({argv + 1, argv + argc}, std::cout, std::cerr);
    if (!what || what->command != app::verb::run)
        return static_cast<int>(app::exit_code::usage);
    auto session = [&](runtime::clock& clk) { return mortal::run(*what, clk); };
    return static_cast<int>(app::run_session(session, ""));
} catch (const std::exception& e) {
    std::fprintf(stderr, "mortal_gantryd: %s\n", e.what());
    return 1;
}
