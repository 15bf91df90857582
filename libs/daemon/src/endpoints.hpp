#pragma once
#include "state.hpp"

#include <gantryd/model/endpoint.hpp>

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace gantryd::daemon {

/// Keeps in the store where this machine's instances are reached that take traffic, under the machine's
/// lease: what is there is there. Written behind, when it changed.
class endpoints {
public:
    endpoints(state& st, boost::asio::any_io_executor ex) : st_(st), changed_(std::move(ex)) {}

    /// Takes the present world. Cheap when nothing changed.
    void show();

    /// Writes what was shown, for ever.
    boost::asio::awaitable<void> write();

private:
    using places = std::map<std::pair<model::component_name, model::instance_name>, model::endpoint>;

    places present() const;
    /// What has to be written so that the store has what was shown; nothing when it has.
    store::transaction difference() const;

    state& st_;
    places shown_;
    std::map<std::string, std::string> written_;  ///< by key, under that lease; empty values: not known
    std::optional<store::lease_id> lease_;        ///< a new one begins with nothing
    runtime::dirty_flag changed_;
};

}  // namespace gantryd::daemon
