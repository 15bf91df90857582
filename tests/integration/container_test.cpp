// What a component's fields make of a real container: as Docker tells it, and as its process has it.
#include "daemon_test.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace json = boost::json;

namespace gantryd::integration {
namespace {

class a_container : public daemon_test {
protected:
    void SetUp() override
    {
        daemon_test::SetUp();
        make_image("v1");
    }

    void TearDown() override
    {
        if (!data_.empty())
            docker_.run({"rm", "--force", "--volumes", data_});
        daemon_test::TearDown();
    }

    /// Releases the component, waits until it serves, and looks at its container.
    void deploy_component(const json::object& spec)
    {
        ASSERT_NO_FATAL_FAILURE(configure({spec}));
        ASSERT_NO_FATAL_FAILURE(start_daemon());
        ASSERT_TRUE(ended_with(0, update()));
        made_ = containers().at(0);
        inspected_ = docker_.inspect(made_.id);
    }

    const json::value& at(const std::string& pointer) const { return inspected_.at_pointer(pointer); }

    bool lists(const std::string& pointer, const std::string& text) const
    {
        const auto& all = at(pointer).as_array();
        return std::ranges::find(all, json::value(text)) != all.end();
    }

    /// The rest of the line of /proc/PID/status that begins so.
    std::string status(const std::string& key) const
    {
        std::istringstream lines(text_of_file("/proc/" + std::to_string(made_.pid) + "/status"));
        for (std::string line; std::getline(lines, line);)
            if (line.starts_with(key + ":\t"))
                return line.substr(key.size() + 2);
        return "";
    }

    /// A file of the container.
    std::filesystem::path inside(const std::string& path) const
    {
        return "/proc/" + std::to_string(made_.pid) + "/root" + path;
    }

