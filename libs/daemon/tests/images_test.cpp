// Images and obstacles on several machines: found before the first one is touched.
#include "fleet.hpp"
#include "preflights.hpp"

#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace gantryd::daemon {
namespace {

using model::release_outcome;

/// Three machines that run release 1.
class images : public testing::Test {
protected:
    images()
    {
        f.run_for(1s);
        f.always("every machine serves", [this] { return f.all_serve(); });
        before_ = f.changes();
    }

    /// Release 2, with an image that only the registry has.
    int release_published(bool with_digest)
    {
        for (std::size_t i = 1; i <= f.size(); ++i)
            f.at(i).docker.publish("web:2", machine::image_of_web("2"));
        return static_cast<int>(model::value_of(f.at(1).release_published("2", with_digest)));
    }
    void move_tag(const std::string& to)
    {
        for (std::size_t i = 1; i <= f.size(); ++i)
            f.at(i).docker.publish("web:2", machine::image_of_web(to));
    }
    /// Nothing of what runs has changed, and nobody has a slot.
    void expect_untouched()
    {
        EXPECT_EQ(f.changes(), before_);
        EXPECT_TRUE(f.slots().empty());
    }
    std::string text_at(std::size_t machine, const std::string& code)
    {
        const auto told = f.at(machine).reason(code);
        return told ? told->text : "not told: " + code + "\n" + f.describe();
    }
    std::optional<model::preflight> said(const std::string& machine)
    {
        const auto found = records::decode_preflight(f.at(1)
                .value_of(records::preflight_key(
                    f.at(1).project, model::component_name("web"), model::machine_id(machine)))
                .value_or(""));
        return found ? std::optional(*found) : std::nullopt;
    }

    running_fleet f{3};
    std::size_t before_ = 0;
};

TEST_F(images, are_pulled_by_all_machines_before_the_first_one_is_touched)
{
    for (std::size_t i = 1; i <= 3; ++i)
        f.at(i).docker.latency["pull"] = std::chrono::seconds(10 * i);
    const auto two = release_published(true);
    f.run_for(25s);
    expect_untouched();
    EXPECT_EQ(said("m2")->standing, model::preparation::ready);
    EXPECT_EQ(said("m3")->standing, model::preparation::fetching);
    EXPECT_TRUE(f.at(3).reason("pulling")) << f.describe();
    EXPECT_EQ(
        text_at(1, "waiting_preflight"), "no machine is touched before all of them could run release 2");
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); })) << f.describe();
    f.run_for(2s);  // reports and events are written a moment later
    EXPECT_FALSE(f.at(3).reason("pulling"));
    EXPECT_EQ(f.at(3).told("image_pulled").size(), 1U);
}

TEST_F(images, are_the_recorded_ones_everywhere_when_the_tag_moves_meanwhile)
{
    const auto two = release_published(true);
    move_tag("other");
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); })) << f.describe();
    for (std::size_t i = 1; i <= 3; ++i) {
        EXPECT_EQ(f.at(i).docker.find("shop-web-2-1")->details.image, machine::image_of_web("2"));
        EXPECT_EQ(f.at(i).docker.count_calls("pull web:2"), 0U);
    }
}

TEST_F(images, of_a_moved_tag_run_nowhere_when_no_digest_is_known)
{
    f.at(1).add_image(machine::web(), "2");
    const auto two = release_published(false);
    move_tag("other");
    f.run_for(2min, 20ms);
    expect_untouched();
    EXPECT_TRUE(text_at(2, "image_mismatch").starts_with("web:2 is image "));
    EXPECT_TRUE(text_at(1, "waiting_preflight").contains("; host-m2 (m2): web:2 is image "));
    EXPECT_FALSE(f.at(1).reason("image_mismatch")) << "it has the image";
    move_tag("2");
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); })) << f.describe();
}

