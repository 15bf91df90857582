#include "daemon_test.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <system_error>
#include <thread>

namespace json = boost::json;

namespace gantryd::integration {
namespace {

/// "db" exports link "data", "web" imports it as "store".
class links : public daemon_test {
protected:
    json::object db() const
    {
        auto out = component("db", 1, "db");
        out.erase("ports");
        out["defineComponentLinks"] =
            json::array{json::object{{"name", "data"}, {"port", 8080}, {"kind", "http"}}};
        return out;
    }

    json::object web() const
    {
        auto out = component("web", port_);
        out["requireComponentLinks"] = json::array{json::object{{"name", "data"}, {"alias", "store"}}};
        return out;
    }

    void make_db(const std::string& version, settings more = {})
    {
        make_image(version, std::move(more), "db");
    }

    /// Both live, released in one go, and the link's address known.
    void deploy_both()
    {
        ASSERT_NO_FATAL_FAILURE(configure({web(), db()}));
        ASSERT_NO_FATAL_FAILURE(start_daemon());
        make_image("web1");
        make_db("db1");
        ASSERT_TRUE(
            ended_with(0, gantryd({"update", project_, "-c", "web", "db", "--wait", "--timeout", "60s"})));
        ASSERT_EQ(version_at(port_), "web1");
        read_address();
    }

    void read_address()
    {
        host_ = in_web("STORE_CLINK_8080_HTTP_ADDR");
        const auto port = in_web("STORE_CLINK_8080_HTTP_PORT");
        ASSERT_FALSE(port.empty());
        link_ = static_cast<std::uint16_t>(std::stoi(port));
    }

    /// The variable as web's own process has it; "" when it is not set.
    std::string in_web(const std::string& variable) const
    {
        const auto answer = ask(port_, "GET", "/env?" + variable);
        return answer && answer->status == 200 ? answer->body.substr(0, answer->body.find('\n')) : "";
    }

    /// Does something in the network of web's container, as its own processes would.
    void in_network_of_web(const std::function<void()>& work) const
    {
        const auto path = "/proc/" + std::to_string(running("web").at(0).pid) + "/ns/net";
        // A thread has a network of its own when it asks for one; those that it starts have it, too.
        std::thread([&] {
            const int network = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
            EXPECT_EQ(::setns(network, CLONE_NEWNET), 0)
                << path << ": " << std::generic_category().message(errno);
            ::close(network);
            work();
        }).join();
    }

    /// The version that answers at the link there.
    std::string seen_by_web() const
    {
        std::optional<reply> answer;
        in_network_of_web([&] { answer = ask_at(host_, link_, "GET", "/"); });
        return answer && answer->status == 200 ? answer->body.substr(0, answer->body.find('\n')) : "";
    }

    /// 500 requests per second to the link, half of them over kept connections.
    load::options load_at_link() const
    {
        return {.address = host_, .port = link_, .requests = {.rate = 500}};
    }

    /// web's container and when it was started.
    std::string identity_of_web() const
    {
        const auto all = running("web");
        return all.size() == 1
                   ? docker_.run({"inspect", "--format", "{{.Id}} {{.State.StartedAt}}", all[0].id})
                   : std::to_string(all.size()) + " containers";
    }

    bool told(const std::string& component, const std::string& text) const
    {
        return why(component).find(text) != std::string::npos;
    }

