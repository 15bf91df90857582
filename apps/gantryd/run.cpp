#include "commands.hpp"
#include "common/log_sink.hpp"
#include "common/machine.hpp"
#include "common/output.hpp"

#include <cstdlib>

namespace gantryd::app {

boost::asio::awaitable<exit_code> run(invocation what, runtime::clock& clk)
{
    const auto sink = make_stderr_sink(what.with.log_format);
    const base::logger log(*sink, what.with.level());
    auto machine = open_machine(what.with, clk, log);
    if (!machine)
        co_return refuse(machine.error());
    // What the daemon writes it can observe again, so it need not wait for the disk.
    auto store = open_store(what.with, clk, true, true);
    if (!store)
        co_return refuse(store.error());

    auto options = (*machine)->options_for(what.project_name());
    options.store_members = store_members(what.with);
    if (!what.address.empty())
        options.address = what.address;
    for (const auto& tag : what.tags) {
        const auto sign = tag.find('=');  // the command line was checked for one
        options.tags[tag.substr(0, sign)] = tag.substr(sign + 1);
    }
    if (!what.components.empty()) {
        const auto names = what.component_names();
        options.only.emplace(names.begin(), names.end());
    }
    print("Gantryd running\n");
    log.info("gantryd starts", {{"version", version()}, {"project", what.project}, {"pid", options.pid},
                                   {"machine", options.machine.text()}, {"store", what.with.store_name()}});
    co_await daemon::run((*machine)->with(**store), std::move(options), nullptr);
    co_return exit_code::done;
}

}  // namespace gantryd::app
