#include <gantryd/socket_table/fake_table.hpp>

namespace gantryd::socket_table {

base::result<std::vector<connection>> fake_table::clients_of(const question& what)
{
    ++calls[what.container];
    if (failure)
        return std::unexpected(*failure);
    kept.insert(what.container);
    const auto found = connections.find(what.container);
    return found == connections.end() ? std::vector<connection>() : found->second;
}

void fake_table::keep_only(const std::set<model::container_id>& these)
{
    std::erase_if(kept, [&](const model::container_id& id) { return !these.contains(id); });
}

}  // namespace gantryd::socket_table
