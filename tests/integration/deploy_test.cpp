#include "daemon_test.hpp"

#include <algorithm>
#include <set>

namespace json = boost::json;

namespace gantryd::integration {
namespace {

using deploying = daemon_test;

std::string short_of(const std::string& image) { return image.substr(std::string("sha256:").size(), 12); }

std::string row(const std::string& name, const std::string& status, const std::string& image)
{
    const auto padded = [](std::string text) {
        return text.append(text.size() < 20 ? 20 - text.size() : 0, ' ');
    };
    return padded(name) + " " + padded(status) + " " + padded(image);
}

std::string without_trailing_spaces(const std::string& text)
{
    std::string out;
    for (const char c : text) {
        if (c == '\n')
            out.erase(out.find_last_not_of(' ') + 1);
        out += c;
    }
    return out;
}

TEST_F(deploying, a_first_update_brings_the_component_up)
{
    ASSERT_NO_FATAL_FAILURE(configure({component("web", port_)}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    EXPECT_FALSE(connection::to(port_)) << "nothing is to be served before the first update";

    const auto image = make_image("v1");
    const auto done = update();
    ASSERT_TRUE(ended_with(0, done));
    EXPECT_TRUE(done.out.starts_with(
        "Updating the image IDs on components\nComponent web -> " + short_of(image) + "\n"))
        << done.out;
    EXPECT_EQ(version_at(port_), "v1");

    const auto found = containers();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_TRUE(found[0].running());
    EXPECT_EQ(found[0].image, image);
    EXPECT_TRUE(found[0].name.starts_with(project_ + "-web-1-")) << found[0].name;
    EXPECT_EQ(found[0].labels.at("io.gantryd.project"), project_);
    EXPECT_EQ(found[0].labels.at("io.gantryd.component"), "web");
    EXPECT_EQ(found[0].labels.at("io.gantryd.release"), "1");
    EXPECT_EQ(instance_at(port_), found[0].short_id());
}

TEST_F(deploying, list_prints_the_seed_table)
{
    ASSERT_NO_FATAL_FAILURE(configure({component("web", port_), component("worker", free_port())}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    const auto image = make_image("v1");
    ASSERT_TRUE(ended_with(0, update()));
    const auto listed = gantryd({"list", project_});
    ASSERT_TRUE(ended_with(0, listed));
    const auto table = without_trailing_spaces(listed.out);
    EXPECT_TRUE(has(table, without_trailing_spaces(row("COMPONENT", "STATUS", "IMAGE ID") + "\n")));
    EXPECT_TRUE(has(table, without_trailing_spaces(row("web", "ready", short_of(image)) + "\n")));
    EXPECT_TRUE(has(table, "\nworker ")) << "a component that was never updated is listed too";

    ASSERT_TRUE(ended_with(0, gantryd({"stop", project_, "-c", "web", "--wait"})));
    const auto stopped = gantryd({"list", project_});
    EXPECT_TRUE(has(stopped.out, row("web", "stopped", short_of(image)).substr(0, 54)));
}

TEST_F(deploying, an_update_under_load_loses_no_request)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto before = containers().at(0);
    background_load load(port_);
    ASSERT_NO_FATAL_FAILURE(deploy("v2"));
    ASSERT_TRUE(wait_until([&] { return containers().size() == 1; })) << "the old container is removed";
    EXPECT_NE(containers().at(0).id, before.id);
    const auto proxy = proxy_pid();
    ASSERT_NO_FATAL_FAILURE(deploy("v3"));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2", "v3"}));
    EXPECT_EQ(proxy_pid(), proxy);
}

TEST_F(deploying, several_instances_are_replaced_under_load)
{
    auto web = component("web", port_);
    web["instances"] = 3;
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_NO_FATAL_FAILURE(deploy("v1"));
    ASSERT_EQ(running().size(), 3U);
    std::set<std::string> answered;
    ASSERT_TRUE(wait_until([&] { return answered.insert(instance_at(port_)), answered.size() == 3; }))
        << "all instances get requests";
    background_load load(port_);
    ASSERT_NO_FATAL_FAILURE(deploy("v2"));
    ASSERT_TRUE(wait_until([&] { return containers().size() == 3; }));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2"}));
    std::set<std::string> images;
    for (const auto& each : running())
        images.insert(each.image);
    EXPECT_EQ(images.size(), 1U);
}

TEST_F(deploying, a_changed_setting_goes_live_with_the_next_update_without_a_lost_request)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto before = containers().at(0).id;
    background_load load(port_);
    auto web = component("web", port_);
    web["environmentVariables"] = json::array{json::object{{"name", "COLOUR"}, {"value", "green"}}};
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    EXPECT_TRUE(holds_for(1s, [&] { return containers().size() == 1 && containers().at(0).id == before; }))
        << "setconfig alone changes nothing that runs";
    EXPECT_TRUE(has(gantryd({"list", project_}).out, "config changed"));

    ASSERT_TRUE(ended_with(0, update()));
    const auto answer = ask(port_, "GET", "/env?COLOUR");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "green\n");
    ASSERT_TRUE(wait_until([&] { return containers().size() == 1; }));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1"}));
    EXPECT_EQ(containers().at(0).labels.at("io.gantryd.release"), "2");
}

TEST_F(deploying, an_update_that_changes_nothing_replaces_nothing)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    const auto before = containers().at(0).id;
    ASSERT_NO_FATAL_FAILURE(configure({component("web", port_)}));
    ASSERT_TRUE(ended_with(0, update()));
    EXPECT_TRUE(holds_for(1s, [&] { return containers().size() == 1 && containers().at(0).id == before; }));
}

TEST_F(deploying, an_update_without_a_daemon_is_taken_up_by_the_next_one)
{
    ASSERT_NO_FATAL_FAILURE(configure({component("web", port_)}));
    make_image("v1");
    ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web"})));
    EXPECT_TRUE(containers().empty());
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    EXPECT_TRUE(wait_until([&] { return version_at(port_) == "v1"; })) << why();
}

TEST_F(deploying, waiting_for_an_update_that_nobody_carries_out_times_out)
{
    ASSERT_NO_FATAL_FAILURE(configure({component("web", port_)}));
    make_image("v1");
    const auto done = gantryd({"update", project_, "-c", "web", "--wait", "--timeout", "2s"});
    EXPECT_TRUE(ended_with(3, done));
    EXPECT_LT(done.took, 15s);
}

TEST_F(deploying, two_components_do_not_disturb_each_other)
{
    const auto other_port = free_port();
    make_image("other", {}, "other");
    ASSERT_NO_FATAL_FAILURE(configure({component("web", port_), component("other", other_port, "other")}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    make_image("v1");
    const auto both = gantryd({"update", project_, "-c", "web", "other", "--wait", "--timeout", "60s"});
    ASSERT_TRUE(ended_with(0, both));
    EXPECT_EQ(version_at(port_), "v1");
    EXPECT_EQ(version_at(other_port), "other");

    const auto untouched = running("other").at(0).id;
    background_load load(other_port);
    ASSERT_NO_FATAL_FAILURE(deploy("v2"));
    ASSERT_TRUE(ended_with(0, gantryd({"stop", project_, "-c", "web", "--wait"})));
    EXPECT_TRUE(lost_nothing(load.finish(), {"other"}));
    EXPECT_EQ(running("other").at(0).id, untouched);
    EXPECT_EQ(version_at(port_), "");
}

TEST_F(deploying, a_stopped_component_comes_back_with_the_next_update)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    ASSERT_TRUE(ended_with(0, gantryd({"stop", project_, "-c", "web", "--wait"})));
    EXPECT_TRUE(running().empty());
    ASSERT_NO_FATAL_FAILURE(deploy("v2"));
}

TEST_F(deploying, history_names_every_release_and_its_outcome)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    make_image("v2", {{"EXIT_CODE", "3"}});
    ASSERT_TRUE(ended_with(4, update()));
    const auto listed = gantryd({"history", project_, "web", "-o", "json"});
    ASSERT_TRUE(ended_with(0, listed));
    EXPECT_NO_THROW(json::parse(listed.out)) << listed.out;
    const auto table = gantryd({"history", project_, "web"});
    ASSERT_TRUE(ended_with(0, table));
    EXPECT_TRUE(has(table.out, "live"));
    EXPECT_TRUE(has(table.out, "failed"));
}

}  // namespace
}  // namespace gantryd::integration
