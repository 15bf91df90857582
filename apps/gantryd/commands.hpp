#pragma once
#include "common/session.hpp"
#include "common/settings.hpp"

#include <gantryd/control/overview.hpp>
#include <gantryd/store/store.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gantryd::app {

/// What the command line said, whatever the command.
struct invocation {
    settings with;
    std::string project;
    std::string file;
    std::vector<std::string> components;
    bool wait = false;
    std::chrono::seconds timeout{60};
    bool pull = false;
    bool follow = false;
    std::size_t newest = 100;  ///< how many events

    model::project_name project_name() const { return model::project_name(project); }
    std::vector<model::component_name> component_names() const;
};

using command = boost::asio::awaitable<exit_code> (*)(invocation, runtime::clock&);

boost::asio::awaitable<exit_code> setconfig(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> getconfig(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> validate(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> update(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> run(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> list(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> status(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> why(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> stop(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> kill(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> events(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> history(invocation what, runtime::clock& clk);

/// How a component stands for somebody who waits.
struct progress {
    bool done = false;
    exit_code code = exit_code::done;  ///< when done
    std::string text;                  ///< one line
};

/// Follows the store until every component is done or the time is over; prints what changes on stderr.
boost::asio::awaitable<exit_code> wait_for(store::store& from, invocation what, runtime::clock& clk,
    std::function<progress(const control::project_overview&, const model::component_name&)> look);

/// The conditions that only we can see, before those of the machines: the store's disk is full (`full_disk`
/// says so), no daemon, config differs.
std::vector<model::condition> conditions_of(const control::project_overview& all,
    const control::component_overview& of, const std::string& project, const std::string& full_disk);

/// The command line of `verb` for one component.
std::string command_line(
    const std::string& verb, const std::string& project, const model::component_name& component);

/// The store and everything in it about the project. Errors: not_found also when the command line names a
/// component that the project does not have.
struct opened_project {
    std::unique_ptr<store::store> store;
    control::project_overview all;
    std::string full_disk;  ///< not empty: no room is left for what has to be stored
};
boost::asio::awaitable<base::result<opened_project>> open_project(
    const invocation& what, runtime::clock& clk);

/// How long a command waits for the store.
inline constexpr std::chrono::seconds store_limit{10};

}  // namespace gantryd::app
