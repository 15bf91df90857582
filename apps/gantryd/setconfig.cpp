#include "commands.hpp"
#include "common/machine.hpp"
#include "common/output.hpp"

#include <gantryd/model/component_json.hpp>
#include <gantryd/project_file/reader.hpp>

#include <boost/json/value.hpp>

#include <cstdio>

namespace gantryd::app {

boost::asio::awaitable<exit_code> setconfig(invocation what, runtime::clock& clk)
{
    const auto file = read_file(what.file);
    if (!file.error.empty())
        co_return refuse(file.error);
    const auto syntax = project_file::syntax_of(what.file, file.text);
    const auto meaning = project_file::read_project(file.text, syntax);
    if (!meaning) {
        for (const auto& problem : meaning.error())
            std::fprintf(stderr, "%s\n", project_file::text_of(problem, what.file).c_str());
        co_return exit_code::refused;
    }
    auto document = model::pretty(project_file::to_document(file.text, syntax));

    auto store = open_store(what.with, clk, true);
    if (!store)
        co_return refuse(store.error());
    auto done = co_await control::store_config(
        **store, what.project_name(), std::move(document), clk.now() + store_limit);
    if (!done)
        co_return refuse(done.error());
    print("Configuration updated\n");
    co_return exit_code::done;
}

}  // namespace gantryd::app
