#pragma once
#include "state.hpp"

#include <gantryd/model/report.hpp>

#include <map>
#include <string>

namespace gantryd::daemon {

/// Writes what this machine runs, and why whatever waits is waiting, into the store: when it changed, and not
/// more often than a person can read.
class publisher {
public:
    publisher(state& st, boost::asio::any_io_executor ex) : st_(st), changed_(std::move(ex)) {}

    /// Takes the present world and plan. Cheap when nothing changed.
    void show(const planner::plan& plan);

    /// Writes reports, for ever.
    boost::asio::awaitable<void> write_reports();

    /// Keeps this machine's presence in the store under a lease, for ever; revokes it at the end.
    boost::asio::awaitable<void> keep_presence();

private:
    using first_seen = std::map<std::string, base::time_point>;

    model::component_report report_on(
        const planner::component& of, const planner::plan& plan, first_seen& still_there);
    model::condition to_wall(const planner::condition& from, first_seen& still_there);
    base::wall_time wall(base::time_point when) const;
    boost::asio::awaitable<base::result<store::lease_id>> announce();

    state& st_;
    runtime::dirty_flag changed_;
    std::map<model::component_name, std::string> written_;  ///< as shown, without the time of the report
    std::map<model::component_name, model::component_report> unwritten_;
    first_seen conditions_;
};

}  // namespace gantryd::daemon
