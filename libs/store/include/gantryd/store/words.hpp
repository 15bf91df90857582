#pragma once
#include <gantryd/store/store.hpp>

/// The words of a store, for the code of one: inside a class that is a store::store, `store` is that class
/// and no longer the namespace.
namespace gantryd::store::words {

using gantryd::store::change;
using gantryd::store::key_value;
using gantryd::store::lease_id;
using gantryd::store::revision;
using gantryd::store::snapshot;
using gantryd::store::transaction;
using gantryd::store::watcher;

}  // namespace gantryd::store::words
