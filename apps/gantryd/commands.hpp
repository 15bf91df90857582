#pragma once
#include "command_line.hpp"
#include "common/session.hpp"
#include "common/settings.hpp"
#include "conditions.hpp"

#include <gantryd/control/project.hpp>
#include <gantryd/control/rollout_view.hpp>
#include <gantryd/store/store.hpp>

#include <boost/asio/awaitable.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantryd::app {

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
boost::asio::awaitable<exit_code> plan(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> rollback(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> pause(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> resume(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> watch(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> machines(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> drain(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> undrain(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> forget(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> set_secret(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> list_secrets(invocation what, runtime::clock& clk);
boost::asio::awaitable<exit_code> remove_secret(invocation what, runtime::clock& clk);

/// How a component stands for somebody who waits.
struct progress {
    bool done = false;
    exit_code code = exit_code::done;  ///< when done
    std::string text;                  ///< one line
    exit_code at_timeout = exit_code::timed_out;
    std::vector<control::machine_progress> machines{};  ///< a line for each
    boost::json::object as_json{};
};

/// How somebody who waits wants to see it.
struct wait_style {
    std::FILE* to = stderr;
    bool json = false;           ///< an object per line instead of text
    bool every_machine = false;  ///< also when there is only one
    std::optional<std::chrono::seconds> limit = std::chrono::seconds(60);  ///< absent: none

    /// That of `--wait`: with the limit that the command line gives.
    static wait_style of(const invocation& what);
};

using look_at_component =
    std::function<progress(const control::project_overview&, const model::component_name&)>;

/// Follows the store until every component is done or the time is over. On a terminal a view that is painted
/// anew, else a line for each change. A store that is away is waited for.
boost::asio::awaitable<exit_code> wait_for(
    store::store& from, invocation what, runtime::clock& clk, look_at_component look, wait_style style);

/// The rollout of one release, for somebody who waits for its end.
progress look_at_rollout(const control::project_overview& all, const std::string& project,
    const model::component_name& name, model::release_number number);

/// Each as it is stored, and the machine that tells it.
boost::json::array as_json(
    const control::project_overview& all, const std::vector<told_condition>& conditions);

/// The store and everything in it about the project. Errors: not_found also when the command line names a
/// component that the project does not have.
struct opened_project {
    std::unique_ptr<store::store> store;
    control::project_overview all;
    std::string full_disk;  ///< not empty: no room is left for what has to be stored
    std::string away;       ///< not empty: the store does not answer, and this is a copy; what to say of it
};
boost::asio::awaitable<base::result<opened_project>> open_project(
    const invocation& what, runtime::clock& clk);

/// The same for a command that only tells something. While the store is away it gets what the daemon of this
/// machine has kept, where it may be read.
boost::asio::awaitable<base::result<opened_project>> look_at_project(
    const invocation& what, runtime::clock& clk);

/// The stored config, for a command that cannot do without. Errors: not_found, with the command that stores
/// one; the store's, as unanswered() tells them.
boost::asio::awaitable<base::result<control::stored_config>> require_config(
    store::store& in, const invocation& what, runtime::clock& clk);

/// The machine that the command line names. Errors: those of control::find_machine(), with the command that
/// lists what there is.
base::result<model::machine_id> named_machine(const opened_project& project, const invocation& what);

/// The end of such a command: a copy is not what was asked for, and that is said.
exit_code told(const opened_project& project);

/// True for the failure of a question that the store did not answer.
bool is_away(const base::error& why);

/// The failure of a question to the store, before anything was written: the same, or that it does not answer.
base::error unanswered(const base::error& why);

/// How long a command waits for the store.
inline constexpr std::chrono::seconds store_limit{10};

}  // namespace gantryd::app
