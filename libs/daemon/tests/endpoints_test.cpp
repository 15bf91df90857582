#include "fleet.hpp"

#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <gtest/gtest.h>

namespace gantryd::daemon {
namespace {

/// The keys of all endpoints, without the project's prefix, and their values.
std::map<std::string, store::key_value> endpoints_in(fleet& f)
{
    const std::string prefix = "/gantryd/projects/shop/endpoints/";
    const auto all = f.sim.outcome_after(0ms, f.books->list(prefix, f.sim.clock.now() + 5s));
    if (!all || !*all)
        throw std::logic_error("a store in memory answers at once");
    std::map<std::string, store::key_value> out;
    for (const auto& pair : (*all)->pairs)
        out[pair.key.substr(prefix.size())] = pair;
    return out;
}

names keys(fleet& f)
{
    names out;
    for (const auto& [key, pair] : endpoints_in(f))
        out.insert(key);
    return out;
}

TEST(the_endpoints, are_those_that_take_traffic)
{
    fleet f(2);
    f.make_slow();
    f.start_all();
    EXPECT_TRUE(keys(f).empty());
    f.make_live("1");
    const names first{"web/m1/shop-web-1-1", "web/m2/shop-web-1-1"};
    ASSERT_TRUE(f.run_until([&] { return keys(f) == first; }, 5s));
    const auto pair = endpoints_in(f).at("web/m1/shop-web-1-1");
    EXPECT_NE(pair.lease, store::lease_id{});
    const auto one = records::decode_endpoint(pair.value);
    ASSERT_TRUE(one);
    EXPECT_EQ(one->release, static_cast<model::release_number>(1));
    EXPECT_EQ(one->container, f.at(1).docker.find("shop-web-1-1")->details.address);
    ASSERT_EQ(one->ports.size(), 1U);
    EXPECT_EQ(one->ports.front().external, 8888);

    f.always("somebody is told of", [&] { return !keys(f).empty(); });
    f.make_live("2");
    const names second{"web/m1/shop-web-2-1", "web/m2/shop-web-2-1"};
    EXPECT_TRUE(f.run_until([&] { return keys(f) == second; }, 5s));
}

TEST(the_endpoints, go_with_their_machine_and_come_back_with_it)
{
    running_fleet f(2);
    const names both{"web/m1/shop-web-1-1", "web/m2/shop-web-1-1"};
    ASSERT_TRUE(f.run_until([&] { return keys(f) == both; }, 5s));
    f.crash(2);
    f.run_for(16s, 20ms);
    EXPECT_EQ(keys(f), names{"web/m1/shop-web-1-1"});
    f.at(2).start();
    EXPECT_TRUE(f.run_until([&] { return keys(f) == both; }, 5s));
    f.link(1).cut();
    f.run_for(30s, 20ms);
    EXPECT_EQ(keys(f), names{"web/m2/shop-web-1-1"}) << "its lease has ended";
    f.link(1).heal();
    EXPECT_TRUE(f.run_until([&] { return keys(f) == both; }, 20s)) << "under the next one";
}

}  // namespace
}  // namespace gantryd::daemon
