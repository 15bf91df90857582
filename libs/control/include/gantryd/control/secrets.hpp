#pragma once
#include <gantryd/control/overview.hpp>
#include <gantryd/runtime/clock.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace gantryd::control {

// The secrets of a project in the store. Values come in sealed, and never leave.

/// Who uses a secret.
struct secret_use {
    model::component_name component;
    bool configured = false;                       ///< the stored config names it
    std::optional<model::release_number> release;  ///< the wanted release, when that holds a version of it
    std::int64_t version = 0;                      ///< the version that this holds

    friend bool operator==(const secret_use&, const secret_use&) = default;
};
std::vector<secret_use> uses_of(const project_overview& all, const std::string& secret);

/// Seals the value as that version of the secret.
using sealer = std::function<base::result<std::string>(std::int64_t version)>;

struct secret_set {
    std::int64_t version = 0;
    std::vector<secret_use> uses;  ///< of earlier versions, and in the config
};

/// Stores the next version of a secret. Nothing that runs changes: the next `update` of a component takes it.
/// Errors: those of `seal`, the store's; conflict after several lost races with other writers.
boost::asio::awaitable<base::result<secret_set>> set_secret(store::store& to, model::project_name project,
    std::string secret, sealer seal, std::string set_by, runtime::clock& clk, runtime::time_point deadline);

/// Errors: not_found (no such secret), rejected (the stored config uses it, and not `also_used`), the
/// store's.
boost::asio::awaitable<base::result<void>> remove_secret(store::store& to, model::project_name project,
    std::string secret, bool also_used, runtime::time_point deadline);

/// Adds the newest version of every secret in the store that the spec names to `held`, which has what the
/// files give. Errors: rejected (the store has no such secret).
base::result<model::held_secrets> hold_secrets(
    const project_overview& all, const model::component_spec& spec, model::held_secrets held);

}  // namespace gantryd::control
