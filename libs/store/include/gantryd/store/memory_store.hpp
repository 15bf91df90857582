#pragma once
#include <gantryd/store/store.hpp>

#include <cstddef>
#include <memory>

namespace gantryd::store {

/// A store that lives and dies with the process: tests, the simulator, and the one-machine tool.
/// It keeps the history of its last `history_limit` revisions for watchers, or a few more.
/// `clk` must outlive it; leases run on it.
std::unique_ptr<store> make_memory_store(runtime::clock& clk, std::size_t history_limit = 10'000);

}  // namespace gantryd::store
