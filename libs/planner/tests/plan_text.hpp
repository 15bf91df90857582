#pragma once
#include <gantryd/planner/plan.hpp>

#include <string>
#include <vector>

namespace gantryd::planner {

/// "create shop-web-1-1", "begin_drain shop-web-1-1: release 2 takes its place", ..
std::string text_of(const action& what);

/// One line per action, in the plan's order.
std::vector<std::string> texts(const plan& of);

/// The slots that are not empty: "s1 serving 10.0.0.2:80, s3 draining 10.0.0.4:80".
std::string text_of(const haproxy_config::route& of);

}  // namespace gantryd::planner
