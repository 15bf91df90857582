#include "load/report.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace json = boost::json;

namespace gantryd::load {
namespace {

double in_ms(std::chrono::microseconds value) { return static_cast<double>(value.count()) / 1000; }
double in_seconds(milliseconds value) { return static_cast<double>(value.count()) / 1000; }

std::string kinds_of(const std::map<failure, std::int64_t>& failed)
{
    std::string out;
    for (const auto& [kind, count] : failed)
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", text_of(kind), count);
    return out;
}

void add_streams(std::string& out, std::string_view kind, const stream_report& of)
{
    if (of.asked == 0)
        return;
    out +=
        fmt::format("streams {:<12}{:>8}  opened, {} refused, {} cut, {} corrupted, {} stalled, {} ended\n",
            kind, of.opened, of.refused, of.cut, of.corrupted, of.stalled, of.ended);
    out += fmt::format(
        "bytes back {:<9}{:>8}  slowest echo {:.1f} ms\n", kind, of.bytes, in_ms(of.slowest_echo));
}

void add_problems(std::vector<std::string>& out, std::string_view kind, const stream_report& of)
{
    if (of.asked == 0)
        return;
    if (of.opened < of.asked)
        out.push_back(fmt::format("{} of {} {} streams were opened", of.opened, of.asked, kind));
    if (of.bytes == 0)
        out.push_back(fmt::format("no byte came back over {} streams", kind));
    if (of.all_failed() > 0)
        out.push_back(fmt::format("{} streams: {} refused, {} cut, {} corrupted, {} stalled", kind,
            of.refused, of.cut, of.corrupted, of.stalled));
}

json::object as_json(const histogram& of)
{
    return {
        {"p50", in_ms(of.percentile(50))}, {"p99", in_ms(of.percentile(99))}, {"max", in_ms(of.largest())}};
}

json::object as_json(const stream_report& of)
{
    return {{"asked", of.asked}, {"opened", of.opened}, {"refused", of.refused}, {"ended", of.ended},
        {"cut", of.cut}, {"corrupted", of.corrupted}, {"stalled", of.stalled}, {"bytes", of.bytes},
        {"slowestEchoMs", in_ms(of.slowest_echo)}};
}

json::object as_json(const request_report& of)
{
    json::object failed{{"all", of.all_failed()}};
    for (const auto& [kind, count] : of.failed)
        failed[text_of(kind)] = count;
    json::object versions;
    for (const auto& [version, seen] : of.versions)
        versions[version] = json::object{
            {"answers", seen.answers}, {"firstMs", seen.first.count()}, {"lastMs", seen.last.count()}};
    return {{"sent", of.sent}, {"answered", of.answered}, {"failed", std::move(failed)}, {"late", of.late},
        {"latencyMs", as_json(of.latency)}, {"ownDelayMs", as_json(of.own_delay)},
        {"longestGapMs", in_ms(of.longest_gap)}, {"longestGapAtMs", of.longest_gap_at.count()},
        {"versions", std::move(versions)}};
}

}  // namespace

std::string_view text_of(failure what)
{
    switch (what) {
    case failure::refused: return "refused";
    case failure::reset: return "reset";
    case failure::closed: return "closed";
    case failure::cut: return "cut";
    case failure::malformed: return "malformed";
    case failure::timed_out: return "timed_out";
    case failure::status: return "status";
    case failure::unsent: return "unsent";
    }
    return "unknown";
}

std::int64_t request_report::all_failed() const
{
    std::int64_t all = 0;
    for (const auto& [kind, count] : failed)
        all += count;
    return all;
}

void request_report::add(const request_report& more, milliseconds begin)
{
    sent += more.sent;
    answered += more.answered;
    for (const auto& [kind, count] : more.failed)
        failed[kind] += count;
    late += more.late;
    latency.add(more.latency);
    own_delay.add(more.own_delay);
    if (more.longest_gap > longest_gap) {
        longest_gap = more.longest_gap;
        longest_gap_at = begin + more.longest_gap_at;
    }
    for (const auto& [version, seen] : more.versions) {
        auto& all = versions.try_emplace(version, version_seen{.first = begin + seen.first}).first->second;
        all.answers += seen.answers;
        all.last = begin + seen.last;
    }
}

void stream_report::add(const stream_report& more)
{
    asked += more.asked;
    opened += more.opened;
    refused += more.refused;
    ended += more.ended;
    cut += more.cut;
    corrupted += more.corrupted;
    stalled += more.stalled;
    bytes += more.bytes;
    slowest_echo = std::max(slowest_echo, more.slowest_echo);
}

void report::add(const report& more)
{
    requests.add(more.requests, took);
    tcp.add(more.tcp);
    upgraded.add(more.upgraded);
    failures.insert(failures.end(), more.failures.begin(), more.failures.end());
    took += more.took;
}

std::vector<std::string> problems_in(const report& of)
{
    std::vector<std::string> out;
    const auto& requests = of.requests;
    if (requests.sent == 0 && of.tcp.asked == 0 && of.upgraded.asked == 0)
        out.emplace_back("nothing was sent at all");
    if (requests.all_failed() > 0)
        out.push_back(fmt::format(
            "{} of {} requests failed: {}", requests.all_failed(), requests.sent, kinds_of(requests.failed)));
    if (requests.answered + requests.all_failed() != requests.sent)
        out.push_back(fmt::format("{} requests were sent, {} answered, {} failed: the counts do not add up",
            requests.sent, requests.answered, requests.all_failed()));
    add_problems(out, "tcp", of.tcp);
    add_problems(out, "upgraded", of.upgraded);
    return out;
}

std::string table_of(const report& of)
{
    const auto& r = of.requests;
    std::string out;
    if (r.sent > 0) {
        out += fmt::format("sent                {:>8}  in {:.1f} s\n", r.sent, in_seconds(of.took));
        out += fmt::format("answered            {:>8}\n", r.answered);
        const auto kinds = kinds_of(r.failed);
        out +=
            fmt::format("failed              {:>8}{}{}\n", r.all_failed(), kinds.empty() ? "" : "  ", kinds);
        out += fmt::format("late                {:>8}\n", r.late);
        out += fmt::format("latency ms          {:>8.2f}  p50 {:>8.2f}  p99 {:>8.2f}  max\n",
            in_ms(r.latency.percentile(50)), in_ms(r.latency.percentile(99)), in_ms(r.latency.largest()));
        out += fmt::format("own delay ms        {:>8.2f}  p50 {:>8.2f}  p99 {:>8.2f}  max\n",
            in_ms(r.own_delay.percentile(50)), in_ms(r.own_delay.percentile(99)),
            in_ms(r.own_delay.largest()));
        out += fmt::format("longest gap ms      {:>8.2f}  from {:.3f} s on\n", in_ms(r.longest_gap),
            in_seconds(r.longest_gap_at));
    }
    for (const auto& [version, seen] : r.versions)
        out += fmt::format("seen {:<15}{:>8}  from {:.3f} s to {:.3f} s\n", version, seen.answers,
            in_seconds(seen.first), in_seconds(seen.last));
    add_streams(out, "tcp", of.tcp);
    add_streams(out, "upgraded", of.upgraded);
    for (const auto& line : of.failures)
        out += "failure " + line + "\n";
    return out;
}

std::string json_of(const report& of)
{
    json::array failures(of.failures.begin(), of.failures.end());
    const json::object all{{"tookMs", of.took.count()}, {"requests", as_json(of.requests)},
        {"streams", json::object{{"tcp", as_json(of.tcp)}, {"upgraded", as_json(of.upgraded)}}},
        {"failures", std::move(failures)}};
    return json::serialize(all);
}

}  // namespace gantryd::load
