#pragma once
#include "support.hpp"

#include <gantryd/docker/engine.hpp>

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

namespace gantryd::docker {

/// Runs a program to its end and gives its output; throws when it fails.
std::string run_program(std::vector<std::string> command);

/// A program that runs beside the test and ends with this object.
class background_program {
public:
    explicit background_program(std::vector<std::string> command);
    background_program(const background_program&) = delete;
    background_program& operator=(const background_program&) = delete;
    ~background_program();

private:
    pid_t pid_ = -1;
};

/// The engine that the environment names, an image of its own, and names that no other run uses. Throws when
/// there is no engine: a test without one has tested nothing. Removes image and containers at the end.
class real_docker {
public:
    real_docker();
    real_docker(const real_docker&) = delete;
    real_docker& operator=(const real_docker&) = delete;
    ~real_docker();

    engine& tested() { return *engine_; }
    runtime::clock& clock() { return *clock_; }
    /// An engine like tested(), with another config file of the Docker CLI.
    std::unique_ptr<engine> engine_with_config(const std::string& config_file);
    const std::string& prefix() const { return prefix_; }  ///< also the image's name
    const model::image_id& image() const { return image_; }

    template <class T>
    T run(boost::asio::awaitable<T> op)
    {
        return run_in_real_time(loop_, std::move(op), std::chrono::seconds(60));
    }
    boost::asio::io_context& loop() { return loop_; }

private:
    void import_image();

    std::string prefix_;
    model::image_id image_;
    boost::asio::io_context loop_{1};
    std::unique_ptr<runtime::clock> clock_ = runtime::make_system_clock();
    std::unique_ptr<engine> engine_;
};

}  // namespace gantryd::docker
