#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace gantryd::store {

/// Store-wide version, as in etcd. Not an integer: revisions are compared and passed on, never added up.
enum class revision : std::int64_t {};

/// A lease; zero is none.
enum class lease_id : std::int64_t {};

struct key_value {
    std::string key;
    std::string value;
    revision created{};   ///< of the put that made the key
    revision modified{};  ///< of the last put
    lease_id lease{};

    friend bool operator==(const key_value&, const key_value&) = default;
};

/// All pairs under a prefix, in key order, and the revision at which they were read.
struct snapshot {
    std::vector<key_value> pairs;
    revision at{};
};

/// A condition of a transaction on one key. A key that does not exist has created and modified at 0.
struct compare {
    enum class target { created, modified };
    std::string key;
    target what = target::modified;
    revision equals{};
};

/// A write of a transaction. A key may stand only once in a transaction.
struct operation {
    enum class kind { put, erase };
    kind what = kind::put;
    std::string key;
    std::string value;
    lease_id lease{};
};

struct transaction {
    std::vector<compare> conditions;
    std::vector<operation> operations;
};

/// One change, in the order of revisions.
struct change {
    bool erased = false;  ///< then only pair.key and pair.modified (the deletion's revision) count
    key_value pair;
};

}  // namespace gantryd::store
