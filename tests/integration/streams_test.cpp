#include "daemon_test.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <list>
#include <random>
#include <thread>

// Connections that last: what happens to them when their instance is replaced, and what an operator sees.

namespace json = boost::json;

namespace gantryd::integration {
namespace {

json::object port_mapping(std::uint16_t external, std::uint16_t container, const char* kind)
{
    return json::object{{"external", external}, {"container", container}, {"kind", kind}};
}

/// A connection made from within the network of a process.
std::optional<connection> connect_from(pid_t pid, std::uint16_t port, const std::string& address)
{
    std::optional<connection> out;
    std::thread visitor([&] {
        const auto path = "/proc/" + std::to_string(pid) + "/ns/net";
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (::setns(fd, CLONE_NEWNET) == 0)
            out.emplace(std::move(*connection::to(port, address)));
        ::close(fd);
    });
    visitor.join();
    return out;
}

/// Sends blocks that never repeat and expects every byte back.
class stream {
public:
    explicit stream(connection to) : to_(std::move(to)) {}

    bool goes_on()
    {
        std::string block(20'000, '\0');
        for (auto& c : block)
            c = static_cast<char>(bytes_());
        return to_.echoes(block);
    }

    bool has_ended() { return !to_.echoes("?"); }

private:
    connection to_;
    std::minstd_rand bytes_{4711};
};

class streams : public daemon_test {
protected:
    /// "web" on port_ and, in TCP mode, on echo_.
    json::object web(const std::string& timeout = "60s", const std::string& on_timeout = "kill")
    {
        auto out = component("web", port_);
        out["drain"] = json::object{{"timeout", timeout}, {"onTimeout", on_timeout}};
        out.at("ports").as_array().push_back(port_mapping(echo_, 8081, "tcp"));
        return out;
    }

    void deploy_first(const json::object& what)
    {
        ASSERT_NO_FATAL_FAILURE(configure({what}));
        ASSERT_NO_FATAL_FAILURE(start_daemon());
        ASSERT_NO_FATAL_FAILURE(deploy("v1"));
    }

    /// Makes release `number`, which answers "v<number>", and waits until it alone gets new connections; what
    /// drains goes on draining.
    void replace_with(int number)
    {
        make_image("v" + std::to_string(number));
        ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web"})));
        ASSERT_TRUE(wait_until([&] { return serving() == std::vector<std::int64_t>{number}; })) << why();
    }

    void open(std::list<stream>& into)
    {
        auto tcp = connection::to(echo_);
        ASSERT_TRUE(tcp);
        auto upgraded = connection::to(port_);
        ASSERT_TRUE(upgraded);
        ASSERT_TRUE(upgraded->upgrade());
        into.emplace_back(std::move(*tcp));
        into.emplace_back(std::move(*upgraded));
    }

    std::string status() const { return gantryd({"status", project_, "web"}).out; }

    std::vector<json::value> instances() const
    {
        std::vector<json::value> out;
        const auto told = json::parse(gantryd({"status", project_, "web", "-o", "json"}).out);
        for (const auto& machine : told.at("components").at(0).at("machines").as_array())
            for (const auto& i : machine.at("instances").as_array())
                out.push_back(i);
        return out;
    }

    /// The releases of the instances that serve.
    std::vector<std::int64_t> serving() const
    {
        std::vector<std::int64_t> out;
        for (const auto& i : instances())
            if (i.at("state") == "serving")
                out.push_back(i.at("release").as_int64());
        return out;
    }

    /// What `status -o json` says of the connections of the instance that drains.
    json::value numbers() const
    {
        for (const auto& i : instances())
            if (const auto* found = i.as_object().if_contains("draining"))
                return *found;
        return nullptr;
    }

    bool shows(const std::string& text) const
    {
        return wait_until([&] { return status().find(text) != std::string::npos; });
    }

    bool is_alone() const
    {
        return wait_until([&] { return containers().size() == 1; });
    }

