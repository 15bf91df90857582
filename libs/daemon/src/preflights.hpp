#pragma once
#include "image_fetch.hpp"

#include <optional>
#include <string>

namespace gantryd::daemon {

/// Finds out whether this machine could run a release, and tells the other machines through the store.
class preflights {
public:
    explicit preflights(state& st) : st_(st) {}

    /// Fetches the image where it is missing, and looks at the processor, the secrets, the external ports
    /// and the disk.
    /// What it finds is written to the store when it is news, an obstacle too. Obstacles: why the release
    /// could not run here; `retrying` when the store does not take the word. Cancellation: terminal.
    boost::asio::awaitable<attempt<void>> run(planner::prepare_release what);

private:
    boost::asio::awaitable<attempt<void>> look(
        model::component_name component, std::shared_ptr<const model::release> release);
    /// Gets the image onto this machine, if it is not there.
    boost::asio::awaitable<attempt<docker::image_details>> provide(
        model::component_name component, std::shared_ptr<const model::release> release);
    /// What the engine told of itself; asked again after an obstacle: it may be another one then.
    boost::asio::awaitable<base::result<docker::engine_info>> learn_engine();
    attempt<void> look_around(const model::release& release, const std::string& architecture,
        const docker::engine_info& engine) const;
    /// Reads what this machine has said before it was started anew, where nobody tells it. A word that is
    /// written again is told to the head of the line for nothing.
    boost::asio::awaitable<void> recall(model::component_name component);
    boost::asio::awaitable<base::result<void>> post(model::component_name component, model::preflight found);
    /// True when this machine has told something of the release. An obstacle stands until there is none: each
    /// try would write twice, else.
    bool has_said(const model::component_name& component, model::release_number release) const;
    bool is_wanted(const model::component_name& component, model::release_number release) const;

    state& st_;
    std::optional<docker::engine_info> engine_;  ///< absent: to be asked
};

/// True when programs for the image's processor run on the machine's: it is the same, or its older sibling of
/// 32 bits. Emulation is not thought of.
bool can_run(const std::string& image, const std::string& machine);

}  // namespace gantryd::daemon
