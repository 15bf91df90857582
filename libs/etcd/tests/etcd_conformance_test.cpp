#include <gantryd/etcd/cluster.hpp>
#include <gantryd/etcd/etcd_store.hpp>
#include <gantryd/store/conformance.hpp>
#include <gantryd/store/test_loop.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace asio = boost::asio;
namespace base = gantryd::base;
namespace etcd = gantryd::etcd;
namespace runtime = gantryd::runtime;
namespace store = gantryd::store;
using namespace std::chrono_literals;

namespace {

std::string no_environment(const char*) { return {}; }

/// A real etcd of the test's own, and two clients of it.
class etcd_environment final : public store::conformance_environment {
public:
    store::store& first() override { return **first_; }
    store::store& second() override { return **second_; }
    runtime::clock& clock() override { return loop_->clock(); }
    void run(asio::awaitable<void> body) override
    {
        ASSERT_TRUE(first_) << first_.error().context();
        ASSERT_TRUE(second_) << second_.error().context();
        loop_->run(std::move(body));
    }
    // etcd looks for ended leases twice in a second, and an election would give them more time.
    runtime::duration lease_slack() const override { return 3s; }
    asio::awaitable<void> compact() override
    {
        // etcd keeps the revision itself to which it is compacted.
        store::transaction what;
        what.operations.push_back({store::operation::kind::put, "compaction/x", "", {}});
        const auto done = co_await first().commit(std::move(what), clock().now() + 5s);
        EXPECT_TRUE(done) << done.error().context();
        cluster_.compact();
    }

private:
    base::result<std::unique_ptr<store::store>> open()
    {
        auto what = etcd::parse_options(cluster_.endpoints(), 2379, no_environment);
        if (!what)
            return std::unexpected(what.error());
        return etcd::open(std::move(*what), loop_->clock());
    }

    gantryd::etcd_testing::cluster cluster_;
    std::unique_ptr<store::test_loop> loop_ = store::make_real_loop();
    base::result<std::unique_ptr<store::store>> first_ = open();
    base::result<std::unique_ptr<store::store>> second_ = open();
};

std::unique_ptr<store::conformance_environment> make() { return std::make_unique<etcd_environment>(); }

[[maybe_unused]] const bool registered = store::add_conformance_tests("etcd_store", make);

}  // namespace
