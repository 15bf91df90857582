#pragma once
#include "lab/lab.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace gantryd::integration {

template <class Suite>
class rollout_lab;

/// A lab that all tests of the suite share; each leaves it whole.
template <class Suite>
class shared_lab : public ::testing::Test {
    // Whatever else derived from it would share the lab of another suite.
    friend Suite;
    template <class>
    friend class rollout_lab;
    shared_lab() = default;

protected:
    static void SetUpTestSuite() { lab_ = std::make_unique<lab>(Suite::wanted()); }
    static void TearDownTestSuite() { lab_.reset(); }
    void SetUp() override { ASSERT_NE(lab_, nullptr) << "the lab did not come up"; }

    static const lab& here() { return *lab_; }

    /// Whether a program on one node gets an answer from another; gives up after two seconds.
    static bool reaches(const node& from, const node& to, std::uint16_t port)
    {
        const auto url = "http://" + to.address() + ":" + std::to_string(port) + "/";
        const auto done = from.run({"curl", "--silent", "--output", "/dev/null", "--max-time", "2", url});
        return done.exit_code == 0;
    }

private:
    static inline std::unique_ptr<lab> lab_;
};

}  // namespace gantryd::integration
