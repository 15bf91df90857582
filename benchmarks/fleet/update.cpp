#include "measures.hpp"

#include "lab/lab.hpp"
#include "scene.hpp"
#include "start_watch.hpp"
#include "traffic.hpp"

#include <array>
#include <fstream>
#include <thread>

namespace gantryd::benchmark {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

constexpr std::uint16_t external = 8090;
const std::string project = "bench";

/// An image with this version, which all machines have.
std::string spread(const integration::lab& on, const std::string& version)
{
    const auto name = on.registry().prefix() + "/web:" + version;
    auto id = on.m(1).make_image(name, {{"VERSION", version}});
    (void)on.m(1).docker().run({"push", "--quiet", name});
    for (const auto& each : on.machines())
        if (each.name() != on.m(1).name())
            (void)each.docker().run({"pull", "--quiet", name});
    return id;
}

void tag_as_live(const integration::lab& on, const std::string& id)
{
    for (const auto& each : on.machines())
        (void)each.docker().run({"tag", id, on.registry().prefix() + "/web:live"});
}

/// Until the version has answered on all machines, from each of them. Each is asked from the start of its
/// container on, and one at a time: the order is of no meaning to when the last one is found, and every
/// question takes from Docker what it needs.
milliseconds until_all_answer(const integration::lab& on, std::vector<start_watch>& started,
    clock::time_point begin, const std::string& version)
{
    const auto is_there = [&] { return ask_quickly("127.0.0.1", external).version == version; };
    for (std::size_t i = 0; i < started.size(); ++i) {
        started[i].wait();
        (void)on.machines()[i].within([&] { return until(begin, is_there); });
    }
    return clock::now() - begin;
}

void begin_project(const integration::lab& on)
{
    auto web = component("web", on.registry().prefix() + "/web", external);
    web["tag"] = "live";
    const auto file = on.m(1).directory() / "project.json";
    std::ofstream(file) << project_of({std::move(web)});
    expect_done(on.m(1).gantryd({"setconfig", project, file.string()}));
    for (const auto& each : on.machines())
        each.start_gantryd(project);
    expect_done(on.m(1).gantryd({"update", project, "-c", "web", "--wait"}));
}

bool has_one_container(const integration::machine& where)
{
    return where.docker().containers(project).size() == 1;
}

/// A client of each machine, connected through its proxy until the end: the old instance stays for it.
class clients {
public:
    explicit clients(const integration::lab& on)
    {
        for (const auto& each : on.machines())
            all_.push_back(each.within([] { return connected(); }));
    }

    void leave()
    {
        for (auto& each : all_)
            if (!each.echoes("still here"))
                throw std::runtime_error("a client lost its connection");
        all_.clear();
    }

private:
    static integration::connection connected()
    {
        auto made = integration::connection::to(external);
        if (!made || !made->upgrade())
            throw std::runtime_error("no connection through the proxy");
        return std::move(*made);
    }

    std::vector<integration::connection> all_;
};

/// Two images in turn, one of which all machines run.
class updates {
public:
    explicit updates(const integration::lab& on) : on_(on), ids_{spread(on, "v1"), spread(on, "v2")}
    {
        tag_as_live(on, ids_[0]);
        begin_project(on);
    }

    milliseconds floor() const
    {
        const auto& first = on_.m(1);
        return first.within([&] { return floor_round(ids_[1 - live_], "floor", first.docker_host()); });
    }

    /// To the other image.
    milliseconds next()
    {
        live_ = 1 - live_;
        tag_as_live(on_, ids_[live_]);
        std::vector<start_watch> started;
        for (const auto& each : on_.machines())
            started.emplace_back(project, each.docker_host());
        const auto begin = clock::now();
        expect_done(on_.m(1).gantryd({"update", project, "-c", "web"}));
        return until_all_answer(on_, started, begin, live_ == 0 ? "v1" : "v2");
    }

    /// Until the old ones are gone.
    void settle() const
    {
        (void)until(clock::now(), [&] { return std::ranges::all_of(on_.machines(), has_one_container); });
        std::this_thread::sleep_for(1s);
    }

private:
    const integration::lab& on_;
    std::array<std::string, 2> ids_;
    std::size_t live_ = 0;
};

}  // namespace

update_times measure_updates(int rounds)
{
    const integration::lab on({.machines = 3});
    updates web(on);
    update_times out;
    for (int i = 0; i < rounds; ++i) {
        out.floor.push_back(web.floor().count());
        clients connected(on);
        out.update.push_back(web.next().count());
        connected.leave();
        web.settle();
        out.unused.push_back(web.next().count());
        web.settle();
    }
    return out;
}

}  // namespace gantryd::benchmark
