#include "lab/history.hpp"
#include "lab/slots.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gantryd::integration {
namespace {

using namespace std::chrono_literals;
using time_point = std::chrono::steady_clock::time_point;

/// A look that took 2 ms and saw these images run.
observation look(
    std::chrono::milliseconds at, const std::vector<std::string>& images, const std::string& version = "v1")
{
    observation out;
    out.begun = time_point(at);
    out.answered = time_point(at + 2ms);
    out.version = version;
    out.engine_answered = true;
    for (const auto& image : images)
        out.containers.emplace_back("id-of-" + image, image, true);
    return out;
}

/// The machine changes from image a to image b from 10 ms after `at` to 20 ms after it.
machine_history update_at(std::chrono::milliseconds at)
{
    return {look(0ms, {"a"}), look(at, {"a"}), look(at + 10ms, {"a", "b"}), look(at + 20ms, {"a", "b"}),
        look(at + 30ms, {"b"}, "v2"), look(1000ms, {"b"}, "v2")};
}

TEST(history, machines_that_change_one_after_the_other_are_never_two)
{
    const history seen{{"m1", update_at(100ms)}, {"m2", update_at(120ms)}};

    EXPECT_EQ(most_at_once(seen, changing(1)).machines.size(), 1u);
    EXPECT_TRUE(beyond(seen, changing(1), 1).empty());
    EXPECT_EQ(beyond(seen, changing(1), 0).size(), 2u);
}

TEST(history, machines_that_change_together_are_counted_and_named)
{
    const history seen{{"m1", update_at(100ms)}, {"m2", update_at(104ms)}, {"m3", update_at(500ms)}};

    const auto most = most_at_once(seen, changing(1));
    EXPECT_EQ(most.machines, (std::set<std::string>{"m1", "m2"}));
    const std::vector<std::string> expected{"116 ms: 2 instead of 1 at once: m1 m2"};
    EXPECT_EQ(beyond(seen, changing(1), 1), expected);
    EXPECT_TRUE(beyond(seen, changing(1), 2).empty());
}

TEST(history, one_look_alone_is_no_proof)
{
    const machine_history once{look(0ms, {"a"}), look(50ms, {"a", "b"}), look(100ms, {"b"})};

    EXPECT_TRUE(most_at_once({{"m1", once}}, changing(1)).machines.empty());
}

TEST(history, an_engine_that_does_not_answer_tells_nothing)
{
    auto silent = look(50ms, {});
    silent.engine_answered = false;
    const history seen{{"m1", {look(0ms, {"a"}), silent, silent, look(100ms, {"a"})}}};

    EXPECT_TRUE(beyond(seen, changing(1), 0).empty());
    EXPECT_TRUE(below(seen, 1).empty());
}

TEST(history, too_few_containers_count_once_there_were_enough)
{
    const history seen{{"m1", {look(0ms, {}, ""), look(10ms, {"a"}), look(20ms, {"a", "a"}),
                                  look(30ms, {"a"}), look(40ms, {"a", "a"})}}};

    const std::vector<std::string> expected{"32 ms: m1 ran 1 of 2"};
    EXPECT_EQ(below(seen, 2), expected);
    EXPECT_TRUE(below(seen, 1).empty());
}

TEST(history, a_port_that_stops_answering_is_below)
{
    const history seen{{"m1", {look(0ms, {"a"}, ""), look(10ms, {"a"}), look(20ms, {"a"}, "")}}};

    const std::vector<std::string> expected{"22 ms: m1 did not answer"};
    EXPECT_EQ(below(seen, 1), expected);
}

TEST(history, tells_what_was_served_and_where_an_image_ran)
{
    const history seen{{"m1", update_at(100ms)}, {"m2", {look(0ms, {"a"})}}};

    EXPECT_EQ(versions_served(seen.at("m1")), (std::vector<std::string>{"v1", "v2"}));
    EXPECT_EQ(images_run(seen.at("m1")), (std::set<std::string>{"a", "b"}));
    EXPECT_EQ(machines_that_ran(seen, "b"), (std::set<std::string>{"m1"}));
    EXPECT_EQ(machines_that_ran(seen, "a"), (std::set<std::string>{"m1", "m2"}));
}

TEST(history, can_be_cut_to_a_time)
{
    const history seen{{"m1", update_at(100ms)}};

    const auto part = between(seen, time_point(100ms), time_point(125ms));
    ASSERT_EQ(part.at("m1").size(), 3u);
    EXPECT_EQ(part.at("m1").front().begun, time_point(100ms));
}

slot_reading reading(std::chrono::milliseconds at, const std::string& holder, std::int64_t token)
{
    slot_reading out{.begun = time_point(at), .answered = time_point(at + 2ms), .holders = {}};
    if (!holder.empty())
        out.holders[0] = {holder, token};
    return out;
}

TEST(slots, are_had_by_one_after_the_other)
{
    const std::vector<slot_reading> readings{reading(0ms, "m1", 5), reading(50ms, "m1", 5),
        reading(100ms, "", 0), reading(150ms, "m2", 9), reading(200ms, "m2", 12)};
    const std::vector<slot_holder> expected{{"m1", 5}, {"m2", 9}, {"m2", 12}};
    EXPECT_EQ(succession(readings), expected) << "taken twice is two times";
    EXPECT_TRUE(succession(readings, 1).empty());
}

TEST(slots, are_missed_when_another_image_begins)
{
    const history seen{{"m1", update_at(100ms)}};
    EXPECT_TRUE(begun_without_slot(seen, {reading(104ms, "m1", 5)}).empty());
    EXPECT_EQ(begun_without_slot(seen, {reading(104ms, "m2", 5)}).size(), 1u);
    EXPECT_EQ(begun_without_slot(seen, {reading(104ms, "", 0)}).size(), 1u);
    EXPECT_TRUE(begun_without_slot(seen, {reading(104ms, "", 0), reading(108ms, "m1", 5)}).empty())
        << "the claim may be younger than the first of two looks";
    EXPECT_TRUE(begun_without_slot(seen, {reading(500ms, "", 0)}).empty()) << "nobody read then";
}

TEST(slots, are_not_needed_to_start_on_an_empty_machine_or_to_heal)
{
    const history seen{{"m1", {look(0ms, {}), look(50ms, {"b"}), look(100ms, {"b", "b"})}}};
    EXPECT_TRUE(begun_without_slot(seen, {reading(20ms, "", 0), reading(70ms, "", 0)}).empty());
}

}  // namespace
}  // namespace gantryd::integration
