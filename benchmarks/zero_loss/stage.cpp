#include "stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <thread>

namespace gantryd::zero_loss {

using namespace std::chrono_literals;

image_row::image_row(const std::string& tag, int count)
{
    if (const auto problem = docker_.problem(); !problem.empty())
        throw std::runtime_error(problem);
    for (int i = 0; i < count; ++i)
        ids_.push_back(
            docker_.make_image(fmt::format("{}:v{}", tag, i), {{"VERSION", fmt::format("v{}", i)}}));
}

stage::stage(const std::string& project, int versions, const json::object& more)
    : tag_("gantryd-zero-loss-" + project),
      images_(tag_, versions),
      http_port_(integration::free_port()),
      echo_port_(integration::free_port())
{
    auto web = benchmark::component("web", tag_, http_port_);
    web["ports"].as_array().push_back(
        json::object{{"external", echo_port_}, {"container", 8081}, {"kind", "tcp"}});
    for (const auto& [name, value] : more)
        web[name] = value;
    scene_ = std::make_unique<benchmark::scene>(project, benchmark::project_of({web}));
    scene_->start_daemon();
    docker_.run({"tag", images_.at(0), tag_ + ":latest"});
    benchmark::expect_done(scene_->gantryd({"update", project, "-c", "web", "--wait", "--timeout", "60s"}));
}

void stage::update_to(int version, disturbance with, std::mt19937& random)
{
    const auto begin = clock::now();
    const auto within = [&](int ms) {
        return begin + std::chrono::milliseconds(std::uniform_int_distribution(0, ms)(random));
    };
    std::vector<event> events;
    if (with == disturbance::reload || with == disturbance::both)
        events.push_back({within(800), true});
    if (with == disturbance::kill || with == disturbance::both)
        events.push_back({within(800), false});
    if (with == disturbance::both && version % 2 == 0)  // every second time in the middle of the reload
        events.back().at = events.front().at + (within(60) - begin);
    std::ranges::sort(events, {}, &event::at);

    docker_.run({"tag", image(version), tag_ + ":latest"});
    const std::vector<std::string> words{
        "update", scene_->project(), "-c", "web", "--wait", "--timeout", "120s"};
    const auto update = scene_->begin_gantryd(words);
    disturb(std::move(events), *update);
    if (update->wait(150s) != 0)
        throw std::runtime_error(
            fmt::format("update to v{} did not come about: {}", version, update->output()));
    ++updates_;
}

void stage::disturb(std::vector<event> events, integration::program& update)
{
    for (const auto& each : events) {
        // What is left when the update is over would not meet it any more, but counts: it is done at once.
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(each.at - clock::now());
        (void)update.wait(std::max(left, std::chrono::milliseconds(0)));
        if (each.reload)
            reload_proxy();
        else
            restart_daemon();
    }
}

void stage::reload_proxy()
{
    const auto master = scene_->proxy_master();
    if (!master)
        throw std::runtime_error("no HAProxy runs");
    ::kill(*master, SIGUSR2);
    ++reloads_;
}

void stage::restart_daemon()
{
    scene_->kill_daemon();
    scene_->start_daemon();
    ++kills_;
}

bool stage::comes_down_to(std::size_t count, std::chrono::seconds limit) const
{
    const auto end = clock::now() + limit;
    while (docker_.containers(scene_->project()).size() > count) {
        if (clock::now() > end)
            return false;
        std::this_thread::sleep_for(100ms);
    }
    return true;
}

std::string stage::done() const
{
    return fmt::format("{} updates, {} forced reloads, {} kills of gantryd", updates_, reloads_, kills_);
}

void expect_whole(outcome& out, const load::report& of)
{
    for (auto& problem : load::problems_in(of))
        out.problems.push_back(std::move(problem));
    for (const auto& line : of.failures)
        out.problems.push_back(line);
}

}  // namespace gantryd::zero_loss
