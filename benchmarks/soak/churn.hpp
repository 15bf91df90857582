#pragma once
#include "scene.hpp"
#include "traffic.hpp"

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace gantryd::soak {

namespace json = boost::json;

/// What a busy day does to a project, one act after the other, in an order that chance has: a component "web"
/// of two instances behind HAProxy, with a link that another one, "worker", imports. A light load goes on
/// all the time, and a client follows the events.
class churn {
public:
    /// `project`: a name that no other project of the machine has.
    churn(const std::string& project, std::uint32_t seed, double rate);
    ~churn();
    churn(const churn&) = delete;
    churn& operator=(const churn&) = delete;

    /// The next act, to its end. Throws what went otherwise than it should.
    void next();

    /// Waits until everything is as ordered and nothing is under way. Throws after a minute.
    void settle() const;

    /// The load up to now; it begins anew.
    const load::report& seen();

    const std::map<std::string, int>& acts() const { return acts_; }
    const benchmark::scene& scene() const { return *scene_; }
    pid_t client_pid() const { return follower_->pid(); }

    static constexpr std::size_t containers = 3;

private:
    struct act {
        const char* name;
        void (churn::*what)();
    };

    void update_web();
    void release_a_bad_image();
    void crash_one_of_two();
    void reload_proxy();
    void stop_and_run_worker();
    void kill_and_run_worker();
    void change_the_config();
    void kill_proxy();
    void drain_with_connections();
    void ask_for_everything();

    json::object web() const;
    json::object worker() const;
    std::string project_file() const;
    void tag_next_version();
    void tag_version() const;
    void command(std::vector<std::string> words, int exit_code = 0) const;
    bool serves_everything() const;
    void begin_load();
    void end_load();

    std::string tag_;
    integration::docker docker_;
    std::vector<std::string> images_;
    std::vector<std::string> bad_images_;
    std::uint16_t port_;
    std::uint16_t echo_port_;
    std::uint16_t extra_port_;
    bool with_extra_port_ = false;
    int version_ = 0;
    int bad_ = 0;
    std::size_t victim_ = 0;
    double rate_;
    std::mt19937 random_;
    std::vector<act> deck_;
    std::map<std::string, int> acts_;
    std::unique_ptr<benchmark::scene> scene_;
    std::unique_ptr<integration::program> follower_;
    load::report seen_;
    std::unique_ptr<integration::background_load> load_;
};

}  // namespace gantryd::soak
