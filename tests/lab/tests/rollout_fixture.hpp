#pragma once
#include "lab/observer.hpp"
#include "lab_fixture.hpp"
#include "wait.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>

namespace gantryd::integration {

/// The component "web" of a project of each test's own, on all machines of the suite's lab.
template <class Suite>
class rollout_lab : public shared_lab<Suite> {
    friend Suite;
    rollout_lab() = default;

protected:
    using shared_lab<Suite>::here;

    static constexpr std::uint16_t external = 8090;

    struct settings {
        std::string rollout = "{}";
        std::string ready_timeout = "10s";
        int instances = 1;
        std::string more_ports{};  ///< after a comma
    };

    /// v1 is live and serves on every machine. The first one has shown it alone, the others start with it.
    void begin(const settings& how)
    {
        project_ = "fleet" + std::to_string(++made_);
        configure(how);
        here().m(1).start_gantryd(project_);
        first_image_ = push("v1");
        done(update());
        for (const auto& each : here().machines())
            if (!each.runs("gantryd"))
                each.start_gantryd(project_);
        for (const auto& each : here().machines())
            ASSERT_TRUE(wait_until([&] { return each.version_at(external) == "v1"; })) << logs();
    }

    static void configure(const settings& how)
    {
        const auto file = here().m(1).directory() / "project.json";
        std::ofstream(file) << R"({"components": [{"name": "web", "tag": "live", "repo": ")" << image()
                            << R"(", "ports": [{"external": 8090, "container": 8080, "kind": "http"})"
                            << how.more_ports << R"(], "instances": )" << how.instances << R"(,
            "readyChecks": [{"kind": "http", "port": 8080, "path": "/health", "interval": "100ms"}],
            "readyTimeout": ")"
                            << how.ready_timeout << R"(", "rollout": )" << how.rollout << "}]}";
        done(here().m(1).gantryd({"setconfig", project_, file.string()}));
    }

    void TearDown() override
    {
        mend_all();
        here().m(1).gantryd({"stop", project_, "-c", "web", "--wait", "--timeout", "60s"});
        for (const auto& each : here().machines()) {
            each.stop("gantryd");
            if (const auto proxy = each.proxy_pid())
                each.run({"kill", "-TERM", std::to_string(*proxy)});
            EXPECT_TRUE(wait_until([&] { return !each.proxy_pid(); }));
            each.docker().remove_containers(project_);
        }
    }

    /// Whatever a test that failed half way has left broken.
    static void mend_all()
    {
        here().links().heal_all(here().nodes());
        for (const auto& each : here().nodes())
            each.thaw_all();
        here().start_all();
        for (const auto& each : here().machines())
            if (!each.runs("gantryd"))
                each.start_gantryd(project_);
    }

    static std::string image() { return here().registry().prefix() + "/web"; }

    /// Makes the image that the component's tag names on m1; its id.
    static std::string make(const std::string& version, std::map<std::string, std::string> settings = {})
    {
        settings["VERSION"] = version;
        return here().m(1).make_image(image() + ":live", settings);
    }
    /// Gives what the tag names on m1 to all machines' registry.
    static void publish() { here().m(1).docker().run({"push", "--quiet", image() + ":live"}); }
    /// Both; the image's id.
    static std::string push(const std::string& version, std::map<std::string, std::string> settings = {})
    {
        auto id = make(version, std::move(settings));
        publish();
        return id;
    }
    static finished update(const std::string& limit = "80s")
    {
        return here().m(1).gantryd({"update", project_, "-c", "web", "--wait", "--timeout", limit});
    }
    static void done(const finished& what) { EXPECT_EQ(what.exit_code, 0) << what.both() << logs(); }

    static std::string logs()
    {
        std::string out;
        for (const auto& each : here().machines())
            out += "--- " + each.name() + "\n" + text_of_file(each.log_of("gantryd"));
        return out + here().m(1).gantryd({"why", project_}).out;
    }
    static observed what() { return {.project = project_, .component = "web", .port = external}; }

    /// By one look at each machine: it serves, with one container of that image, and has no other.
    static bool all_run(const std::string& wanted)
    {
        return std::ranges::all_of(
            here().machines(), [&](const machine& each) { return runs(each, wanted); });
    }
    static bool runs(const machine& where, const std::string& wanted)
    {
        const auto look = where.within([&] { return look_at(where, what()); });
        return !look.version.empty() && look.containers.size() == 1 && look.containers[0].running &&
               look.containers[0].image == wanted;
    }

    static inline std::string project_;
    static inline std::string first_image_;  ///< v1's id

private:
    static inline int made_ = 0;
};

}  // namespace gantryd::integration
