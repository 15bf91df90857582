#pragma once
#include <gantryd/model/event.hpp>
#include <gantryd/runtime/clock.hpp>
#include <gantryd/store/store.hpp>

#include <boost/asio/awaitable.hpp>

#include <map>
#include <memory>
#include <set>
#include <vector>

namespace gantryd::control {

/// The histories of a project's machines as one: of each machine in the order of its sequence numbers, which
/// no clock can turn around; of several machines by time, as far as that order allows it.
class event_reader {
public:
    /// The store must outlive it.
    event_reader(store::store& from, model::project_name project) : from_(from), project_(std::move(project))
    {
    }

    /// All events that are kept. Records that cannot be read are left out. Errors: the store's.
    boost::asio::awaitable<base::result<std::vector<model::event>>> read(runtime::time_point deadline);

    /// Suspends until there are events that neither read() nor next() has given yet; call read() first.
    /// Errors: the store's. Cancellation: terminal.
    boost::asio::awaitable<base::result<std::vector<model::event>>> next();

private:
    std::vector<model::event> take(std::vector<store::key_value> pairs);

    store::store& from_;
    model::project_name project_;
    store::revision at_{};
    std::unique_ptr<store::watcher> changes_;
    std::map<model::machine_id, std::int64_t> given_;  ///< the newest of each machine
};

}  // namespace gantryd::control