    std::string host_;
    std::uint16_t link_ = 0;
};

TEST_F(links, importers_start_after_their_exporters_and_find_them_by_their_environment)
{
    ASSERT_NO_FATAL_FAILURE(deploy_both());
    const auto importer = docker_.inspect(running("web").at(0).id);
    const auto exporter = docker_.inspect(running("db").at(0).id);
    EXPECT_LT(
        exporter.at_pointer("/State/StartedAt").as_string(), importer.at_pointer("/Created").as_string());

    EXPECT_EQ(host_, exporter.at_pointer("/NetworkSettings/Gateway").as_string());
    const auto uri = "http://" + host_ + ":" + std::to_string(link_);
    EXPECT_EQ(in_web("STORE_CLINK"), uri);
    EXPECT_EQ(in_web("STORE_CLINK_8080_HTTP"), uri);
    EXPECT_EQ(in_web("STORE_CLINK_8080_HTTP_PROTO"), "http");
    EXPECT_EQ(seen_by_web(), "db1");
    EXPECT_FALSE(connection::to(link_)) << "it listens where containers reach it, and nowhere else";
}

TEST_F(links, an_exporter_is_updated_under_traffic_and_its_importer_does_not_notice)
{
    ASSERT_NO_FATAL_FAILURE(deploy_both());
    const auto before = identity_of_web();
    const auto uri = in_web("STORE_CLINK");
    background_load from_the_machine(load_at_link());
    std::unique_ptr<background_load> from_web;
    in_network_of_web([&] { from_web = std::make_unique<background_load>(load_at_link()); });
    for (const auto* version : {"db2", "db3", "db4"}) {
        make_db(version);
        ASSERT_TRUE(ended_with(0, update("db")));
    }
    EXPECT_EQ(seen_by_web(), "db4");
    EXPECT_TRUE(lost_nothing(from_the_machine.finish(), {"db1", "db2", "db3", "db4"}));
    EXPECT_TRUE(lost_nothing(from_web->finish(), {"db1", "db2", "db3", "db4"}));
    EXPECT_EQ(identity_of_web(), before);
    EXPECT_EQ(in_web("STORE_CLINK"), uri);
}

TEST_F(links, a_stream_over_a_link_lives_on_in_the_old_exporter_until_it_ends)
{
    auto echo = db();
    echo["defineComponentLinks"] =
        json::array{json::object{{"name", "data"}, {"port", 8080}, {"kind", "http"}},
            json::object{{"name", "echo"}, {"port", 8081}}};
    echo["drain"] = json::object{{"timeout", "60s"}};
    auto importer = web();
    importer["requireComponentLinks"].as_array().push_back(json::object{{"name", "echo"}, {"alias", "echo"}});
    ASSERT_NO_FATAL_FAILURE(configure({importer, echo}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    make_image("web1");
    make_db("db1");
    ASSERT_TRUE(
        ended_with(0, gantryd({"update", project_, "-c", "web", "db", "--wait", "--timeout", "60s"})));
    ASSERT_NO_FATAL_FAILURE(read_address());
    EXPECT_TRUE(in_web("ECHO_CLINK_8081_TCP").starts_with("tcp://" + host_));
    const auto old_one = running("db").at(0).id;
    {
        auto stream =
            connection::to(static_cast<std::uint16_t>(std::stoi(in_web("ECHO_CLINK_8081_TCP_PORT"))), host_);
        ASSERT_TRUE(stream);
        ASSERT_TRUE(stream->echoes("before"));
        make_db("db2");
        ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "db"})));
        ASSERT_TRUE(wait_until([&] { return seen_by_web() == "db2"; })) << why("db");
        EXPECT_TRUE(holds_for(1s, [&] { return stream->echoes("during"); }));
        ASSERT_EQ(running("db").size(), 2U) << "the old one lives as long as its connection";
        EXPECT_TRUE(told("db", "draining")) << why("db");
    }
    EXPECT_TRUE(wait_until([&] { return running("db").size() == 1 && running("db").at(0).id != old_one; }))
        << why("db");
}

TEST_F(links, a_dead_exporter_is_replaced_behind_the_same_address)
{
    ASSERT_NO_FATAL_FAILURE(deploy_both());
    const auto before = identity_of_web();
    const auto victim = running("db").at(0);
    docker_.run({"kill", victim.id});
    ASSERT_TRUE(wait_until([&] { return running("db").size() == 1 && running("db").at(0).id != victim.id; }));
    EXPECT_TRUE(wait_until([&] { return seen_by_web() == "db1"; })) << why("db");
    EXPECT_EQ(identity_of_web(), before);
}

TEST_F(links, an_exporter_that_flaps_is_told_and_leaves_its_importer_alone)
{
    ASSERT_NO_FATAL_FAILURE(deploy_both());
    const auto before = identity_of_web();
    bool seen_down = false;
    bool seen_loop = false;
    for (int n = 0; n < 15 && !(seen_down && seen_loop); ++n) {
        docker_.run({"kill", running("db").at(0).id});
        ASSERT_TRUE(wait_until([&] {
            seen_down = seen_down || told("web", "link_down");
            seen_loop = seen_loop || told("db", "crash_loop");
            return running("db").size() == 1;
        })) << why("db");
    }
    EXPECT_TRUE(seen_down);
    EXPECT_TRUE(seen_loop);
    EXPECT_EQ(version_at(port_), "web1");
    EXPECT_TRUE(wait_until([&] { return seen_by_web() == "db1"; }, 30s)) << why("db");
    EXPECT_EQ(identity_of_web(), before);
    EXPECT_TRUE(wait_until([&] { return !told("web", "link_down"); })) << why("web");
}

TEST_F(links, a_stopped_exporter_takes_down_no_importer_that_runs)
{
    ASSERT_NO_FATAL_FAILURE(deploy_both());
    const auto before = identity_of_web();
    ASSERT_TRUE(ended_with(0, gantryd({"stop", project_, "-c", "db", "--wait"})));
    EXPECT_TRUE(wait_until([&] { return told("web", "link_down"); }));
    EXPECT_TRUE(has(why("web"), "component db is stopped"));
    EXPECT_TRUE(has(why("web"), "gantryd update " + project_ + " -c db"));
    EXPECT_TRUE(holds_for(2s, [&] { return version_at(port_) == "web1"; }));
    ASSERT_TRUE(ended_with(0, update("db")));
    EXPECT_EQ(seen_by_web(), "db1");
    EXPECT_EQ(identity_of_web(), before);
}

