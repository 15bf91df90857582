#include "samples.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

namespace gantryd::soak {

using benchmark::process_use;

namespace {

double minutes(std::chrono::seconds of) { return std::chrono::duration<double, std::ratio<60>>(of).count(); }

std::string clock_of(std::chrono::seconds at) { return fmt::format("{:%H:%M:%S}", at); }

/// The sentence for a number that is not the same in all samples.
template <class Value>
void expect_same(std::vector<std::string>& problems, const std::vector<sample>& all, const char* what,
    const std::function<Value(const sample&)>& of)
{
    const auto other = std::ranges::find_if(all, [&](const sample& s) { return of(s) != of(all.front()); });
    if (other != all.end())
        problems.push_back(fmt::format("{}: {} at {}, {} at {}", what, of(all.front()),
            clock_of(all.front().at), of(*other), clock_of(other->at)));
}

template <class Value>
void expect_most(std::vector<std::string>& problems, const std::vector<sample>& all, const char* what,
    Value most, const std::function<Value(const sample&)>& of)
{
    const auto worst = std::ranges::max_element(all, {}, of);
    if (of(*worst) > most)
        problems.push_back(
            fmt::format("{}: {} at {}, more than {}", what, of(*worst), clock_of(worst->at), most));
}

void expect_flat(std::vector<std::string>& problems, const std::vector<sample>& all, const char* whose,
    process_use sample::* use, std::int64_t most_kb)
{
    const auto grown = growth_kb(all, use);
    if (grown > static_cast<double>(most_kb))
        problems.push_back(fmt::format("the memory of {} grew by {:.0f} kB in {:.0f} min, more than {} kB",
            whose, grown, minutes(all.back().at - all.front().at), most_kb));
    expect_same<int>(problems, all, fmt::format("descriptors of {}", whose).c_str(),
        [use](const sample& s) { return (s.*use).descriptors; });
    expect_same<int>(problems, all, fmt::format("threads of {}", whose).c_str(),
        [use](const sample& s) { return (s.*use).threads; });
    if (std::ranges::any_of(all, [use](const sample& s) { return (s.*use).threads == 0; }))
        problems.push_back(fmt::format("{} ended", whose));
}

}  // namespace

double growth_kb(const std::vector<sample>& all, process_use sample::* whose)
{
    const auto n = static_cast<double>(all.size());
    const auto mean = [&](const std::function<double(const sample&)>& of) {
        return std::transform_reduce(all.begin(), all.end(), 0.0, std::plus<>(), of) / n;
    };
    const auto x = [](const sample& s) { return minutes(s.at); };
    const auto y = [whose](const sample& s) { return static_cast<double>((s.*whose).anonymous_kb); };
    const auto mean_x = mean(x);
    const auto mean_y = mean(y);
    const auto together = mean([&](const sample& s) { return (x(s) - mean_x) * (y(s) - mean_y); });
    const auto spread = mean([&](const sample& s) { return (x(s) - mean_x) * (x(s) - mean_x); });
    return spread > 0 ? together / spread * (x(all.back()) - x(all.front())) : 0;
}

std::vector<std::string> problems_in(const std::vector<sample>& all, const limits& most)
{
    if (all.size() < most.warm_up + 4)
        return {fmt::format("{} samples are too few", all.size())};
    const std::vector<sample> warm(all.begin() + static_cast<std::ptrdiff_t>(most.warm_up), all.end());
    std::vector<std::string> problems;
    expect_flat(problems, warm, "the daemon", &sample::daemon, most.growth_kb);
    expect_flat(problems, warm, "events -f", &sample::client, most.growth_kb);
    expect_most<std::int64_t>(
        problems, all, "kB of the ledger", most.ledger_kb, [](const sample& s) { return s.ledger_kb; });
    expect_most<std::int64_t>(
        problems, all, "kB of the store", most.store_kb, [](const sample& s) { return s.store_kb; });
    expect_most<std::size_t>(
        problems, all, "containers", most.containers, [](const sample& s) { return s.containers; });
    expect_most<std::size_t>(problems, all, "processes of HAProxy", most.proxy_processes,
        [](const sample& s) { return s.proxy_processes; });
    expect_most<std::int64_t>(problems, all, "failed requests", 0, [](const sample& s) { return s.failed; });
    if (all.back().requests == 0)
        problems.emplace_back("no request was sent");
    return problems;
}

std::string heading()
{
    return fmt::format(
        "{:>8} {:>5} {:>8} {:>8} {:>4} {:>7} {:>6} {:>9} {:>8} {:>6} {:>7} {:>10} {:>9} {:>6}\n", "time",
        "acts", "rss kB", "own kB", "fds", "threads", "cpu %", "ledger kB", "store kB", "conts", "proxies",
        "events kB", "requests", "failed");
}

std::string row(const sample& of)
{
    return fmt::format(
        "{:>8} {:>5} {:>8} {:>8} {:>4} {:>7} {:>6.2f} {:>9} {:>8} {:>6} {:>7} {:>10} {:>9} {:>6}\n",
        clock_of(of.at), of.acts, of.daemon.resident_kb, of.daemon.anonymous_kb, of.daemon.descriptors,
        of.daemon.threads, of.cpu_percent, of.ledger_kb, of.store_kb, of.containers, of.proxy_processes,
        of.client.anonymous_kb, of.requests, of.failed);
}

}  // namespace gantryd::soak
