#include <gantryd/http/exchange.hpp>
#include <gantryd/http/fake_stream.hpp>
#include <gantryd/runtime/simulation.hpp>

#include <gtest/gtest.h>

#include <optional>

namespace asio = boost::asio;
namespace http = gantryd::http;
namespace runtime = gantryd::runtime;
using gantryd::http_testing::fake_stream;
using namespace std::chrono_literals;

TEST(response_reader, gives_the_bytes_of_an_endless_body_as_they_come)
{
    runtime::simulation sim;
    fake_stream stream(sim.loop.get_executor());
    http::response_reader reader(stream);
    stream.deliver("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: 1\r\n\r\n");
    auto header = sim.outcome_after(0s, reader.read_header());
    ASSERT_TRUE(header && *header);
    EXPECT_EQ((*header)->status, 200);
    EXPECT_EQ((*header)->reason, "OK");
    EXPECT_EQ((*header)->header("X"), "1");
    EXPECT_EQ((*header)->body, "");

    std::vector<std::string> events;
    const auto follow = [&]() -> asio::awaitable<int> {
        for (;;) {
            auto bytes = co_await reader.read_body();
            if (!bytes)
                co_return -1;
            if (bytes->empty())
                co_return 0;
            events.push_back(std::move(*bytes));
        }
    };
    auto result = std::make_shared<std::optional<int>>();
    const auto keep = [&]() -> asio::awaitable<void> { *result = co_await follow(); };
    sim.start(keep());
    sim.clock.settle();
    EXPECT_TRUE(events.empty());

    stream.deliver("6\r\nevent\n\r\n");
    sim.clock.settle();
    EXPECT_EQ(events, (std::vector<std::string>{"event\n"}));
    stream.deliver("4\r\nha");  // half a chunk
    sim.clock.settle();
    EXPECT_EQ(events.back(), "ha");
    stream.deliver("lf\r\n3\r\none\r\n3\r\ntwo\r\n");  // several chunks at once
    sim.clock.settle();
    EXPECT_EQ(events, (std::vector<std::string>{"event\n", "ha", "lfonetwo"}));
    EXPECT_FALSE(*result);
    stream.deliver("0\r\n\r\n");
    sim.clock.settle();
    ASSERT_TRUE(*result);
    EXPECT_EQ(**result, 0);
}

TEST(response_reader, stays_at_the_end_of_a_complete_body)
{
    runtime::simulation sim;
    fake_stream stream(sim.loop.get_executor());
    http::response_reader reader(stream);
    stream.deliver("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    auto header = sim.outcome_after(0s, reader.read_header());
    ASSERT_TRUE(header && *header);
    auto body = sim.outcome_after(0s, reader.read_body());
    ASSERT_TRUE(body && *body);
    EXPECT_EQ(**body, "ok");
    for (int i = 0; i < 2; ++i) {
        auto end = sim.outcome_after(0s, reader.read_body());
        ASSERT_TRUE(end && *end);
        EXPECT_EQ(**end, "");
    }
}
