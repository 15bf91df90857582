#pragma once
#include "condition_watch.hpp"

#include <gantryd/model/report.hpp>

#include <map>
#include <string>

namespace gantryd::daemon {

/// Writes what this machine runs, and why whatever waits is waiting, into the store: when it changed, and not
/// more often than a person can read.
class publisher {
public:
    /// `conditions` has taken the conditions of every plan before show() does.
    publisher(state& st, const condition_watch& conditions, boost::asio::any_io_executor ex)
        : st_(st),
          conditions_(conditions),
          changed_(std::move(ex))
    {
    }

    /// Takes the present world and plan. Cheap when nothing changed.
    void show(const planner::plan& plan);

    /// Writes reports, for ever.
    boost::asio::awaitable<void> write_reports();

private:
    /// Without the time of the report.
    using shown_reports = std::map<model::component_name, model::component_report>;

    model::component_report report_on(const planner::component& of, const planner::plan& plan) const;
    model::condition to_wall(const planner::condition& from) const;
    /// People can wait for a report: in a large fleet all have one to write at the same time, and in a
    /// rollout the machines wait for other writes.
    base::duration pause_before_write();
    base::wall_time wall(base::time_point when) const;
    /// Takes what is to be written next, as much as a store takes at once; `taken` as in `stored_`.
    store::transaction next_batch(shown_reports& taken);

    state& st_;
    const condition_watch& conditions_;
    runtime::dirty_flag changed_;
    std::uint64_t comebacks_ = 0;  ///< as of `shown_`
    shown_reports shown_;
    shown_reports stored_;
    std::map<model::component_name, model::component_report> unwritten_;
};

}  // namespace gantryd::daemon
