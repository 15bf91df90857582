#pragma once
#include <gantryd/sqlite_store/sqlite_store.hpp>
#include <gantryd/store/test_loop.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gantryd::sqlite_store {

/// A transaction that puts one key.
inline store::transaction put(std::string key, std::string value)
{
    store::transaction what;
    what.operations.push_back({store::operation::kind::put, std::move(key), std::move(value), {}});
    return what;
}

/// The same when the key was last changed at `modified`.
inline store::transaction put_if(std::string key, store::revision modified, std::string value)
{
    auto what = put(key, std::move(value));
    what.conditions.push_back({std::move(key), store::compare::target::modified, modified});
    return what;
}

inline base::result<std::unique_ptr<store::store>> open_file(
    const std::string& path, runtime::clock& clk, durability commits = durability::relaxed)
{
    options what;
    what.path = path;
    what.commits = commits;
    return open(std::move(what), clk);
}

/// What `op` gives, on the test's loop. The test fails when it does not end within `limit`.
template <class T>
base::result<T> outcome(store::test_loop& loop, boost::asio::awaitable<base::result<T>> op,
    runtime::duration limit = std::chrono::minutes(1))
{
    auto out = std::make_shared<base::result<T>>(base::fail(base::errc::unavailable, "it did not end"));
    auto keep = [](std::shared_ptr<base::result<T>> to,
                    boost::asio::awaitable<base::result<T>> from) -> boost::asio::awaitable<void> {
        *to = co_await std::move(from);
    };
    loop.run(keep(out, std::move(op)), limit);
    return std::move(*out);
}

}  // namespace gantryd::sqlite_store
