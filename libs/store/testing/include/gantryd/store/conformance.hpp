#pragma once
#include <gantryd/store/store.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <string>

namespace gantryd::store {

/// What the suite needs of an implementation: made anew for every test, no data in it but the test's.
class conformance_environment {
public:
    virtual ~conformance_environment() = default;

    virtual store& first() = 0;

    /// Another client of the same data; first() again when there is no such thing.
    virtual store& second() = 0;

    virtual runtime::clock& clock() = 0;

    /// Runs the test to its end, on the clock above: test_loop::run().
    virtual void run(boost::asio::awaitable<void> body) = 0;

    /// How late the store may notice that a lease has ended.
    virtual runtime::duration lease_slack() const = 0;

    /// Forgets the history up to a revision that is not before the present one. It may write keys that start
    /// with "compaction/".
    virtual boost::asio::awaitable<void> compact() = 0;
};

using make_conformance_environment = std::function<std::unique_ptr<conformance_environment>()>;

/// Registers what every store must do as the tests `suite`.*. Call it before main(), from the initialiser
/// of a constant. True.
bool add_conformance_tests(const std::string& suite, make_conformance_environment make);

}  // namespace gantryd::store
