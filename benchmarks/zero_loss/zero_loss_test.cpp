#include "proofs.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

// The short forms of the proofs. The long ones, and how long the answers take, are scripts/benchmark's.

namespace gantryd::zero_loss {
namespace {

using namespace std::chrono_literals;

/// A name whose leftovers scripts/run-tests finds.
std::string project(int number) { return "it-" + std::to_string(::getpid()) + "-" + std::to_string(number); }

void expect_proved(const outcome& of)
{
    if (of.problems.empty())
        return;
    std::string text = of.done + "\n";
    for (const auto& problem : of.problems)
        text += problem + "\n";
    ADD_FAILURE() << text << load::table_of(of.seen) << "--- the daemon's log\n" << of.daemon_log;
}

TEST(zero_loss, updates_in_a_row_fail_no_request)
{
    expect_proved(prove_updates({.project = project(1), .updates = 5, .rate = 500, .compare = false}));
}

TEST(zero_loss, updates_with_reloads_and_kills_of_gantryd_fail_no_request)
{
    expect_proved(prove_updates(
        {.project = project(2), .updates = 4, .rate = 500, .with = disturbance::both, .compare = false}));
}

TEST(zero_loss, updates_with_reloads_cut_no_stream)
{
    expect_proved(
        prove_streams({.project = project(3), .updates = 3, .streams = 20, .with = disturbance::reload}));
}

TEST(zero_loss, crashes_of_one_of_two_instances_fail_no_request)
{
    expect_proved(prove_crashes({.project = project(4), .duration = 10s}));
}

}  // namespace
}  // namespace gantryd::zero_loss
