#include "daemon_test.hpp"

#include <SQLiteCpp/Database.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <fstream>

namespace gantryd::integration {
namespace {

namespace json = boost::json;

/// When Docker started it: another time means that it was restarted.
std::string started_at(const docker& at, const std::string& id)
{
    return json::value_to<std::string>(at.inspect(id).at_pointer("/State/StartedAt"));
}

/// As a package does it: the file is replaced at once by another one, and whoever runs keeps the old one.
void replace_program(const std::filesystem::path& from, const std::filesystem::path& at)
{
    const auto fresh = at.string() + ".new";
    std::filesystem::copy_file(from, fresh, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::rename(fresh, at);
}

/// Whether the process runs the file that is there now.
bool runs_file(pid_t pid, const std::filesystem::path& file)
{
    std::error_code gone;
    return std::filesystem::equivalent("/proc/" + std::to_string(pid) + "/exe", file, gone);
}

/// Two components, of which an update concerns one, under 300 requests per second.
class upgrade : public daemon_test {
protected:
    void deploy_two_components()
    {
        auto web = component("web", port_);
        web["instances"] = 2;
        ASSERT_NO_FATAL_FAILURE(configure({web, component("quiet", quiet_port_, "quiet")}));
        make_image("q1", {}, "quiet");
        ASSERT_NO_FATAL_FAILURE(start_daemon());
        ASSERT_NO_FATAL_FAILURE(deploy("v1"));
        ASSERT_TRUE(ended_with(0, update("quiet")));
        for (const auto& each : containers())
            started_.emplace(each.id, started_at(docker_, each.id));
    }

    load::options load_of_300() const { return {.port = port_, .requests = {.rate = 300}}; }

    /// That these containers, of those that there were at first, were not restarted.
    void expect_untouched(const std::vector<container>& those) const
    {
        for (const auto& each : those) {
            const auto before = started_.find(each.id);
            ASSERT_NE(before, started_.end()) << each.name << " is another container";
            EXPECT_EQ(started_at(docker_, each.id), before->second) << each.name;
        }
    }

    std::uint16_t quiet_port_ = free_port();
    std::map<std::string, std::string> started_;  ///< by container
};

TEST_F(upgrade, of_gantryd_in_the_middle_of_an_update_loses_nothing_and_restarts_no_container)
{
    daemon_program_ = (directory_ / "gantryd").string();
    replace_program(GANTRYD_PROGRAM, daemon_program_);
    ASSERT_NO_FATAL_FAILURE(deploy_two_components());
    const auto proxy_before = proxy_pid();
    background_load load(load_of_300());

    // With nothing under way.
    replace_program(GANTRYD_PROGRAM, daemon_program_);
    EXPECT_FALSE(runs_file(daemon_->pid(), daemon_program_));
    stop_daemon();
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    EXPECT_TRUE(runs_file(daemon_->pid(), daemon_program_));
    EXPECT_TRUE(holds_for(1s, [&] { return running().size() == 2 && running("quiet").size() == 1; }));
    expect_untouched(containers());

    // In the middle of an update: its first container starts slowly.
    const auto v2 = make_image("v2", {{"START_DELAY_MS", "1000"}});
    ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web"})));
    ASSERT_TRUE(wait_until([&] { return running().size() == 3; })) << why();
    replace_program(GANTRYD_PROGRAM, daemon_program_);
    stop_daemon();
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_TRUE(ended_with(0, gantryd({"watch", project_, "web", "--timeout", "60s"})));
    ASSERT_TRUE(wait_until([&] { return containers().size() == 3; })) << why();
    for (const auto& each : running())
        EXPECT_EQ(each.image, v2);
    expect_untouched(running("quiet"));
    EXPECT_EQ(proxy_pid(), proxy_before);
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2"}));
}

class proxy_upgrade : public upgrade {
protected:
    void SetUp() override
    {
        upgrade::SetUp();
        proxy_program_ = directory_ / "haproxy";
        ASSERT_TRUE(std::filesystem::exists("/usr/sbin/haproxy"));
        replace_program("/usr/sbin/haproxy", proxy_program_);
        added_["GANTRYD_HAPROXY"] = proxy_program_.string();
    }

    /// The process that answers clients: the youngest but the master.
    bool runs_new_worker(pid_t master) const
    {
        const auto all = proxy_processes();
        return std::ranges::any_of(
            all, [&](pid_t each) { return each != master && runs_file(each, proxy_program_); });
    }

    std::filesystem::path proxy_program_;
};

TEST_F(proxy_upgrade, by_a_signal_to_its_master_loses_nothing)
{
    ASSERT_NO_FATAL_FAILURE(deploy_two_components());
    const auto master = proxy_pid();
    ASSERT_TRUE(master);
    background_load load(load_of_300());
    make_image("v2", {{"START_DELAY_MS", "500"}});
    ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web"})));
    ASSERT_TRUE(wait_until([&] { return running().size() == 3; })) << why();
    replace_program("/usr/sbin/haproxy", proxy_program_);
    EXPECT_FALSE(runs_file(*master, proxy_program_));
    ::kill(*master, SIGUSR2);
    ASSERT_TRUE(wait_until([&] { return runs_file(*master, proxy_program_) && runs_new_worker(*master); }));
    EXPECT_EQ(proxy_pid(), master);
    ASSERT_TRUE(ended_with(0, gantryd({"watch", project_, "web", "--timeout", "60s"})));
    EXPECT_EQ(version_at(port_), "v2");
    expect_untouched(running("quiet"));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2"}));
}

TEST_F(proxy_upgrade, comes_with_the_next_reload_too)
{
    ASSERT_NO_FATAL_FAILURE(deploy_two_components());
    const auto master = proxy_pid();
    ASSERT_TRUE(master);
    background_load load(load_of_300());
    replace_program("/usr/sbin/haproxy", proxy_program_);
    auto web = component("web", port_);
    web["instances"] = 2;
    web["ports"].as_array().push_back(
        json::object{{"external", free_port()}, {"container", 8080}, {"kind", "http"}});
    ASSERT_NO_FATAL_FAILURE(configure({web, component("quiet", quiet_port_, "quiet")}));
    ASSERT_TRUE(ended_with(0, update()));
    EXPECT_TRUE(runs_file(*master, proxy_program_));
    EXPECT_TRUE(runs_new_worker(*master));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1"}));
}

std::string replaced(std::string text, const std::map<std::string, std::string>& by)
{
    for (const auto& [name, value] : by)
        for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += value.size())
            text.replace(at, name.size(), value);
    return text;
}

std::int64_t steady_nanoseconds()
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

/// What an earlier gantryd left: its store, its ledger, its containers with their labels.
class state_of_earlier : public daemon_test {
protected:
    std::string file(const std::string& name) const
    {
        return replaced(text_of_file(GANTRYD_STATE_OF_EARLIER "/" + name), words_);
    }