TEST_F(images, wait_for_a_registry_that_is_away)
{
    for (std::size_t i = 1; i <= 3; ++i)
        f.at(i).docker.registry_error = base::error(base::errc::unavailable, "registry: connection refused");
    const auto two = release_published(true);
    f.run_for(10min, 50ms);
    expect_untouched();
    EXPECT_EQ(f.outcome_of(two), release_outcome::pending);
    EXPECT_TRUE(text_at(2, "pull_failed").contains("registry: connection refused"));
    EXPECT_TRUE(text_at(1, "waiting_preflight").contains("; host-m1 (m1): docker pull web@sha256:"));
    for (std::size_t i = 1; i <= 3; ++i) {
        EXPECT_GT(f.at(i).docker.count_calls("pull "), 20U);
        EXPECT_LT(f.at(i).docker.count_calls("pull "), 40U) << "it backs off";
        f.at(i).docker.registry_error.reset();
    }
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); })) << f.describe();
    EXPECT_FALSE(f.at(2).report_on()->last_failure);
    f.run_for(1s);
    EXPECT_EQ(f.at(2).told("image_pulling").size(), 1U) << "however often it was tried";
    EXPECT_EQ(f.at(2).told("image_pulled").size(), 1U);
}

TEST_F(images, that_one_machine_never_gets_fail_the_release_at_its_deadline)
{
    f.at(3).docker.registry_error = base::error(base::errc::unavailable, "registry: connection refused");
    auto spec = machine::web();
    spec.rollout.deadline = 1min;
    for (std::size_t i = 1; i <= 2; ++i)
        f.at(i).add_image(spec, "2");
    const auto two = static_cast<int>(model::value_of(f.at(1).release(spec, "2")));
    f.run_for(55s);
    EXPECT_EQ(f.outcome_of(two), release_outcome::pending);
    f.run_for(10s);
    EXPECT_EQ(f.outcome_of(two), release_outcome::failed);
    expect_untouched();
    const auto why = f.at(1).release_in_store(two).why_failed;
    ASSERT_TRUE(why);
    EXPECT_TRUE(why->reason.starts_with("no machine was touched, because not all of them could run it within "
                                        "1m 0s: host-m3 (m3): docker pull web:2: "))
        << why->reason;
    f.run_for(1min, 20ms);
    expect_untouched();
    EXPECT_EQ(f.record()->verdict, model::rollout_verdict::failed);
    f.make_live("3");
}

TEST(a_processor, runs_programs_for_itself_and_for_its_older_sibling)
{
    EXPECT_TRUE(can_run("amd64", "amd64"));
    EXPECT_TRUE(can_run("386", "amd64"));
    EXPECT_TRUE(can_run("arm", "arm64"));
    EXPECT_FALSE(can_run("amd64", "arm64"));
    EXPECT_FALSE(can_run("arm64", "amd64"));
    EXPECT_FALSE(can_run("amd64", "386"));
    EXPECT_TRUE(can_run("", "arm64")) << "nobody knows";
    EXPECT_TRUE(can_run("amd64", ""));
}

TEST(obstacles, of_one_machine_keep_the_first_one_from_being_touched)
{
    fleet f(3);
    f.start_all();
    f.make_live("1");
    f.run_for(1s);
    const auto before = f.changes();
    auto spec = machine::web();
    spec.ports.push_back({.external = 9999, .container = 81});
    f.at(3).proxy.taken_ports[9999] = "nc (pid 7)";
    const auto two = f.release(spec, "2");
    f.run_for(30s);
    EXPECT_EQ(f.changes(), before);
    const auto told = f.at(3).reason("port_taken");
    ASSERT_TRUE(told) << f.describe();
    EXPECT_EQ(told->text, "port 9999 is taken by nc (pid 7)");
    EXPECT_TRUE(f.at(1)
            .reason("waiting_preflight")
            ->text.ends_with("; host-m3 (m3): port 9999 is taken by nc (pid 7)"));
    f.at(3).proxy.taken_ports.clear();
    f.run_for(3s);
    EXPECT_GT(f.changes(), before) << "a port is asked for again every two seconds";
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(two) == release_outcome::live; })) << f.describe();
}

