#include "rig.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>

using namespace gantryd::haproxy;
using namespace std::chrono_literals;
using gantryd::model::port_kind;
using speaks = test_server::speaks;

namespace {

/// The only server there is refuses every connection: HAProxy waits a second and tries again, up to three
/// times, while with no server at all it would answer 503 at once.
constexpr std::uint16_t nobody_listens = 1;

struct held_answer {
    std::string text;
    std::chrono::milliseconds took{0};
};

held_answer timed(const std::function<std::string()>& what)
{
    const auto began = std::chrono::steady_clock::now();
    auto text = what();
    return {std::move(text),
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began)};
}

/// What a client gets that comes while the route is held, when a server follows 700 ms later.
held_answer answer_when_held(port_kind kind, const std::function<std::string(std::uint16_t)>& client)
{
    rig r;
    test_server next(kind == port_kind::http ? speaks::http : speaks::lines, "next");
    auto route = route_on("web_1", free_port(), kind, {serving(nobody_listens), {}});
    const auto held = r.update({route});
    EXPECT_TRUE(held && held->routes.at(route.id)[0].up);
    auto answer = std::async(std::launch::async, [&] { return timed([&] { return client(route.port); }); });
    std::this_thread::sleep_for(700ms);  // HAProxy counts in real time
    route.slots = {{}, serving(next.port())};
    EXPECT_TRUE(r.update({route}));
    return answer.get();
}

}  // namespace

TEST(haproxy_hold, an_http_request_waits_for_the_replacement)
{
    const auto got = answer_when_held(port_kind::http, [](auto port) { return test_client(port).request(); });
    EXPECT_EQ(got.text, "200 next");
    EXPECT_LT(got.took, 3s);
    EXPECT_GE(got.took, 700ms);
}

TEST(haproxy_hold, so_does_one_that_must_not_be_sent_twice)
{
    const auto got =
        answer_when_held(port_kind::http, [](auto port) { return test_client(port).request("POST"); });
    EXPECT_EQ(got.text, "200 next");
    EXPECT_LT(got.took, 3s);
}

TEST(haproxy_hold, so_does_a_tcp_connection)
{
    const auto got = answer_when_held(port_kind::tcp, [](auto port) { return test_client(port).say("x"); });
    EXPECT_EQ(got.text, "next: x");
    EXPECT_LT(got.took, 3s);
}

TEST(haproxy_hold, a_wait_in_vain_ends_after_three_seconds)
{
    rig r;
    const auto route = route_on("web_1", free_port(), port_kind::http, {serving(nobody_listens), {}});
    ASSERT_TRUE(r.update({route}));
    const auto got = timed([&] { return test_client(route.port).request(); });
    EXPECT_TRUE(got.text.starts_with("503")) << got.text;
    EXPECT_GE(got.took, 2900ms);
    EXPECT_LT(got.took, 5s);
}
