#include "churn.hpp"

#include "wait.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace gantryd::soak {

using namespace std::chrono_literals;
using integration::wait_until;

namespace {

void expect(bool holds, const std::string& what)
{
    if (!holds)
        throw std::runtime_error(what);
}

}  // namespace

churn::churn(const std::string& project, std::uint32_t seed, double rate)
    : tag_("gantryd-soak-" + project),
      port_(integration::free_port()),
      echo_port_(integration::free_port()),
      extra_port_(integration::free_port()),
      rate_(rate),
      random_(seed)
{
    expect(docker_.problem().empty(), docker_.problem());
    for (int i = 0; i < 4; ++i)
        images_.push_back(
            docker_.make_image(fmt::format("{}:v{}", tag_, i), {{"VERSION", fmt::format("v{}", i)}}));
    bad_images_.push_back(docker_.make_image(tag_ + ":exits", {{"EXIT_CODE", "1"}, {"LOG", "cannot start"}}));
    bad_images_.push_back(docker_.make_image(tag_ + ":sick", {{"UNHEALTHY", "1"}}));
    tag_next_version();
    scene_ = std::make_unique<benchmark::scene>(project, project_file());
    scene_->start_daemon();
    command({"update", project, "-c", "web", "worker", "--wait"});
    follower_ = scene_->begin_gantryd({"events", project, "-f"}, "events.log");
    settle();
    begin_load();
}

churn::~churn()
{
    load_.reset();
    follower_.reset();
    scene_.reset();
    docker_.remove_images(images_);
    docker_.remove_images(bad_images_);
}

json::object churn::web() const
{
    auto out = benchmark::component("web", tag_, port_);
    auto& ports = out["ports"].as_array();
    ports.push_back(json::object{{"external", echo_port_}, {"container", 8081}, {"kind", "tcp"}});
    if (with_extra_port_)
        ports.push_back(json::object{{"external", extra_port_}, {"container", 8080}, {"kind", "http"}});
    out["instances"] = 2;
    out["readyTimeout"] = "2s";
    out["defineComponentLinks"] =
        json::array{json::object{{"name", "pages"}, {"port", 8080}, {"kind", "http"}}};
    return out;
}

json::object churn::worker() const
{
    return {{"name", "worker"}, {"repo", tag_}, {"tag", "v0"}, {"readyChecks", json::array{}},
        {"requireComponentLinks", json::array{json::object{{"name", "pages"}, {"alias", "web"}}}}};
}

std::string churn::project_file() const { return benchmark::project_of({web(), worker()}); }

void churn::tag_next_version()
{
    version_ = (version_ + 1) % static_cast<int>(images_.size());
    tag_version();
}

void churn::tag_version() const
{
    docker_.run({"tag", images_.at(static_cast<std::size_t>(version_)), tag_ + ":latest"});
}

void churn::command(std::vector<std::string> words, int exit_code) const
{
    const auto name = words.front();
    const auto done = scene_->gantryd(std::move(words));
    expect(done.exit_code == exit_code,
        fmt::format("{} ended with code {}: {}", name, done.exit_code, done.both()));
}

void churn::next()
{
    if (deck_.empty()) {
        deck_ = {{"updates", &churn::update_web}, {"updates", &churn::update_web},
            {"updates", &churn::update_web}, {"bad images", &churn::release_a_bad_image},
            {"crashes", &churn::crash_one_of_two}, {"crashes", &churn::crash_one_of_two},
            {"forced reloads", &churn::reload_proxy}, {"stops", &churn::stop_and_run_worker},
            {"kills", &churn::kill_and_run_worker}, {"changes of the config", &churn::change_the_config},
            {"kills of HAProxy", &churn::kill_proxy},
            {"drains with open connections", &churn::drain_with_connections},
            {"rounds of questions", &churn::ask_for_everything}};
        std::ranges::shuffle(deck_, random_);
    }
    const auto now = deck_.back();
    deck_.pop_back();
    try {
        (this->*now.what)();
        settle();
    } catch (const std::exception& why) {
        throw std::runtime_error(fmt::format("{}: {}", now.name, why.what()));
    }
    ++acts_[now.name];
}

void churn::update_web()
{
    tag_next_version();
    command({"update", scene_->project(), "-c", "web"});
    const auto watching = scene_->begin_gantryd({"watch", scene_->project(), "web", "--timeout", "60s"});
    expect(watching->wait(70s) == 0, "watch: " + watching->output());
}

