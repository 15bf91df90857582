#pragma once
#include "toy_docker.hpp"

#include <set>
#include <vector>

namespace gantryd::planner::toy {

/// An HAProxy that carries connections to whatever listens at the addresses in its slots.
class proxy {
public:
    haproxy_config::proxy_view view;
    std::set<model::route_id> taken;  ///< ports that another program holds

    /// Makes the table equal to `routes`; `keep_per_mille` of the slots do not follow.
    void update(const std::vector<haproxy_config::route>& routes, dice& luck, int keep_per_mille);
    void die();
    /// Connections come and go. `busy` false: no new ones.
    void pass(const docker& behind, dice& luck, bool busy);

private:
    std::vector<haproxy_config::route> structure_;
};

}  // namespace gantryd::planner::toy
