#include <gantryd/base/temporary_directory.hpp>

#include <gantryd/sqlite_store/sqlite_store.hpp>
#include <gantryd/store/conformance.hpp>
#include <gantryd/store/test_loop.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace asio = boost::asio;
namespace base = gantryd::base;
namespace runtime = gantryd::runtime;
namespace sqlite_store = gantryd::sqlite_store;
namespace store = gantryd::store;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t history_limit = 200;

class sqlite_environment final : public store::conformance_environment {
public:
    sqlite_environment(std::unique_ptr<store::test_loop> loop, runtime::duration slack)
        : loop_(std::move(loop)),
          slack_(slack)
    {
    }

    store::store& first() override { return **first_; }
    store::store& second() override { return **second_; }
    runtime::clock& clock() override { return loop_->clock(); }
    void run(asio::awaitable<void> body) override
    {
        ASSERT_TRUE(first_) << first_.error().context();
        ASSERT_TRUE(second_) << second_.error().context();
        loop_->run(std::move(body));
    }
    runtime::duration lease_slack() const override { return slack_; }
    asio::awaitable<void> compact() override
    {
        for (std::size_t i = 0; i <= history_limit + history_limit / 8; ++i) {
            store::transaction what;
            what.operations.push_back({store::operation::kind::put, "compaction/x", std::to_string(i), {}});
            const auto done = co_await first().commit(std::move(what), clock().now() + 5s);
            EXPECT_TRUE(done) << done.error().context();
        }
    }

private:
    base::result<std::unique_ptr<store::store>> open()
    {
        sqlite_store::options what;
        what.path = directory_ / "state.db";
        what.commits = sqlite_store::durability::relaxed;
        what.history_limit = history_limit;
        return sqlite_store::open(std::move(what), loop_->clock());
    }

    base::temporary_directory directory_;
    std::unique_ptr<store::test_loop> loop_;
    runtime::duration slack_;
    base::result<std::unique_ptr<store::store>> first_ = open();
    base::result<std::unique_ptr<store::store>> second_ = open();
};

std::unique_ptr<store::conformance_environment> in_virtual_time()
{
    return std::make_unique<sqlite_environment>(store::make_virtual_loop(), 2ms);
}

std::unique_ptr<store::conformance_environment> in_real_time()
{
    return std::make_unique<sqlite_environment>(store::make_real_loop(), 1s);
}

[[maybe_unused]] const bool registered =
    store::add_conformance_tests("sqlite_store_in_virtual_time", in_virtual_time) &&
    store::add_conformance_tests("sqlite_store_in_real_time", in_real_time);

}  // namespace