void churn::release_a_bad_image()
{
    const auto& bad = bad_images_.at(static_cast<std::size_t>(bad_++) % bad_images_.size());
    docker_.run({"tag", bad, tag_ + ":latest"});
    command({"update", scene_->project(), "-c", "web", "--wait"}, 4);
    tag_version();
}

void churn::crash_one_of_two()
{
    const auto running = docker_.running(scene_->project(), "web");
    expect(running.size() == 2, fmt::format("{} run", running.size()));
    const auto victim = running.at(victim_++ % 2);
    ::kill(victim.pid, SIGKILL);
    const auto is_gone = [&] {
        return std::ranges::count(
                   docker_.running(scene_->project(), "web"), victim.id, &integration::container::id) == 0;
    };
    expect(wait_until(is_gone), "the killed container still runs");
}

void churn::reload_proxy()
{
    const auto master = scene_->proxy_master();
    expect(master.has_value(), "no HAProxy runs");
    ::kill(*master, SIGUSR2);
}

void churn::stop_and_run_worker()
{
    command({"stop", scene_->project(), "-c", "worker", "--wait"});
    command({"update", scene_->project(), "-c", "worker", "--wait"});
}

void churn::kill_and_run_worker()
{
    command({"kill", scene_->project(), "-c", "worker", "--wait"});
    command({"update", scene_->project(), "-c", "worker", "--wait"});
}

void churn::change_the_config()
{
    with_extra_port_ = !with_extra_port_;
    scene_->configure(project_file());
    command({"update", scene_->project(), "-c", "web", "--wait"});
}

void churn::kill_proxy()
{
    end_load();  // what comes meanwhile is refused, and nobody can help it
    const auto before = scene_->proxy_master();
    expect(before.has_value(), "no HAProxy runs");
    ::kill(*before, SIGKILL);
    const auto is_back = [&] {
        return scene_->proxy_master() && scene_->proxy_master() != before &&
               !integration::version_at(port_).empty();
    };
    expect(wait_until(is_back), "HAProxy did not come back");
    begin_load();
}

void churn::drain_with_connections()
{
    std::vector<integration::connection> held;
    for (int i = 0; i < 4; ++i) {
        auto one = integration::connection::to(echo_port_);
        expect(one.has_value(), "the echo port refuses");
        held.push_back(std::move(*one));
    }
    tag_next_version();
    const auto update =
        scene_->begin_gantryd({"update", scene_->project(), "-c", "web", "--wait", "--timeout", "60s"});
    for (int i = 0; i < 15; ++i) {
        for (auto& each : held)
            expect(each.echoes(fmt::format("still here {}", i)), "a connection that was open was cut");
        std::this_thread::sleep_for(200ms);
    }
    held.clear();
    expect(update->wait(70s) == 0, "update: " + update->output());
}

void churn::ask_for_everything()
{
    for (const char* question : {"status", "why", "list", "history", "events", "machines"})
        command({question, scene_->project()});
    command({"plan", scene_->project(), "-c", "web"});
}

bool churn::serves_everything() const
{
    const auto told = scene_->gantryd({"status", scene_->project(), "-o", "json"});
    if (told.exit_code != 0)
        return false;
    std::size_t serving = 0;
    for (const auto& component : json::parse(told.out).at("components").as_array())
        for (const auto& machine : component.at("machines").as_array())
            for (const auto& instance : machine.at("instances").as_array())
                serving += instance.at("state").as_string() == "serving" ? 1 : 0;
    return serving == containers;
}

void churn::settle() const
{
    const auto is_settled = [&] {
        if (docker_.containers(scene_->project()).size() == containers && scene_->proxy_processes() == 2 &&
            serves_everything())
            return true;
        std::this_thread::sleep_for(200ms);
        return false;
    };
    expect(wait_until(is_settled, 60s),
        fmt::format("it does not settle: {}", scene_->gantryd({"status", scene_->project()}).both()));
}

void churn::begin_load()
{
    load_ = std::make_unique<integration::background_load>(
        load::options{.port = port_, .requests = {.rate = rate_, .connections = 4}});
}

void churn::end_load()
{
    if (load_)
        seen_.add(load_->finish());
    load_.reset();
}

const load::report& churn::seen()
{
    end_load();
    begin_load();
    return seen_;
}

}  // namespace gantryd::soak
