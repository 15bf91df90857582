#include <gantryd/store/rules.hpp>

#include <set>
#include <string_view>

namespace gantryd::store {

base::result<void> validate(const transaction& what)
{
    for (const auto& condition : what.conditions) {
        if (condition.key.empty())
            return base::fail(base::errc::rejected, "a condition on an empty key");
    }
    std::set<std::string_view> seen;
    for (const auto& write : what.operations) {
        if (write.key.empty())
            return base::fail(base::errc::rejected, "a write to an empty key");
        if (!seen.insert(write.key).second)
            return base::fail(base::errc::rejected, "key " + write.key + " stands twice in one transaction");
        if (write.value.size() > largest_value)
            return base::fail(base::errc::limit_exceeded, "the value of " + write.key + " has " +
                                                              std::to_string(write.value.size()) +
                                                              " bytes; the limit is 1 MiB");
    }
    return {};
}

base::result<void> validate(std::chrono::seconds time_to_live)
{
    if (time_to_live >= std::chrono::seconds(1) && time_to_live <= longest_lease)
        return {};
    return base::fail(base::errc::rejected,
        "a lease of " + std::to_string(time_to_live.count()) + " seconds (1 to 9000000000 are possible)");
}

std::optional<std::string> end_of_prefix(std::string prefix)
{
    while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff)
        prefix.pop_back();
    if (prefix.empty())
        return std::nullopt;
    prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
    return prefix;
}

}  // namespace gantryd::store
