#pragma once
#include <gantryd/socket_table/table.hpp>

#include <map>
#include <optional>
#include <string>

namespace gantryd::socket_table {

/// Tables that a test fills in.
class fake_table final : public table {
public:
    // What the test sets.
    std::map<model::container_id, std::vector<connection>> connections;
    std::optional<base::error> failure;  ///< of every call

    // What the test reads.
    std::map<model::container_id, int> calls;
    std::set<model::container_id> kept;  ///< asked for, and not forgotten since

    base::result<std::vector<connection>> clients_of(const question& what) override;
    void keep_only(const std::set<model::container_id>& these) override;
};

}  // namespace gantryd::socket_table
