#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/model/release.hpp>
#include <gantryd/runtime/clock.hpp>
#include <gantryd/store/store.hpp>

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>
#include <vector>

namespace gantryd::control {

// An operator's words as transactions on the store: all or nothing, and safe beside other operators.

/// The stored project file.
struct stored_config {
    std::string document;  ///< JSON, as it was stored
    model::project_spec meaning;
};

/// Nothing when the project has none. Errors: malformed (somebody else wrote it; the sentence names the first
/// thing wrong), and the store's.
boost::asio::awaitable<base::result<std::optional<stored_config>>> read_config(
    store::store& from, model::project_name project, runtime::time_point deadline);

/// Stores `document`, JSON text that project_file has accepted. It changes nothing that runs.
boost::asio::awaitable<base::result<void>> store_config(
    store::store& to, model::project_name project, std::string document, runtime::time_point deadline);

/// One component to be released: its spec as it is now, frozen with its image.
struct release_request {
    model::component_spec spec;
    model::image_id image;
    std::string digest{};        ///< as in model::release
    std::string architecture{};  ///< as in model::release
    /// What the files give that secrets are in; what the store gives is added when it is released.
    model::held_secrets secrets{};
    bool again = false;  ///< a release of its own also when the wanted one is the same
};

struct released {
    model::component_name component;
    model::release_number number{};
    bool is_new = false;  ///< false: that very release is there already; it was only set to ready
};

/// Makes a numbered release of every request and sets the components to ready, in one transaction. A request
/// equal to the wanted release makes no new one, unless that has failed or the request is made `again`.
/// Errors: rejected (a secret that is not there), the store's; conflict after several lost races with other
/// writers.
boost::asio::awaitable<base::result<std::vector<released>>> release_components(store::store& to,
    model::project_name project, std::vector<release_request> requests, std::string created_by,
    runtime::clock& clk, runtime::time_point deadline);

/// Gives an order a release that has none: `{"status":"ready","imageid":".."}`, as the Python gantryd writes
/// it. The release is of the stored config and that image; the newest one, if that is the same and has not
/// failed. Errors: conflict (the order is another one now), rejected (the stored config has no such
/// component), the store's.
boost::asio::awaitable<base::result<released>> release_order(store::store& to, model::project_name project,
    model::component_name component, model::image_id image, std::string created_by, runtime::clock& clk,
    runtime::time_point deadline);

/// Marks components as stopped or killed, in one transaction. Components without a state get one.
boost::asio::awaitable<base::result<void>> set_intent(store::store& to, model::project_name project,
    std::vector<model::component_name> components, model::intent intent, runtime::time_point deadline);

}  // namespace gantryd::control
