#pragma once
#include "traffic.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace gantryd::benchmark {

/// Our environment's variables, by name; DOCKER_HOST is `docker_host` unless that is empty.
std::function<std::string(const char*)> variables_with(std::string docker_host);

/// Docker's own word that a container of a project has started. Who waits for it asks nobody meanwhile: a
/// poll that begins earlier takes from Docker the time that the start needs, and the floor's begins no
/// earlier.
class start_watch {
public:
    /// Watches from now on. Throws when Docker's unix socket does not answer.
    explicit start_watch(const std::string& project, const std::string& docker_host = {});

    /// Returns at the first start. Throws after `limit`.
    void wait(std::chrono::seconds limit = std::chrono::seconds(30));

private:
    integration::connection events_;
};

}  // namespace gantryd::benchmark
