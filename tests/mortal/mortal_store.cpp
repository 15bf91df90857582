#include "mortal_store.hpp"

#include <string_view>

namespace gantryd::mortal {
namespace {

/// What is written, in one word.
std::string kind_of(std::string_view key)
{
    if (!key.starts_with('/'))  // the ledger's: "instance/4f1c..", "boot"
        return std::string(key.substr(0, key.find('/')));
    for (const std::string word :
        {"releases", "rollout", "slots", "steps", "preflights", "presence", "drain", "endpoints", "events"})
        if (key.contains("/" + word))
            return word;
    if (key.contains("/machines/"))
        return key.contains("/components/") ? "report" : "machine";
    return "state";
}

}  // namespace

boost::asio::awaitable<base::result<gantryd::store::revision>> mortal_store::commit(
    gantryd::store::transaction what, runtime::time_point deadline)
{
    const auto key = what.operations.empty() ? std::string("/nothing") : what.operations.front().key;
    return when_.around(
        "write of " + kind_of(key) + " to the " + name_, there_.commit(std::move(what), deadline));
}

boost::asio::awaitable<base::result<std::optional<gantryd::store::key_value>>> mortal_store::get(
    std::string key, runtime::time_point deadline)
{
    return there_.get(std::move(key), deadline);
}

boost::asio::awaitable<base::result<gantryd::store::snapshot>> mortal_store::list(
    std::string prefix, runtime::time_point deadline)
{
    return there_.list(std::move(prefix), deadline);
}

std::unique_ptr<gantryd::store::watcher> mortal_store::watch(
    std::string prefix, gantryd::store::revision after)
{
    return there_.watch(std::move(prefix), after);
}

boost::asio::awaitable<base::result<gantryd::store::lease_id>> mortal_store::grant(
    std::chrono::seconds ttl, runtime::time_point deadline)
{
    return there_.grant(ttl, deadline);
}

boost::asio::awaitable<base::result<void>> mortal_store::keep_alive(
    gantryd::store::lease_id lease, runtime::time_point deadline)
{
    return there_.keep_alive(lease, deadline);
}

boost::asio::awaitable<base::result<void>> mortal_store::revoke(
    gantryd::store::lease_id lease, runtime::time_point deadline)
{
    return there_.revoke(lease, deadline);
}

}  // namespace gantryd::mortal
