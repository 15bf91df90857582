#pragma once
#include "poller.hpp"

#include <string>
#include <vector>

namespace gantryd::load {

/// The first failures of a load as sentences, with their time.
class failure_log {
public:
    explicit failure_log(time_point start) : start_(start) {}

    void add(time_point now, const std::string& sentence)
    {
        if (lines_.size() < 20)
            lines_.push_back(
                "at " + std::to_string((now - start_) / std::chrono::milliseconds(1)) + " ms: " + sentence);
    }
    std::vector<std::string> take() { return std::move(lines_); }

private:
    time_point start_;
    std::vector<std::string> lines_;
};

}  // namespace gantryd::load
