#pragma once
#include "proofs.hpp"
#include "scene.hpp"
#include "traffic.hpp"

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace gantryd::zero_loss {

namespace json = boost::json;
using benchmark::clock;
using integration::background_load;

/// Images of the demo server, v0, v1, v2 .., that are removed at the end.
class image_row {
public:
    image_row(const std::string& tag, int count);
    image_row(const image_row&) = delete;
    image_row& operator=(const image_row&) = delete;
    ~image_row() { docker_.remove_images(ids_); }

    const std::string& at(int version) const { return ids_.at(static_cast<std::size_t>(version)); }

private:
    integration::docker docker_;
    std::vector<std::string> ids_;
};

/// One component "web" with a daemon, and an image for each of its versions: v0, which runs already, v1, v2
/// ..
class stage {
public:
    /// `more`: fields of the component besides those that serve HTTP and the TCP echo.
    stage(const std::string& project, int versions, const json::object& more);
    stage(const stage&) = delete;
    stage& operator=(const stage&) = delete;

    /// Updates to the version and waits until it is live. Throws when that does not come about.
    void update_to(int version, disturbance with, std::mt19937& random);

    /// Waits until no more than `count` containers are left; false when that takes more than `limit`.
    bool comes_down_to(std::size_t count, std::chrono::seconds limit) const;

    std::string done() const;
    const std::string& image(int version) const { return images_.at(version); }
    std::uint16_t http_port() const { return http_port_; }
    std::uint16_t echo_port() const { return echo_port_; }
    const benchmark::scene& scene() const { return *scene_; }

private:
    struct event {
        clock::time_point at;
        bool reload = false;  ///< else the daemon is killed
    };
    void disturb(std::vector<event> events, integration::program& update);
    void reload_proxy();
    void restart_daemon();

    integration::docker docker_;
    std::string tag_;
    image_row images_;
    std::uint16_t http_port_;
    std::uint16_t echo_port_;
    std::unique_ptr<benchmark::scene> scene_;
    int updates_ = 0;
    int reloads_ = 0;
    int kills_ = 0;
};

/// Adds what the load lost to the problems, each failure with its time.
void expect_whole(outcome& out, const load::report& of);

}  // namespace gantryd::zero_loss