TEST(obstacles, are_processors_and_disks_too)
{
    fleet f(3);
    f.at(2).docker.architecture = "arm64";
    f.at(3).disk_free = 1'000'000'000;
    f.start_all();
    const auto one = f.release("1");
    ASSERT_TRUE(f.run_until([&] { return f.at(2).reason("wrong_architecture").has_value(); }));
    EXPECT_EQ(
        f.at(2).reason("wrong_architecture")->text, "its image is for amd64, and this machine is arm64");
    EXPECT_EQ(f.changes(), 0U);
    f.at(1).put(records::drain_key(f.at(1).project, model::machine_id("m2")), "{}");
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(one) == release_outcome::live; })) << f.describe();

    f.at(3).disk_free = 10'000'000;
    const auto before = f.changes();
    const auto two = f.release("2");
    f.run_for(30s);
    EXPECT_EQ(f.changes(), before);
    ASSERT_TRUE(f.at(3).reason("docker_disk_full")) << f.describe();
    EXPECT_EQ(f.at(3).reason("docker_disk_full")->text,
        "/var/lib/docker has 10 MB free; a container needs 64 at the least");
    f.at(3).disk_free = 1'000'000'000;
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(two) == release_outcome::live; })) << f.describe();
}

TEST_F(images, that_did_not_fit_are_not_pulled_again_while_there_is_no_more_room)
{
    auto& m3 = f.at(3);
    m3.docker.registry_error =
        base::error(base::errc::rejected, "write /data/tmp/x: no space left on device");
    m3.disk_free = 812'345'678;
    const auto two = release_published(true);
    f.run_for(5min, 20ms);
    expect_untouched();
    const auto why = text_at(3, "docker_disk_full");
    EXPECT_TRUE(why.starts_with("docker pull web@sha256:")) << why;
    EXPECT_TRUE(why.ends_with(
        ": write /data/tmp/x: no space left on device; /var/lib/docker had 812 MB free before it"))
        << why;
    EXPECT_TRUE(text_at(1, "waiting_preflight").ends_with("; host-m3 (m3): " + why));
    EXPECT_EQ(m3.docker.count_calls("pull "), 1U) << "each try would fill the disk";

    m3.disk_free = 875'000'000;
    f.run_for(1min, 20ms);
    EXPECT_EQ(m3.docker.count_calls("pull "), 1U) << "logs come and go";
    m3.disk_free = 880'000'000;
    f.run_for(1min, 20ms);
    EXPECT_EQ(m3.docker.count_calls("pull "), 2U);
    EXPECT_TRUE(text_at(3, "docker_disk_full").ends_with("had 880 MB free before it"));

    f.run_for(8min, 20ms);
    EXPECT_EQ(m3.docker.count_calls("pull "), 2U);
    m3.docker.registry_error.reset();
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); }))
        << "somebody else had the room: " << f.describe();
}

TEST(a_pull, that_failed_beside_another_one_has_shown_nothing)
{
    const base::time_point now{1h};
    const auto futile = [&](const image_room& in) { return in.why_futile("web", 100, now + 1min); };
    image_room alone;
    image_room::pull(alone).did_not_fit("web", 100, "full", now);
    EXPECT_EQ(futile(alone), "full");
    EXPECT_FALSE(alone.why_futile("api", 100, now)) << "it may be smaller";

    image_room shared;
    {
        image_room::pull first(shared);
        image_room::pull second(shared);
        first.did_not_fit("web", 100, "full", now);
        second.did_not_fit("web", 100, "full", now);
    }
    EXPECT_FALSE(futile(shared));
    image_room::pull(shared).did_not_fit("web", 100, "full", now);
    EXPECT_TRUE(futile(shared));
}

TEST(obstacles, of_a_docker_that_is_away_are_told_to_the_others)
{
    fleet f(2);
    f.start_all();
    f.make_live("1");
    f.run_for(1s);
    f.may_stop_serving = true;
    f.at(2).docker.set_reachable(false);
    const auto two = f.release("2");
    f.run_for(30s);
    EXPECT_TRUE(f.slots().empty());
    EXPECT_TRUE(f.at(1).reason("waiting_preflight")->text.contains("; host-m2 (m2): docker "))
        << f.describe();
    EXPECT_TRUE(f.at(2).reason("docker_unreachable"));
    EXPECT_FALSE(f.at(2).reason("retrying")) << "once is enough";
    f.at(2).docker.set_reachable(true);
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); })) << f.describe();
}

