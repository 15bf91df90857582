#include <gantryd/model/component_json.hpp>
#include <gantryd/model/release.hpp>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace json = boost::json;
namespace model = gantryd::model;
using namespace std::chrono_literals;

TEST(component_json, pretty_is_two_spaces_and_sorted_keys)
{
    const auto value = json::parse(R"({"b":[1,{"z":null,"a":"x\"y"}],"a":{},"c":[]})");
    EXPECT_EQ(model::pretty(value), "{\n  \"a\": {},\n  \"b\": [\n    1,\n    {\n      \"a\": \"x\\\"y\",\n  "
                                    "    \"z\": null\n    }\n  ],\n  \"c\": []\n}\n");
    EXPECT_EQ(json::parse(model::pretty(value)), value);
}

TEST(component_json, durations_in_the_shortest_exact_unit)
{
    EXPECT_EQ(model::duration_text(0ms), "0s");
    EXPECT_EQ(model::duration_text(1500ms), "1500ms");
    EXPECT_EQ(model::duration_text(30s), "30s");
    EXPECT_EQ(model::duration_text(90s), "90s");
    EXPECT_EQ(model::duration_text(2min), "2m");
    EXPECT_EQ(model::duration_text(24h), "24h");
}

TEST(component_json, the_hash_follows_the_meaning)
{
    model::component_spec a;
    a.name = model::component_name("web");
    a.repo = "demo";
    auto b = a;
    EXPECT_EQ(model::spec_hash(a), model::spec_hash(b));
    EXPECT_EQ(model::spec_hash(a).size(), 64u);
    b.environment_variables.push_back({"A", "1"});
    EXPECT_NE(model::spec_hash(a), model::spec_hash(b));
}

TEST(component_json, the_hash_follows_the_secrets)
{
    model::component_spec spec;
    spec.environment_variables = {{"DB", "", model::secret_source{"", "db"}}};
    const auto plain = model::spec_hash(spec);
    const model::held_secrets first{{"DB", {1, "AQID", ""}}};
    const model::held_secrets second{{"DB", {2, "AQIE", ""}}};
    EXPECT_EQ(model::spec_hash(spec, first), model::spec_hash(spec, first));
    EXPECT_NE(model::spec_hash(spec, first), plain);
    EXPECT_NE(model::spec_hash(spec, first), model::spec_hash(spec, second));
    spec.environment_variables.front().secret = model::secret_source{"/db", ""};
    EXPECT_NE(model::spec_hash(spec), plain);
}

TEST(release, words_of_the_store_and_back)
{
    for (const auto value : {model::intent::ready, model::intent::stopped, model::intent::killed})
        EXPECT_EQ(model::intent_of(text_of(value)), value);
    EXPECT_FALSE(model::intent_of("updating"));
    EXPECT_EQ(model::release_outcome_of("live"), model::release_outcome::live);
}