    std::string data_;  ///< a container of the test, with a volume
    container made_;
    json::value inspected_;
};

TEST_F(a_container, has_the_user_the_limits_and_the_stop_signal_of_its_component)
{
    auto web = component("web", port_);
    web["user"] = "1234:5678";
    web["resources"] = json::object{{"memory", "64m"}, {"cpus", 0.5}, {"pids", 77}};
    web["stopSignal"] = "SIGINT";
    ASSERT_NO_FATAL_FAILURE(deploy_component(web));
    EXPECT_EQ(at("/Config/User"), "1234:5678");
    EXPECT_EQ(at("/HostConfig/Memory"), 64 * 1024 * 1024);
    EXPECT_EQ(at("/HostConfig/NanoCpus"), 500'000'000);
    EXPECT_EQ(at("/HostConfig/PidsLimit"), 77);
    EXPECT_EQ(at("/Config/StopSignal"), "SIGINT");
    EXPECT_EQ(at("/HostConfig/RestartPolicy/Name"), "no");
    EXPECT_EQ(at("/HostConfig/Privileged"), false);
    EXPECT_EQ(status("Uid"), "1234\t1234\t1234\t1234");
    EXPECT_EQ(status("Gid"), "5678\t5678\t5678\t5678");

    program events({"docker", "events", "--filter", "container=" + made_.id, "--filter", "event=kill",
                       "--format", "{{.Actor.Attributes.signal}}"},
        directory_ / "events.log");
    // The stream has begun when it shows a signal that does nothing.
    ASSERT_TRUE(wait_until([&] {
        docker_.run({"kill", "--signal", "WINCH", made_.id});
        return !events.output().empty();
    }));
    ASSERT_TRUE(ended_with(0, gantryd({"stop", project_, "-c", "web", "--wait"})));
    EXPECT_TRUE(wait_until([&] { return events.output().find("\n2\n") != std::string::npos; }))
        << events.output();
}

TEST_F(a_container, without_limits_has_none)
{
    ASSERT_NO_FATAL_FAILURE(deploy_component(component("web", port_)));
    EXPECT_EQ(at("/Config/User"), "");
    EXPECT_EQ(at("/HostConfig/Memory"), 0);
    EXPECT_EQ(at("/HostConfig/NanoCpus"), 0);
    EXPECT_TRUE(at("/HostConfig/PidsLimit").is_null() || at("/HostConfig/PidsLimit") == 0);
    EXPECT_TRUE(at("/HostConfig/Binds").is_null() || at("/HostConfig/Binds").as_array().empty());
    EXPECT_EQ(status("Uid"), "0\t0\t0\t0");
}

TEST_F(a_container, may_be_privileged)
{
    auto web = component("web", port_);
    web["privileged"] = true;
    // Where the Engine itself lacks privileges it cannot give them: then ours has to fail like any other.
    const auto plain = run({"docker", "run", "--rm", "--privileged", project_ + "/demo:live", "--help"});
    if (has(plain.err, "unable to apply caps")) {
        ASSERT_NO_FATAL_FAILURE(configure({web}));
        ASSERT_NO_FATAL_FAILURE(start_daemon());
        EXPECT_TRUE(ended_with(4, update()));
        EXPECT_TRUE(has(why(), "unable to apply caps"));
        return;
    }
    ASSERT_NO_FATAL_FAILURE(deploy_component(web));
    EXPECT_EQ(at("/HostConfig/Privileged"), true);
    // Whatever the Engine itself may do.
    const auto all = status("CapBnd");
    EXPECT_EQ(status("CapEff"), all);
    EXPECT_EQ(all.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_TRUE(std::filesystem::exists(inside("/dev/kmsg"))) << "the machine's devices";
}

TEST_F(a_container, has_its_variables_labels_and_command)
{
    auto web = component("web", port_);
    web["environmentVariables"] =
        json::array{json::object{{"name", "COLOUR"}, {"value", "green = \"x\" $HOME"}},
            json::object{{"name", "EMPTY"}, {"value", ""}}};
    web["labels"] = json::object{{"team", "shop"}, {"note", "a b\nc"}};
    ASSERT_NO_FATAL_FAILURE(deploy_component(web));
    EXPECT_TRUE(lists("/Config/Env", "COLOUR=green = \"x\" $HOME"));
    EXPECT_TRUE(lists("/Config/Env", "EMPTY="));
    EXPECT_TRUE(lists("/Config/Env", "VERSION=v1")) << "those of the image stay";
    const auto seen = ask(port_, "GET", "/env?COLOUR");
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->body, "green = \"x\" $HOME\n");
    EXPECT_EQ(made_.labels.at("team"), "shop");
    EXPECT_EQ(made_.labels.at("note"), "a b\nc");
    EXPECT_EQ(made_.labels.at("io.gantryd.project"), project_);
    EXPECT_EQ(made_.labels.at("io.gantryd.component"), "web");
    EXPECT_EQ(made_.labels.at("io.gantryd.release"), "1");
    EXPECT_FALSE(made_.labels.at("io.gantryd.spec").empty());
    EXPECT_EQ(made_.name, project_ + "-web-1-1");
    EXPECT_TRUE(at("/Config/ExposedPorts").as_object().contains("8080/tcp"));
    EXPECT_TRUE(
        at("/HostConfig/PortBindings").is_null() || at("/HostConfig/PortBindings").as_object().empty())
        << "exposed, not published";
}

TEST_F(a_container, sees_the_directories_that_are_bound_into_it)
{
    const auto shared = directory_ / "shared";
    std::filesystem::create_directory(shared);
    std::ofstream(shared / "greeting") << "hello";
    const auto own = directory_ / "own";
    auto web = component("web", port_);
    web["bindings"] = json::array{json::object{{"external", shared.string()}, {"volume", "/shared"}},
        json::object{{"external", own.string() + "/{container_id}/data"}, {"volume", "/own"}}};
    ASSERT_NO_FATAL_FAILURE(deploy_component(web));
    EXPECT_TRUE(lists("/HostConfig/Binds", shared.string() + ":/shared"));
    EXPECT_EQ(text_of_file(inside("/shared/greeting")), "hello");

    const auto mine = own / made_.short_id() / "data";
    ASSERT_TRUE(std::filesystem::is_directory(mine)) << "gantryd makes it";
    EXPECT_EQ(std::filesystem::status(mine).permissions(), std::filesystem::perms(0755))
        << "for any user of it";
    std::ofstream(mine / "from-outside") << "in";
    EXPECT_EQ(text_of_file(inside("/own/from-outside")), "in");
    std::ofstream(inside("/own/from-inside")) << "out";
    EXPECT_EQ(text_of_file(mine / "from-inside"), "out");

    make_image("v2");
    ASSERT_TRUE(ended_with(0, update()));
    ASSERT_TRUE(wait_until([&] { return containers().size() == 1; }));
    const auto next = containers().at(0);
    ASSERT_NE(next.id, made_.id);
    EXPECT_TRUE(std::filesystem::is_directory(own / next.short_id() / "data"));
    EXPECT_FALSE(std::filesystem::exists(own / next.short_id() / "data" / "from-inside")) << "one each";
    EXPECT_EQ(text_of_file(mine / "from-inside"), "out") << "what the old one wrote is kept";
}

TEST_F(a_container, has_the_volumes_of_others)
{
    data_ = project_ + "-data";
    docker_.run({"create", "--name", data_, "--volume", "/data", project_ + "/demo:live"});
    const auto volume = json::value_to<std::string>(docker_.inspect(data_).at_pointer("/Mounts/0/Source"));
    std::ofstream(std::filesystem::path(volume) / "kept") << "of the data container";
    auto web = component("web", port_);
    web["volumesFrom"] = json::array{data_ + ":ro"};
    ASSERT_NO_FATAL_FAILURE(deploy_component(web));
    EXPECT_TRUE(lists("/HostConfig/VolumesFrom", data_ + ":ro"));
    EXPECT_EQ(text_of_file(inside("/data/kept")), "of the data container");
    ASSERT_EQ(at("/Mounts").as_array().size(), 1U);
    EXPECT_EQ(at("/Mounts/0/RW"), false);

    make_image("v2");
    ASSERT_TRUE(ended_with(0, update()));
    ASSERT_TRUE(wait_until([&] { return containers().size() == 1; }));
    EXPECT_EQ(text_of_file(std::filesystem::path(volume) / "kept"), "of the data container")
        << "a removed container takes no volume of others with it";
}

TEST_F(a_container, that_wants_volumes_of_nobody_fails_with_dockers_words)
{
    auto web = component("web", port_);
    web["volumesFrom"] = json::array{project_ + "-nobody"};
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    EXPECT_TRUE(ended_with(4, update()));
    EXPECT_TRUE(has(why(), project_ + "-nobody"));
    EXPECT_EQ(containers().size(), 0U);
}

}  // namespace
}  // namespace gantryd::integration