TEST(a_preflight, does_not_wait_for_a_lost_machine_and_one_that_is_back_looks_first)
{
    fleet f(3);
    f.start_all();
    f.make_live("1");
    f.run_for(1s);
    f.crash(3);
    f.run_for(90s, 20ms);
    f.at(3).docker.registry_error = base::error(base::errc::unavailable, "registry: connection refused");
    const auto two = f.release("2");
    f.at(3).docker.remove_image(machine::image_of_web("2"));
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(two) == release_outcome::live; })) << f.describe();
    f.at(3).start();
    f.run_for(30s);
    EXPECT_EQ(f.running_on(3), std::set<int>{1}) << "it keeps what it has";
    EXPECT_TRUE(f.slots().empty()) << "and takes no slot that it cannot use";
    EXPECT_TRUE(f.at(3).reason("pull_failed"));
    EXPECT_EQ(f.at(3).reason("waiting_preflight")->text,
        "this machine runs release 1 until it is sure that it could run release 2");
    f.at(3).docker.registry_error.reset();
    f.at(3).docker.publish("web:2", machine::image_of_web("2"));
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); })) << f.describe();
}

TEST(a_preflight, is_written_when_something_has_changed_and_not_at_rest)
{
    fleet f(3);
    f.start_all();
    f.make_live("1");
    f.at(2).docker.registry_error = base::error(base::errc::unavailable, "registry: connection refused");
    for (const std::size_t i : {1U, 3U})
        f.at(i).add_image(machine::web(), "2");
    const auto two = static_cast<int>(model::value_of(f.at(1).release("2")));
    f.run_for(30s);
    const auto look = [&] {
        auto all = f.sim.outcome_after(
            0ms, f.books->list(records::components_prefix(f.at(1).project), f.sim.clock.now() + 5s));
        return all->value();
    };
    const auto written = [&] {
        store::revision newest{};
        for (const auto& pair : look().pairs)
            newest = std::max(newest, pair.modified);
        return newest;
    };
    const auto while_blocked = written();
    f.run_for(5min, 20ms);
    EXPECT_EQ(written(), while_blocked) << "it is tried again and again, with the same answer";
    f.at(2).docker.registry_error.reset();
    f.at(2).docker.publish("web:2", machine::image_of_web("2"));
    ASSERT_TRUE(f.run_until([&] { return f.is_over(two); })) << f.describe();
    f.run_for(15s, 20ms);
    const auto at_rest = look().at;
    f.run_for(5min, 50ms);
    EXPECT_EQ(look().at, at_rest);
}

TEST(a_preflight, outlives_a_restart_and_is_taken_up_by_a_newer_update)
{
    running_fleet f(3);
    f.run_for(1s);
    const auto before = f.changes();
    f.at(2).docker.latency["pull"] = 20s;
    for (const std::size_t i : {1U, 3U})
        f.at(i).add_image(machine::web(), "2");
    (void)f.at(1).release("2");
    f.at(2).docker.publish("web:2", machine::image_of_web("2"));
    f.run_for(5s);
    f.crash(2);
    f.at(2).start();
    f.run_for(5s);
    const auto three = f.release("3");
    ASSERT_TRUE(f.run_until([&] { return f.is_over(three); })) << f.describe();
    EXPECT_EQ(f.at(1).shown_outcome_of(2), release_outcome::superseded);
    EXPECT_GT(f.changes(), before);
    for (std::size_t i = 1; i <= 3; ++i)
        EXPECT_EQ(f.at(i).docker.count_calls("create shop-web-2-"), 0U);
}

