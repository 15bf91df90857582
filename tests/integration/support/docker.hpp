#pragma once
#include <boost/json.hpp>

#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

namespace gantryd::integration {

struct container {
    std::string id;  ///< 64 digits
    std::string name;
    std::map<std::string, std::string> labels;
    std::string image;  ///< "sha256:.."
    std::string state;  ///< running, exited, created ..
    std::string address;
    pid_t pid = 0;

    std::string short_id() const { return id.substr(0, 12); }
    bool running() const { return state == "running"; }
};

/// What the tests do with Docker, by its own command line. `host` is DOCKER_HOST; "" for our environment's.
class docker {
public:
    explicit docker(std::string host = {}) : host_(std::move(host)) {}

    /// "" when an Engine answers, else why not, with what to do about it.
    std::string problem() const;

    /// The project's containers that exist, in the order of their names.
    std::vector<container> containers(const std::string& project) const;
    std::vector<container> running(const std::string& project, const std::string& component) const;

    /// `docker inspect` of one container or image.
    boost::json::value inspect(const std::string& id) const;

    /// Makes an image of the demo server and gives it this name. `settings` become its environment.
    /// Returns its id, "sha256:..".
    std::string make_image(const std::string& name, const std::map<std::string, std::string>& settings) const;

    void remove_containers(const std::string& project) const;
    void remove_images(const std::vector<std::string>& ids) const;

    /// Runs `docker ..` and returns what it printed. Throws when it fails.
    std::string run(std::vector<std::string> words) const;

private:
    std::string host_;
};

}  // namespace gantryd::integration
