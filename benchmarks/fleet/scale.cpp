#include "measures.hpp"

#include "lab/lab.hpp"
#include "scene.hpp"
#include "simulated_machine.hpp"
#include "timed_store.hpp"
#include "traffic.hpp"

#include <gantryd/control/project.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace gantryd::benchmark {
namespace {

using namespace std::chrono_literals;

const model::project_name project("fleet");
constexpr auto rest = 60s;

/// While all machines still have something to say of the update before.
constexpr int updates_in_a_row = 3;
constexpr auto between_updates_in_a_row = 7s;

template <class T>
T run(boost::asio::awaitable<base::result<T>> what)
{
    boost::asio::io_context loop(1);
    std::optional<base::result<T>> out;
    std::exception_ptr failure;
    auto keep = [&]() -> boost::asio::awaitable<void> { out.emplace(co_await std::move(what)); };
    boost::asio::co_spawn(loop, keep(), [&](std::exception_ptr why) { failure = why; });
    loop.run();
    if (failure)
        std::rethrow_exception(failure);
    if (!*out)
        throw std::runtime_error(out->error().context());
    return std::move(**out);
}

/// What the members of an etcd have counted so far.
struct traffic {
    double requests = 0;
    double sent_bytes = 0;  ///< to their clients
};

/// What a member says of itself, as lines.
std::string metrics_of(const integration::lab& on, const integration::etcd_member& member)
{
    auto text = on.router().within([&] {
        auto to = integration::connection::to(integration::etcd_member::client_port, member.address());
        return to && to->send("GET /metrics HTTP/1.0\r\n\r\n") ? to->receive_all(20s) : std::string();
    });
    if (!text.starts_with("HTTP/1.0 200"))
        throw std::runtime_error(member.name() + " does not tell its metrics");
    return text;
}

traffic traffic_of(const integration::lab& on)
{
    traffic out;
    for (const auto& member : on.members()) {
        std::istringstream lines(metrics_of(on, member));
        for (std::string line; std::getline(lines, line);) {
            const auto value = [&] { return std::stod(line.substr(line.rfind(' ') + 1)); };
            // Calls of the gateway come to the member itself by gRPC.
            if (line.starts_with("grpc_server_msg_received_total"))
                out.requests += value();
            else if (line.starts_with("etcd_network_client_grpc_sent_bytes_total"))
                out.sent_bytes += value();
        }
    }
    return out;
}

/// The processes with the machines, and what they have said.
class crowd {
public:
    explicit crowd(const integration::lab& on) : on_(on) {}

    /// `count` further machines in a process of their own.
    void add(int count)
    {
        member fresh{.output = on_.directory() / fmt::format("machines-{}.log", machines_)};
        fresh.process = std::make_unique<integration::program>(
            on_.router().words_inside({std::filesystem::read_symlink("/proc/self/exe").string(), "machines",
                project.text(), std::to_string(machines_), std::to_string(count), on_.endpoints()}),
            fresh.output);
        members_.push_back(std::move(fresh));
        machines_ += count;
    }

    /// Waits until all have planned for it; when each of them did.
    std::vector<std::chrono::nanoseconds> all_planned(int release, std::chrono::seconds limit)
    {
        const auto end = clock::now() + limit;
        for (;;) {
            for (auto& each : members_)
                listen(each);
            const auto& at = planned_at_[release];
            if (static_cast<int>(at.size()) == machines_)
                return at;
            for (const auto& each : members_)
                if (!each.process->running())
                    throw std::runtime_error("the simulated machines ended: " + each.process->output());
            if (clock::now() > end)
                throw std::runtime_error(fmt::format(
                    "{} of {} machines have planned for release {}", at.size(), machines_, release));
            std::this_thread::sleep_for(50ms);
        }
    }

    int size() const { return machines_; }

private:
    struct member {
        std::filesystem::path output;
        std::unique_ptr<integration::program> process;
        std::streamoff heard = 0;  ///< of its output
    };

    /// Takes what it has said since the last time: the machines need the processors for themselves.
    void listen(member& to)
    {
        std::ifstream output(to.output);
        output.seekg(to.heard);
        for (std::string line; std::getline(output, line) && !output.eof();) {
            to.heard = output.tellg();
            std::istringstream words(line);
            std::string machine;
            int release = 0;
            long long at = 0;
            if (words >> machine >> release >> at)
                planned_at_[release].emplace_back(at);
        }
    }