    /// A container as it made them.
    container run_container(const std::string& release, const std::string& image)
    {
        auto record = file("record_" + release + ".json");
        record.pop_back();  // the end of the line
        const auto name = project_ + "-web-" + release + "-1";
        docker_.run({"run", "--detach", "--name", name, "--label", "io.gantryd.project=" + project_,
            "--label", "io.gantryd.component=web", "--label", "io.gantryd.release=" + release, "--label",
            "io.gantryd.spec=" + spec_hash_, "--label", "io.gantryd.record=" + record, image});
        const auto all = containers();
        return *std::ranges::find(all, name, &container::name);
    }

    void make_database(const std::string& name) const
    {
        SQLite::Database made(
            (state_directory() / (name + ".db")).string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        made.exec(file(name + ".sql"));
    }

    /// An update from release 1 to 2 that is live, and of which the old container still drains.
    void SetUp() override
    {
        daemon_test::SetUp();
        words_ = {{"@PROJECT@", project_}, {"@PORT@", std::to_string(port_)},
            {"@MACHINE@", "97c756a6b430d38ace76869b"}, {"@OLD_IMAGE@", make_image("v1")},
            {"@IMAGE@", make_image("v2")}};
        auto boot = text_of_file("/proc/sys/kernel/random/boot_id");
        boot.pop_back();
        words_["@BOOT@"] = boot;
        old_ = run_container("1", words_.at("@OLD_IMAGE@"));
        current_ = run_container("2", words_.at("@IMAGE@"));
        const auto now = steady_nanoseconds();
        words_["@OLD_CONTAINER@"] = old_.id;
        words_["@CONTAINER@"] = current_.id;
        words_["@OLD_ADDRESS@"] = old_.address;
        words_["@ADDRESS@"] = current_.address;
        words_["@STARTED@"] = std::to_string(now);
        words_["@DRAIN_BEGAN@"] = std::to_string(now);
        std::filesystem::create_directories(state_directory());
        std::filesystem::permissions(state_directory(), std::filesystem::perms::owner_all);
        std::ofstream(state_directory() / "machine-id") << words_.at("@MACHINE@") << '\n';
        make_database("store");
        make_database("ledger");
    }

    std::map<std::string, std::string> words_;
    std::string spec_hash_ = "7b1e73b29c4059862d827cdb14056c325e6358d545cf459e94db40489cb7b52b";
    container old_;
    container current_;
};

TEST_F(state_of_earlier, is_read_and_goes_on)
{
    const auto started = started_at(docker_, current_.id);
    auto kept = connection::to(8081, old_.address);
    ASSERT_TRUE(kept);
    ASSERT_TRUE(kept->echoes("before"));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_TRUE(wait_until([&] { return version_at(port_) == "v2"; })) << why();

    // The drain goes on, and did not begin anew.
    EXPECT_TRUE(wait_until([&] { return has(why(), "1 direct"); })) << why();
    EXPECT_TRUE(kept->echoes("after"));
    EXPECT_FALSE(has(daemon_log(), "drain begun"));
    kept.reset();
    ASSERT_TRUE(wait_until([&] { return containers().size() == 1; })) << why();
    EXPECT_EQ(containers().at(0).id, current_.id);
    EXPECT_EQ(started_at(docker_, current_.id), started);

    // What was is known, and what comes goes on from there.
    EXPECT_TRUE(has(gantryd({"list", project_}).out, "ready"));
    EXPECT_TRUE(has(gantryd({"events", project_}).out, "release 2 is live"));
    ASSERT_NO_FATAL_FAILURE(deploy("v3"));
    ASSERT_TRUE(ended_with(0, gantryd({"rollback", project_, "-c", "web", "-r", "1", "--wait"})));
    EXPECT_EQ(version_at(port_), "v1");
    const auto told = gantryd({"history", project_, "web", "-o", "json"});
    EXPECT_EQ(json::parse(told.out).at("releases").as_array().size(), 4U) << told.out;
}

TEST_F(state_of_earlier, of_a_later_format_is_refused_and_left_alone)
{
    const auto path = state_directory() / "store.db";
    SQLite::Database(path.string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 2");
    const auto before = text_of_file(path);
    for (const auto& words :
        {std::vector<std::string>{"run", project_}, {"list", project_}, {"update", project_, "-c", "web"}}) {
        const auto done = gantryd(words, 20s);
        EXPECT_TRUE(ended_with(1, done)) << words[0];
        EXPECT_TRUE(has(done.err, "store.db has format 2; this gantryd knows format 1")) << words[0];
    }
    EXPECT_EQ(text_of_file(path), before);
    EXPECT_EQ(running().size(), 2U);
}

TEST_F(state_of_earlier, whose_ledger_is_of_a_later_format_sets_that_aside)
{
    const auto path = state_directory() / "ledger.db";
    SQLite::Database(path.string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 2");
    const auto before = text_of_file(path);
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_TRUE(wait_until([&] { return version_at(port_) == "v2"; })) << why();
    EXPECT_TRUE(has(daemon_log(), "ledger set aside"));
    EXPECT_EQ(text_of_file(path.string() + ".unreadable"), before);
    EXPECT_EQ(running().at(0).id, current_.id);
}

}  // namespace
}  // namespace gantryd::integration
