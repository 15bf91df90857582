#pragma once

namespace gantryd::base {

/// Visitor from lambdas, one per alternative. Never give it an `auto&&` catch-all: a new alternative must
/// fail to compile until somebody decides about it.
template <class... F>
struct overloaded : F... {
    using F::operator()...;
};

}  // namespace gantryd::base
