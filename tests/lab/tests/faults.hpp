#pragma once
#include "lab/lab.hpp"

#include <string>
#include <string_view>

namespace gantryd::integration {

/// What goes wrong with a machine, or with etcd.
enum class fault {
    cut,     ///< no packet reaches the machine, or leaves it
    frozen,  ///< every process on it stands still
    killed,  ///< it has no power
    gantryd_killed,
    container_killed,  ///< one container of the component, by SIGKILL
    leader_killed,     ///< the member that leads etcd
    etcd_gone,         ///< all members
};

std::string_view text_of(fault what) noexcept;

/// Whether the machine's clients notice, whatever gantryd does.
bool takes_service_down(fault what) noexcept;
/// Whether it ends containers.
bool ends_containers(fault what) noexcept;

/// A fault that begins with this object, and ends by mend().
class strike {
public:
    /// `where` is the machine; of no meaning to faults of etcd.
    strike(const lab& all, const machine& where, fault what, std::string project);

    /// Makes it well again: as an operator, or a supervisor, would.
    void mend();

    const std::string& machine_name() const { return where_->name(); }
    fault what() const { return what_; }

private:
    const lab* all_;
    const machine* where_;
    fault what_;
    std::string project_;
    std::string leader_;  ///< the member that was killed
};

}  // namespace gantryd::integration
