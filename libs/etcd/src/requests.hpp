#pragma once
#include <gantryd/store/data.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// The bodies of the requests to etcd's JSON gateway. Pure.
namespace gantryd::etcd {

std::string encode_get(std::string_view key);
std::string encode_list(std::string_view prefix);

/// A question of which only the answer's header counts: linearizable, and next to nothing to read. It is
/// about keys that we may read in any case.
std::string encode_look(std::string_view prefix);

/// A transaction that, when a condition does not hold, reads its keys.
std::string encode_commit(const store::transaction& what);

/// A part of the keys that is watched, and since when.
struct watched {
    std::int64_t id = 0;
    std::string prefix;
    store::revision after{};

    friend bool operator==(const watched&, const watched&) = default;
};

/// One stream for all of them.
std::string encode_watch(const std::vector<watched>& what);

/// How many keys each part has, and which of them were written after its revision. One question for all of
/// them, so that the answers are of one revision.
std::string encode_audit(const std::vector<watched>& what);

std::string encode_grant(std::chrono::seconds ttl);

/// Of keep_alive and revoke.
std::string encode_lease(store::lease_id lease);

std::string encode_login(std::string_view user, std::string_view password);

}  // namespace gantryd::etcd
