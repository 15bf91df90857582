#include <gantryd/store/conformance.hpp>
#include <gantryd/store/memory_store.hpp>
#include <gantryd/store/test_loop.hpp>

#include <gtest/gtest.h>

#include <string>

namespace asio = boost::asio;
namespace store = gantryd::store;
namespace runtime = gantryd::runtime;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t history_limit = 100;

class memory_environment final : public store::conformance_environment {
public:
    store::store& first() override { return *store_; }
    store::store& second() override { return *store_; }
    runtime::clock& clock() override { return loop_->clock(); }
    void run(asio::awaitable<void> body) override { loop_->run(std::move(body)); }
    runtime::duration lease_slack() const override { return 1ms; }
    asio::awaitable<void> compact() override
    {
        for (std::size_t i = 0; i < history_limit; ++i) {
            store::transaction what;
            what.operations.push_back({store::operation::kind::put, "compaction/x", std::to_string(i), {}});
            (void)co_await store_->commit(std::move(what), clock().now() + 1s);
        }
    }

private:
    std::unique_ptr<store::test_loop> loop_ = store::make_virtual_loop();
    std::unique_ptr<store::store> store_ = store::make_memory_store(loop_->clock(), history_limit);
};

[[maybe_unused]] const bool registered =
    store::add_conformance_tests("memory_store", [] { return std::make_unique<memory_environment>(); });

}  // namespace