TEST_F(links, a_missing_exporter_is_told_and_ends_the_trial_at_its_deadline)
{
    auto patient = web();
    patient["readyTimeout"] = "4s";
    ASSERT_NO_FATAL_FAILURE(configure({patient, db()}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    make_image("web1");
    make_db("db1");
    ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web"})));
    ASSERT_TRUE(wait_until([&] { return told("web", "waiting_link"); })) << why();
    EXPECT_TRUE(has(why(), "link \"data\" is not served"));
    EXPECT_TRUE(has(why(), "at the latest; then the release counts as failed"));
    ASSERT_TRUE(wait_until([&] { return told("web", "release_failed"); })) << why();
    EXPECT_TRUE(has(why(), "link \"data\" is not served"));
    EXPECT_EQ(containers().size(), 0U);

    ASSERT_TRUE(ended_with(0, update("db")));
    ASSERT_TRUE(ended_with(0, update("web")));
    ASSERT_NO_FATAL_FAILURE(read_address());
    EXPECT_EQ(seen_by_web(), "db1");
}

TEST_F(links, the_address_outlives_the_ledger)
{
    ASSERT_NO_FATAL_FAILURE(deploy_both());
    const auto uri = in_web("STORE_CLINK");
    const auto before = identity_of_web();
    background_load load(load_at_link());
    ASSERT_NO_FATAL_FAILURE(kill_daemon());
    for (const auto* suffix : {"", "-wal", "-shm", "-changed"})
        std::filesystem::remove(state_directory() / (std::string("ledger.db") + suffix));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    make_db("db2");
    ASSERT_TRUE(ended_with(0, update("db")));
    EXPECT_EQ(seen_by_web(), "db2");
    EXPECT_TRUE(lost_nothing(load.finish(), {"db1", "db2"}));
    EXPECT_EQ(identity_of_web(), before);
    ASSERT_TRUE(ended_with(0, gantryd({"stop", project_, "-c", "web", "--wait"})));
    ASSERT_TRUE(ended_with(0, update("web")));
    EXPECT_EQ(in_web("STORE_CLINK"), uri) << "a new importer is told the same address";
}

TEST_F(links, after_all_containers_died_exporters_come_first)
{
    ASSERT_NO_FATAL_FAILURE(deploy_both());
    const auto uri = in_web("STORE_CLINK");
    ASSERT_NO_FATAL_FAILURE(kill_daemon());
    docker_.run({"kill", running("web").at(0).id, running("db").at(0).id});
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_TRUE(wait_until([&] { return version_at(port_) == "web1"; }, 40s)) << why();
    const auto importer = docker_.inspect(running("web").at(0).id);
    const auto exporter = docker_.inspect(running("db").at(0).id);
    EXPECT_LT(
        exporter.at_pointer("/State/StartedAt").as_string(), importer.at_pointer("/Created").as_string());
    EXPECT_EQ(in_web("STORE_CLINK"), uri);
    EXPECT_EQ(seen_by_web(), "db1");
}

TEST_F(links, a_port_that_somebody_took_is_named_and_taken_back)
{
    ASSERT_NO_FATAL_FAILURE(deploy_both());
    ASSERT_NO_FATAL_FAILURE(kill_daemon());
    const auto master = proxy_pid();
    ASSERT_TRUE(master);
    ::kill(*master, SIGKILL);
    ASSERT_TRUE(wait_until([&] { return proxy_processes().empty(); }));
    {
        const port_holder somebody(link_);
        ASSERT_NO_FATAL_FAILURE(start_daemon());
        ASSERT_TRUE(wait_until([&] { return told("db", "port_taken"); })) << why("db");
        EXPECT_TRUE(has(why("db"), std::to_string(link_)));
        EXPECT_TRUE(told("web", "link_down"));
        EXPECT_TRUE(wait_until([&] { return version_at(port_) == "web1"; })) << "all other ports work";
    }
    EXPECT_TRUE(wait_until([&] { return seen_by_web() == "db1"; }, 40s)) << why("db");
}

TEST_F(links, work_in_the_one_machine_tool)
{
    const auto file = write_project({web(), db()});
    make_image("web1");
    make_db("db1");
    const auto refused = gantry({file, "start", "web"});
    EXPECT_TRUE(ended_with(1, refused));
    EXPECT_TRUE(has(refused.err, "Component link \"data\" cannot be setup: Component \"db\" is not running"));
    ASSERT_TRUE(ended_with(0, gantry({file, "start", "db"})));
    ASSERT_TRUE(ended_with(0, gantry({file, "start", "web"})));
    ASSERT_NO_FATAL_FAILURE(read_address());
    EXPECT_EQ(seen_by_web(), "db1");
    const auto before = identity_of_web();

    background_load load(load_at_link());
    make_db("db2");
    ASSERT_TRUE(ended_with(0, gantry({file, "update", "db"})));
    EXPECT_EQ(seen_by_web(), "db2");
    EXPECT_TRUE(lost_nothing(load.finish(), {"db1", "db2"}));
    EXPECT_EQ(identity_of_web(), before);
}

}  // namespace
}  // namespace gantryd::integration
