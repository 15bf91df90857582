#include "support.hpp"

#include <gantryd/model/component_json.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

namespace pf = gantryd::project_file;
namespace model = gantryd::model;
using namespace std::chrono_literals;

namespace {

/// Components of every shape, the same ones for the same seed.
class generator {
public:
    explicit generator(unsigned seed) : engine_(seed) {}

    model::component_spec component();

private:
    std::int64_t between(std::int64_t least, std::int64_t most)
    {
        return std::uniform_int_distribution<std::int64_t>(least, most)(engine_);
    }
    bool coin() { return between(0, 1) == 1; }
    std::size_t few() { return static_cast<std::size_t>(between(0, 3)); }
    std::uint16_t port() { return static_cast<std::uint16_t>(between(1, 65535)); }
    template <class T>
    T one_of(std::initializer_list<T> choices)
    {
        return *(choices.begin() + between(0, static_cast<std::int64_t>(choices.size()) - 1));
    }

    /// Any characters that a text may have: quotes, line ends, characters of two to four bytes.
    std::string text()
    {
        std::string out;
        for (auto n = between(0, 12); n > 0; --n)
            out += one_of<std::string_view>({"a", "Z", "=", " ", "\"", "\\", "\n", "\t", "\x01", "\x7f",
                "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "#", ":", "8", "true", "{", "'"});
        return out;
    }
    std::string title() { return one_of<std::string>({"is up", "\xc3\xa9", "a\"b", "check: #1", "8"}); }
    std::vector<std::string> words()
    {
        std::vector<std::string> out{"run"};
        for (auto n = few(); n > 0; --n)
            out.push_back(text());
        return out;
    }
    model::milliseconds duration(std::int64_t least)
    {
        return model::milliseconds(between(least, one_of<std::int64_t>({1'000, 100'000, 2'592'000'000})));
    }
    model::check_spec check(const model::component_spec& of);
    model::signal_spec signal(const model::component_spec& of);
    void fill_lists(model::component_spec& out);

    std::mt19937 engine_;
};

model::check_spec generator::check(const model::component_spec& of)
{
    using enum model::check_kind;
    model::check_spec out;
    out.kind = of.ports.empty() ? one_of({exec, connection}) : one_of({tcp, http, https, exec, connection});
    out.id = coin() ? title() : std::string(text_of(out.kind));
    if (out.kind == tcp || out.kind == http || out.kind == https)
        out.port = of.ports.front().container;
    if (out.kind == http || out.kind == https)
        out.path = one_of<std::string>({"/", "/ready?a=%20&b='\"~"});
    if (out.kind == exec)
        out.command = words();
    out.interval = duration(1);
    out.timeout = duration(1);
    out.rise = static_cast<int>(between(1, 100));
    out.fall = static_cast<int>(between(1, 100));
    out.grace = duration(0);
    return out;
}

model::signal_spec generator::signal(const model::component_spec& of)
{
    using enum model::signal_kind;
    model::signal_spec out;
    out.kind = of.ports.empty() ? exec : one_of({exec, http, https});
    out.id = coin() ? title() : std::string(text_of(out.kind));
    if (out.kind == exec) {
        out.command = words();
    } else {
        out.port = of.ports.back().container;
        out.path = one_of<std::string>({"/", "/quit"});
    }
    out.timeout = duration(1);
    return out;
}

void generator::fill_lists(model::component_spec& out)
{
    const auto several = [this](auto&& make) {
        const auto count = few();
        for (std::size_t i = 0; i < count; ++i)
            make(i);
    };
    several([&](std::size_t i) {
        out.ports.push_back({static_cast<std::uint16_t>(1000 + i), port(),
            one_of({model::port_kind::tcp, model::port_kind::http}),
            one_of<std::string>({"0.0.0.0", "10.1.2.3", "::", "fe80::1"})});
    });
    several([&](std::size_t i) {
        out.bindings.push_back(
            {one_of<std::string>({"/srv/a b", "/ext/{container_id}", "volume"}), fmt::format("/v{}", i)});
    });
    several([&](std::size_t i) {
        out.define_component_links.push_back({fmt::format("l{}", i), port(), model::port_kind::http});
    });
    several([&](std::size_t i) {
        out.require_component_links.push_back({fmt::format("r.{}", i), fmt::format("alias_{}", i)});
    });
    several(
        [&](std::size_t i) { out.environment_variables.push_back({fmt::format("VARIABLE_{}", i), text()}); });
    several([&](std::size_t i) { out.labels.emplace(fmt::format("com.example \"{}\"", i), text()); });
    several([&](std::size_t) { out.volumes_from.push_back(one_of<std::string>({"data", "other:ro"})); });
    several([&](std::size_t) { out.ready_checks.push_back(check(out)); });
    several([&](std::size_t) { out.health_checks.push_back(check(out)); });
    several([&](std::size_t) { out.termination_checks.push_back(check(out)); });
    several([&](std::size_t) { out.termination_signals.push_back(signal(out)); });
}

model::component_spec generator::component()
{
    model::component_spec out;
    out.name = model::component_name(one_of<std::string>({"web", "8", "a.b-c_D"}));
    out.repo = one_of<std::string>({"web", "localhost:5000/a/b__c"});
    out.tag = one_of<std::string>({"latest", "1.10", "true"});
    if (coin())
        out.command = words();
    out.user = one_of<std::string>({"", "1000", "www-data:1"});
    out.instances = static_cast<std::int32_t>(between(1, 1000));
    out.ready_timeout = duration(1);
    out.drain = {duration(0), one_of({model::drain_timeout_action::kill, model::drain_timeout_action::keep})};
    if (coin())
        out.rollout = {{static_cast<std::int32_t>(between(1, 100)), coin()}, duration(0), duration(0),
            duration(0), 20s + duration(0),
            one_of({model::failure_action::revert, model::failure_action::pause})};
    out.stop_signal = one_of<std::string>({"", "SIGTERM", "SIGRTMIN+3"});
    out.stop_timeout = duration(0);
    out.privileged = coin();
    if (coin())
        out.resources.memory_bytes = between(6 << 20, std::int64_t{1} << 50);
    if (coin())
        out.resources.nano_cpus = between(10'000'000, 64'000'000'000);
    if (coin())
        out.resources.pids = between(1, 4'194'304);
    fill_lists(out);
    return out;
}

}  // namespace

TEST(round_trip, a_component_read_back_from_its_json_is_the_same)
{
    constexpr unsigned seeds = 2000;
    std::size_t with_checks = 0;
    for (unsigned seed = 1; seed <= seeds; ++seed) {
        const auto component = generator(seed).component();
        const auto text = model::pretty(model::to_json(component));
        const auto read = pf::read_component(text);
        ASSERT_TRUE(read) << "seed " << seed << ": " << pf::text_of(read.error().front(), text);
        ASSERT_EQ(*read, component) << "seed " << seed << ": " << text
                                    << model::pretty(model::to_json(*read));
        EXPECT_EQ(model::spec_hash(*read), model::spec_hash(component));
        const auto taken = pf::component_of(model::to_json(component));
        ASSERT_TRUE(taken) << "seed " << seed;
        ASSERT_EQ(*taken, component) << "seed " << seed;
        with_checks += component.termination_checks.empty() ? 0 : 1;
    }
    EXPECT_GT(with_checks, seeds / 4);
    EXPECT_LT(with_checks, seeds);
}

TEST(round_trip, the_smallest_component)
{
    const auto read = pf::read_component(R"({"name":"a","repo":"a"})");
    ASSERT_TRUE(read);
    const auto again = pf::read_component(boost::json::serialize(model::to_json(*read)));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *read);
}

TEST(round_trip, limits_and_explicit_intervals)
{
    model::component_spec component;
    component.name = model::component_name("a");
    component.repo = "a";
    component.resources = {.memory_bytes = 6'291'456, .nano_cpus = 10'000'001, .pids = 1};
    component.termination_checks.push_back(
        {.kind = model::check_kind::connection, .id = "idle", .interval = 1ms});
    component.termination_checks.push_back({.kind = model::check_kind::exec,
        .id = "exec",
        .command = {"/bin/true", ""},
        .interval = 720h,
        .timeout = 90'061ms,
        .rise = 100,
        .fall = 1,
        .grace = 1h});
    const auto read = pf::read_component(boost::json::serialize(model::to_json(component)));
    ASSERT_TRUE(read) << pf::text_of(read.error().front(), "json");
    EXPECT_EQ(*read, component);
}