/// How many machines have said something of release 2.
int preflights_in(fleet& f)
{
    auto all = f.sim.outcome_after(
        0ms, f.books->list(records::preflights_prefix(f.at(1).project), f.sim.clock.now() + 5s));
    int out = 0;
    for (const auto& pair : all->value().pairs) {
        const auto said = records::decode_preflight(pair.value);
        out += said && said->release == model::release_number(2) ? 1 : 0;
    }
    return out;
}

/// The second machine cannot run release 2, and each of the others has to look.
void release_what_two_cannot_run(fleet& f)
{
    f.at(2).docker.registry_error = base::error(base::errc::unavailable, "registry: connection refused");
    for (std::size_t i = 1; i <= f.size(); ++i)
        if (i != 2)
            f.at(i).add_image(machine::web(), "2");
    (void)f.at(1).release("2");
}

TEST(a_preflight, is_read_by_the_head_of_the_line_and_by_the_others_when_nobody_begins)
{
    fleet f(12);  // in the order of their names the first ones are m1 and m10 to m12
    f.start_all();
    f.make_live("1");
    f.run_for(1s);
    release_what_two_cannot_run(f);
    const auto names_two = [&](std::size_t i) {
        const auto told = f.at(i).reason("waiting_preflight");
        return told && told->text.contains("; host-m2 (m2): ");
    };
    f.run_for(8s);
    EXPECT_EQ(preflights_in(f), 12);
    EXPECT_TRUE(names_two(1) && names_two(12)) << f.describe();
    EXPECT_FALSE(names_two(3) || names_two(9)) << f.describe();
    f.run_for(5s);
    EXPECT_TRUE(names_two(3) && names_two(5)) << f.describe();
    EXPECT_FALSE(names_two(6) || names_two(9)) << f.describe();
    f.run_for(10s);
    EXPECT_TRUE(names_two(6) && names_two(9)) << f.describe();
    f.at(2).docker.registry_error.reset();
    f.at(2).docker.publish("web:2", machine::image_of_web("2"));
    ASSERT_TRUE(f.run_until([&] { return f.is_over(2); })) << f.describe();
    const auto three = f.release("3");
    ASSERT_TRUE(f.run_until([&] { return f.is_over(three); })) << f.describe();
}

TEST(a_preflight, is_not_written_again_after_a_restart_by_one_who_does_not_read_what_all_say)
{
    fleet f(12);
    f.start_all();
    f.make_live("1");
    f.run_for(1s);
    release_what_two_cannot_run(f);
    f.run_for(1s);
    const auto key =
        records::preflight_key(f.at(9).project, model::component_name("web"), model::machine_id("m9"));
    const auto written = [&] {
        auto found = f.sim.outcome_after(0ms, f.books->get(key, f.sim.clock.now() + 5s));
        return found->value()->modified;
    };
    const auto before = written();
    const auto looked = [&] { return f.at(9).docker.count_calls("inspect_image "); };
    const auto looks_before = looked();
    f.crash(9);
    f.at(9).start();
    f.run_for(5s);
    EXPECT_GT(looked(), looks_before);
    EXPECT_EQ(written(), before);
}

TEST(a_preflight, of_a_large_fleet_is_not_written_by_all_at_once)
{
    fleet few(3);
    fleet many(20);
    for (auto* f : {&few, &many}) {
        f->start_all();
        f->make_live("1");
        f->run_for(2s, 20ms);
        release_what_two_cannot_run(*f);
    }
    few.run_for(15ms);
    EXPECT_EQ(preflights_in(few), 3);
    many.run_for(35ms);
    EXPECT_EQ(preflights_in(many), 0) << "the first quarter of 160 ms is for hearing of the release";
    many.run_for(85ms);
    EXPECT_GT(preflights_in(many), 0);
    EXPECT_LT(preflights_in(many), 20);
    many.run_for(60ms);
    EXPECT_EQ(preflights_in(many), 20);
    many.at(2).docker.registry_error.reset();
    many.at(2).docker.publish("web:2", machine::image_of_web("2"));
    ASSERT_TRUE(many.run_until([&] { return many.is_over(2); })) << many.describe();
}

}  // namespace
}  // namespace gantryd::daemon