    std::uint16_t echo_ = free_port();
};

TEST_F(streams, a_client_that_bypasses_the_proxy_holds_the_drain_and_is_shown)
{
    ASSERT_NO_FATAL_FAILURE(deploy_first(web()));
    const auto address = containers().at(0).address;
    auto direct = connection::to(8080, address);
    ASSERT_TRUE(direct);
    ASSERT_TRUE(direct->request("/").ends_with("v1\n"));
    {
        background_load load(port_);  // leaves idle connections of HAProxy's to the old instance
        ASSERT_NO_FATAL_FAILURE(replace_with(2));
        EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v2"}));
    }
    EXPECT_TRUE(shows("draining 1: 0 http, 0 tunnels, 0 via old worker, 1 direct")) << status();
    EXPECT_TRUE(has(why(), "1 direct"));
    EXPECT_EQ(numbers(), (json::object{{"http", 0}, {"tunnels", 0}, {"viaOldWorker", 0}, {"direct", 1}}));
    EXPECT_TRUE(holds_for(1s, [&] { return direct->request("/").ends_with("v1\n"); }));
    EXPECT_EQ(running().size(), 2U);
    direct.reset();
    EXPECT_TRUE(is_alone()) << why();
}

TEST_F(streams, a_client_in_another_container_is_direct_and_the_container_itself_is_not)
{
    ASSERT_NO_FATAL_FAILURE(deploy_first(web()));
    const auto old_one = containers().at(0);
    auto itself = connect_from(old_one.pid, 8080, old_one.address);
    ASSERT_TRUE(itself);
    auto loopback = connect_from(old_one.pid, 8081, "127.0.0.1");
    ASSERT_TRUE(loopback);
    std::list<stream> held;
    ASSERT_NO_FATAL_FAILURE(open(held));  // until the new one can be connected from
    ASSERT_NO_FATAL_FAILURE(replace_with(2));
    const auto all = running();
    ASSERT_EQ(all.size(), 2U);
    const auto& other = all.at(0).id == old_one.id ? all.at(1) : all.at(0);
    auto direct = connect_from(other.pid, 8081, old_one.address);
    ASSERT_TRUE(direct);
    held.clear();
    EXPECT_TRUE(shows("draining 1: 0 http, 0 tunnels, 0 via old worker, 1 direct")) << status();
    EXPECT_TRUE(direct->echoes("still there"));
    EXPECT_TRUE(itself->request("/").ends_with("v1\n"));
    EXPECT_TRUE(loopback->echoes("me too"));
    direct.reset();
    EXPECT_TRUE(is_alone()) << why();
}

TEST_F(streams, the_daemons_own_checks_are_not_clients)
{
    auto what = web();
    // One of these is nearly always under way.
    what["terminationChecks"] = json::array{json::object{
        {"kind", "http"}, {"port", 8080}, {"path", "/slow?ms=700"}, {"interval", "50ms"}, {"timeout", "5s"}}};
    ASSERT_NO_FATAL_FAILURE(deploy_first(what));
    std::list<stream> held;
    ASSERT_NO_FATAL_FAILURE(open(held));
    ASSERT_NO_FATAL_FAILURE(replace_with(2));
    EXPECT_TRUE(shows("draining 2: 0 http, 2 tunnels, 0 via old worker, 0 direct")) << status();
    EXPECT_TRUE(holds_for(4s, [&] { return status().find(" 0 direct") != std::string::npos; })) << status();
    held.clear();
    EXPECT_TRUE(is_alone()) << why();
}

TEST_F(streams, live_on_byte_for_byte_across_an_update_and_a_reload)
{
    ASSERT_NO_FATAL_FAILURE(deploy_first(web()));
    std::list<stream> open_ones;
    ASSERT_NO_FATAL_FAILURE(open(open_ones));
    const auto all_go_on = [&] { return std::ranges::all_of(open_ones, &stream::goes_on); };
    ASSERT_TRUE(all_go_on());
    ASSERT_NO_FATAL_FAILURE(replace_with(2));
    EXPECT_TRUE(shows("draining 2: 0 http, 2 tunnels, 0 via old worker, 0 direct")) << status();
    EXPECT_TRUE(all_go_on());

    // Another port needs a reload: then the streams are an old worker's.
    auto more = web();
    more.at("ports").as_array().push_back(port_mapping(free_port(), 8080, "http"));
    ASSERT_NO_FATAL_FAILURE(configure({more}));
    ASSERT_NO_FATAL_FAILURE(replace_with(3));
    EXPECT_TRUE(shows("draining 2: 0 http, 2 tunnels, 2 via old worker, 0 direct")) << status();
    EXPECT_EQ(numbers(), (json::object{{"http", 0}, {"tunnels", 2}, {"viaOldWorker", 2}, {"direct", 0}}));
    EXPECT_TRUE(holds_for(2s, all_go_on));
    EXPECT_EQ(running().size(), 2U);

    open_ones.pop_back();
    EXPECT_TRUE(shows("draining 1: 0 http, 1 tunnels, 1 via old worker, 0 direct")) << status();
    EXPECT_TRUE(all_go_on());
    open_ones.clear();
    EXPECT_TRUE(is_alone()) << why();
}

TEST_F(streams, a_request_under_way_is_not_a_tunnel)
{
    ASSERT_NO_FATAL_FAILURE(deploy_first(web()));
    auto slow = connection::to(port_);
    ASSERT_TRUE(slow);
    ASSERT_TRUE(slow->send("GET /slow?ms=6000 HTTP/1.1\r\nHost: test\r\n\r\n"));
    std::list<stream> open_ones;
    ASSERT_NO_FATAL_FAILURE(open(open_ones));
    ASSERT_NO_FATAL_FAILURE(replace_with(2));
    EXPECT_TRUE(shows("draining 3: 1 http, 2 tunnels, 0 via old worker, 0 direct")) << status();
    EXPECT_TRUE(slow->receive(12, 10s).starts_with("HTTP/1.1 200"));
    EXPECT_TRUE(shows("draining 2: 0 http, 2 tunnels, 0 via old worker, 0 direct")) << status();
    open_ones.clear();
    EXPECT_TRUE(is_alone()) << why();
}

TEST_F(streams, are_cut_at_the_deadline_when_the_rule_is_to_kill)
{
    ASSERT_NO_FATAL_FAILURE(deploy_first(web("2s", "kill")));
    std::list<stream> open_ones;
    ASSERT_NO_FATAL_FAILURE(open(open_ones));
    ASSERT_NO_FATAL_FAILURE(replace_with(2));
    EXPECT_TRUE(is_alone()) << why();
    EXPECT_TRUE(std::ranges::all_of(open_ones, &stream::has_ended));
    EXPECT_EQ(version_at(port_), "v2");
}

TEST_F(streams, are_kept_beyond_the_deadline_when_that_is_the_rule_and_why_says_so)
{
    ASSERT_NO_FATAL_FAILURE(deploy_first(web("1s", "keep")));
    std::list<stream> open_ones;
    ASSERT_NO_FATAL_FAILURE(open(open_ones));
    ASSERT_NO_FATAL_FAILURE(replace_with(2));
    EXPECT_TRUE(shows("drain_kept")) << status();
    EXPECT_TRUE(has(why(), "it is kept until they end"));
    EXPECT_TRUE(has(why(), "draining 2: 0 http, 2 tunnels"));
    EXPECT_TRUE(holds_for(
        3s, [&] { return std::ranges::all_of(open_ones, &stream::goes_on) && running().size() == 2; }));
    open_ones.clear();
    EXPECT_TRUE(is_alone()) << why();
}

TEST_F(streams, five_updates_in_a_row_drain_side_by_side)
{
    ASSERT_NO_FATAL_FAILURE(deploy_first(web("120s")));
    std::list<stream> open_ones;
    for (int number = 2; number <= 6; ++number) {
        ASSERT_NO_FATAL_FAILURE(open(open_ones));
        ASSERT_NO_FATAL_FAILURE(replace_with(number));
    }
    ASSERT_TRUE(wait_until([&] { return running().size() == 6; })) << why();
    EXPECT_TRUE(std::ranges::all_of(open_ones, &stream::goes_on));
    EXPECT_EQ(version_at(port_), "v6");
    // Two streams each; the third one's end first.
    for (const std::size_t left : {5U, 4U, 3U, 2U, 1U}) {
        const auto which = std::next(open_ones.begin(), left == 5 ? 4 : 0);
        open_ones.erase(which, std::next(which, 2));
        EXPECT_TRUE(wait_until([&] { return containers().size() == left; })) << why();
        EXPECT_TRUE(std::ranges::all_of(open_ones, &stream::goes_on));
    }
}

TEST_F(streams, a_kept_http_connection_is_moved_over_without_an_error)
{
    ASSERT_NO_FATAL_FAILURE(deploy_first(web()));
    auto client = connection::to(port_);
    ASSERT_TRUE(client);
    ASSERT_TRUE(client->request("/").ends_with("v1\n"));
    ASSERT_NO_FATAL_FAILURE(replace_with(2));
    EXPECT_TRUE(client->request("/").ends_with("v2\n")) << "over the same connection";
    EXPECT_TRUE(is_alone()) << "an idle client holds nothing: " << why();
    EXPECT_TRUE(client->request("/").ends_with("v2\n"));
}

}  // namespace
}  // namespace gantryd::integration