    const integration::lab& on_;
    int machines_ = 0;
    std::vector<member> members_;
    std::map<int, std::vector<std::chrono::nanoseconds>> planned_at_;  ///< by release
};

/// Orders the next release; when its write was begun.
std::chrono::nanoseconds release(const integration::lab& on, int number, bool lasts)
{
    return on.router().within([&] {
        const auto clk = runtime::make_system_clock();
        const auto where =
            etcd::parse_options(on.endpoints(), 2379, [](const char*) { return std::string(); });
        const auto to = etcd::open(where.value(), *clk);
        std::vector<control::release_request> requests;
        requests.push_back({simulated_spec(number, lasts), simulated_image(number)});
        timed_store timed(**to);
        const auto asked = clock::now();
        (void)run(control::release_components(
            timed, project, std::move(requests), "benchmark", *clk, clk->now() + 10s));
        std::fprintf(stderr, "release %d: read in %.0f ms, written in %.0f ms\n", number,
            milliseconds(timed.commit_began - asked).count(),
            milliseconds(clock::now() - timed.commit_began).count());
        return std::chrono::nanoseconds(timed.commit_began.time_since_epoch());
    });
}

void wait_until_live(const integration::lab& on)
{
    const auto live = [&] {
        const auto said = on.router().run(
            {"etcdctl", "get", "--print-value-only", "/gantryd/projects/fleet/components/web/releases/1"},
            {{"ETCDCTL_API", "3"}, {"ETCDCTL_ENDPOINTS", on.endpoints()}});
        return said.out.contains("live");
    };
    (void)until(clock::now(), live);
}

/// Until etcd has been asked for no more than at rest, nine times in a minute by each machine, for longer
/// than there is any pause before that: the words, reports and events of an update come in turn, and each of
/// them after a silence that grows with the fleet.
void wait_for_rest(const integration::lab& on, int machines)
{
    constexpr auto look = 2s;
    const auto longest_silence = 6s + machines * 12ms;
    const auto end = clock::now() + 300s;
    for (auto calm = 0ms; calm < longest_silence;) {
        if (clock::now() > end)
            throw std::runtime_error("the machines do not come to rest");
        const auto before = traffic_of(on).requests;
        std::this_thread::sleep_for(look);
        const auto per_second = (traffic_of(on).requests - before) / look.count();
        calm = per_second < 0.18 * machines + 4 ? calm + look : 0ms;
    }
}

double quantile(std::vector<double> values, double share)
{
    std::ranges::sort(values);
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

}  // namespace

scale_cost measure_scale(int machines, int updates)
{
    constexpr int processes = 4;
    const integration::lab on({.machines = 0, .registry = false});
    crowd all(on);
    (void)release(on, 1, false);
    all.add(1);
    wait_until_live(on);
    const auto came_from = clock::now();
    for (int left = machines - 1, i = processes; i > 0 && left > 0; --i) {
        const auto part = (left + i - 1) / i;
        all.add(part);
        left -= part;
    }
    (void)all.all_planned(1, 900s);  // no measure: the first list of each is of all that are there
    std::fprintf(stderr, "%d machines are there after %.0f s\n", machines,
        milliseconds(clock::now() - came_from).count() / 1000);
    wait_for_rest(on, machines);

    scale_cost out{.machines = machines};
    const auto before_rest = traffic_of(on);
    std::this_thread::sleep_for(rest);
    const auto after_rest = traffic_of(on);
    out.requests_per_minute = (after_rest.requests - before_rest.requests) / machines;
    out.kilobytes_per_minute = (after_rest.sent_bytes - before_rest.sent_bytes) / machines / 1000;

    std::fprintf(stderr, "%.2f requests per machine and minute at rest\n", out.requests_per_minute);
    int number = 1;
    const auto update = [&](std::vector<double>& seen) {
        const auto begin = release(on, ++number, true);
        for (const auto at : all.all_planned(number, 60s))
            seen.push_back(milliseconds(at - begin).count());
        const std::vector newest(seen.end() - machines, seen.end());
        std::fprintf(stderr, "release %d: seen by half of them after %.0f ms, by all after %.0f ms\n", number,
            quantile(newest, 0.5), quantile(newest, 1));
    };
    std::vector<double> seen;
    for (int i = 0; i < updates; ++i) {
        update(seen);
        wait_for_rest(on, machines);
    }
    const auto after_updates = traffic_of(on);
    std::vector<double> in_a_row;
    for (int i = 0; i <= updates_in_a_row; ++i) {
        std::vector<double> first;
        update(i == 0 ? first : in_a_row);
        std::this_thread::sleep_for(between_updates_in_a_row);
    }
    out.in_a_row_p99_ms = quantile(in_a_row, 0.99);
    out.kilobytes_per_update = (after_updates.sent_bytes - after_rest.sent_bytes) / machines / updates / 1000;
    out.seen_p50_ms = quantile(seen, 0.5);
    out.seen_p99_ms = quantile(seen, 0.99);
    out.seen_max_ms = quantile(seen, 1);
    return out;
}

}  // namespace gantryd::benchmark
