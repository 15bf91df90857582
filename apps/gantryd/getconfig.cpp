#include "commands.hpp"
#include "common/machine.hpp"
#include "common/output.hpp"

#include <gantryd/records/keys.hpp>

#include <boost/json.hpp>

namespace gantryd::app {

boost::asio::awaitable<exit_code> getconfig(invocation what, runtime::clock& clk)
{
    auto store = open_store(what.with, clk, false);
    if (!store)
        co_return refuse(store.error());
    const auto key = records::config_key(what.project_name());
    auto pair = co_await (*store)->get(key, clk.now() + store_limit);
    if (!pair)
        co_return refuse(unanswered(pair.error()));
    if (!*pair) {
        print("No config found\n");
        co_return exit_code::refused;
    }
    boost::system::error_code ec;
    const auto document = boost::json::parse((*pair)->value, ec);
    if (ec)
        co_return refuse("stored config of " + what.project + ": " + ec.message());
    print_json(document);
    co_return exit_code::done;
}

}  // namespace gantryd::app
