#include "samples.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gantryd::soak {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const limits strict{.warm_up = 5, .growth_kb = 500, .ledger_kb = 100, .store_kb = 1000, .containers = 3};

/// An hour of samples that are what they should be, but for a few kilobytes to and fro.
std::vector<sample> flat()
{
    std::vector<sample> out;
    for (int i = 0; i < 60; ++i) {
        sample s;
        s.at = std::chrono::minutes(i);
        s.daemon = {
            .resident_kb = 20'000, .anonymous_kb = 8'000 + 40 * (i % 3), .descriptors = 20, .threads = 1};
        s.client = {.resident_kb = 9'000, .anonymous_kb = 2'000, .descriptors = 9, .threads = 1};
        s.ledger_kb = 40;
        s.store_kb = 800;
        s.containers = 3;
        s.proxy_processes = 2;
        s.requests = 1'000 * i;
        out.push_back(s);
    }
    return out;
}

TEST(samples, of_a_flat_hour_show_no_problem) { EXPECT_THAT(problems_in(flat(), strict), IsEmpty()); }

TEST(samples, of_a_warm_up_may_grow)
{
    auto all = flat();
    for (std::size_t i = 0; i < strict.warm_up; ++i) {
        all[i].daemon.anonymous_kb = 2'000 + 1'000 * static_cast<std::int64_t>(i);
        all[i].daemon.descriptors = 12;
    }
    EXPECT_THAT(problems_in(all, strict), IsEmpty());
}

TEST(samples, show_memory_that_grows_by_ten_kilobytes_a_minute)
{
    auto all = flat();
    for (std::size_t i = 0; i < all.size(); ++i)
        all[i].daemon.anonymous_kb += 10 * static_cast<std::int64_t>(i);
    EXPECT_THAT(problems_in(all, strict), ElementsAre(HasSubstr("memory of the daemon grew by 54")));
}

TEST(samples, show_memory_of_a_client_that_grows)
{
    auto all = flat();
    for (std::size_t i = 0; i < all.size(); ++i)
        all[i].client.anonymous_kb += 10 * static_cast<std::int64_t>(i);
    EXPECT_THAT(problems_in(all, strict), ElementsAre(HasSubstr("memory of events -f grew by 54")));
}

TEST(samples, show_one_descriptor_and_one_thread_too_many)
{
    auto all = flat();
    all.back().daemon.descriptors += 1;
    all[40].daemon.threads += 1;
    EXPECT_THAT(problems_in(all, strict),
        ElementsAre(HasSubstr("descriptors of the daemon: 20 at 00:05:00, 21 at 00:59:00"),
            HasSubstr("threads of the daemon: 1 at 00:05:00, 2 at 00:40:00")));
}

TEST(samples, show_files_that_grow_and_whatever_is_left_over_or_lost)
{
    auto all = flat();
    all[20].ledger_kb = 101;
    all[21].store_kb = 1'001;
    all[22].containers = 4;
    all[23].proxy_processes = 3;
    all.back().failed = 1;
    EXPECT_THAT(
        problems_in(all, strict), ElementsAre(HasSubstr("kB of the ledger: 101"),
                                      HasSubstr("kB of the store: 1001"), HasSubstr("containers: 4"),
                                      HasSubstr("processes of HAProxy: 3"), HasSubstr("failed requests: 1")));
}

TEST(samples, show_a_process_that_ended)
{
    auto all = flat();
    for (auto& each : all)
        each.client = {};
    EXPECT_THAT(problems_in(all, strict), ElementsAre(HasSubstr("events -f ended")));
}

TEST(samples, that_are_few_or_without_requests_prove_nothing)
{
    auto all = flat();
    all.back().requests = 0;
    EXPECT_THAT(problems_in(all, strict), ElementsAre("no request was sent"));
    all.resize(8);
    EXPECT_THAT(problems_in(all, strict), ElementsAre("8 samples are too few"));
}

}  // namespace
}  // namespace gantryd::soak
