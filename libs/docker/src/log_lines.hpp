#pragma once
#include "frames.hpp"

#include <array>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::docker {

/// Keeps the last lines of a container's output, each of them cleaned and cut. Sans-io.
/// Memory: `most_lines` lines of 500 characters, whatever the container has written.
class log_lines {
public:
    static constexpr std::size_t longest_line = 500;  ///< characters

    explicit log_lines(std::size_t most_lines) : most_(most_lines) {}

    void feed(output_stream from, std::string_view bytes);

    /// The lines, oldest first; what came after the last newline is a line too.
    std::vector<std::string> take();

private:
    struct partial_line {
        std::string bytes;
        bool begun = false;
    };
    void finish(partial_line& line);

    std::size_t most_;
    std::array<partial_line, 2> partial_;
    std::deque<std::string> lines_;
};

}  // namespace gantryd::docker
