#pragma once
#include <gantryd/etcd/cluster.hpp>
#include <gantryd/etcd/etcd_store.hpp>
#include <gantryd/runtime/with_deadline.hpp>
#include <gantryd/store/test_loop.hpp>

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gantryd::etcd {

using variables = std::map<std::string, std::string>;

/// A real etcd and clients of it, on one loop in real time.
class real_etcd : public testing::Test {
protected:
    /// A client of `endpoints` with short times, and with these variables of etcdctl.
    std::unique_ptr<store::store> open_at(const std::string& endpoints, const variables& environment = {})
    {
        auto what = parse_options(endpoints, 2379, [&](const char* name) {
            const auto found = environment.find(name);
            return found == environment.end() ? std::string() : found->second;
        });
        EXPECT_TRUE(what) << what.error().context();
        what->silence = std::chrono::seconds(2);
        auto opened = open(std::move(*what), loop->clock());
        EXPECT_TRUE(opened) << opened.error().context();
        return std::move(*opened);
    }

    runtime::time_point in(runtime::duration time) { return loop->clock().now() + time; }

    boost::asio::awaitable<void> pass(runtime::duration time) { return loop->clock().sleep_until(in(time)); }

    boost::asio::awaitable<base::result<store::revision>> put(
        store::store& with, std::string key, std::string value, runtime::duration limit)
    {
        store::transaction what;
        what.operations.push_back({store::operation::kind::put, std::move(key), std::move(value), {}});
        return with.commit(std::move(what), in(limit));
    }

    /// Tries until it has happened.
    boost::asio::awaitable<store::revision> must_put(store::store& with, std::string key, std::string value)
    {
        const auto until = in(std::chrono::seconds(40));
        for (;;) {
            const auto done = co_await put(with, key, value, std::chrono::seconds(5));
            if (done)
                co_return *done;
            if (loop->clock().now() >= until) {
                ADD_FAILURE() << done.error().context();
                co_return store::revision{};
            }
            co_await pass(std::chrono::milliseconds(50));
        }
    }

    boost::asio::awaitable<store::snapshot> must_list(store::store& with, std::string prefix)
    {
        const auto until = in(std::chrono::seconds(40));
        for (;;) {
            auto got = co_await with.list(prefix, in(std::chrono::seconds(5)));
            if (got)
                co_return std::move(*got);
            if (loop->clock().now() >= until) {
                ADD_FAILURE() << got.error().context();
                co_return store::snapshot();
            }
            co_await pass(std::chrono::milliseconds(50));
        }
    }

    /// One next() within the limit; timed_out else.
    boost::asio::awaitable<base::result<std::vector<store::change>>> next(
        store::watcher& from, runtime::duration limit = std::chrono::seconds(30))
    {
        return runtime::with_deadline(loop->clock(), in(limit), "the watcher saw nothing", from.next());
    }

    std::unique_ptr<store::test_loop> loop = store::make_real_loop();
};

/// "key=value" of each put, "-key" of each erase.
inline std::string words_of(const base::result<std::vector<store::change>>& seen)
{
    if (!seen)
        return "error: " + seen.error().context();
    std::string out;
    for (const auto& one : *seen)
        out += (out.empty() ? "" : " ") +
               (one.erased ? "-" + one.pair.key : one.pair.key + "=" + one.pair.value);
    return out;
}

}  // namespace gantryd::etcd
