#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace gantryd::integration {

/// A Docker Engine of a test's own, which it may kill and start again. Needs root.
class private_engine {
public:
    /// With more arguments for dockerd. Throws when it does not come up.
    explicit private_engine(std::vector<std::string> arguments = {});
    private_engine(const private_engine&) = delete;
    private_engine& operator=(const private_engine&) = delete;
    ~private_engine();

    /// As DOCKER_HOST.
    std::string host() const { return "unix://" + (directory_ / "docker.sock").string(); }

    /// SIGKILL to the Engine; its containers live on.
    void kill();

    /// Starts it again on what the killed one left, and waits until it answers.
    void start();

private:
    std::filesystem::path directory_;
    std::vector<std::string> arguments_;
};

}  // namespace gantryd::integration
