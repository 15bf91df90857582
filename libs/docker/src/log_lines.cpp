#include "log_lines.hpp"
#include "text.hpp"

#include <algorithm>
#include <iterator>

namespace gantryd::docker {
namespace {

// Enough for the longest line in UTF-8 with its colours; what is behind cannot be seen.
constexpr std::size_t most_raw_bytes = 4 * log_lines::longest_line + 2048;

}  // namespace

void log_lines::feed(output_stream from, std::string_view bytes)
{
    auto& line = partial_[static_cast<std::size_t>(from)];
    while (!bytes.empty()) {
        const auto newline = bytes.find('\n');
        const auto piece = bytes.substr(0, newline);
        line.begun = true;
        line.bytes += piece.substr(0, std::min(piece.size(), most_raw_bytes - line.bytes.size()));
        if (newline == std::string_view::npos)
            return;
        bytes.remove_prefix(newline + 1);
        finish(line);
    }
}

void log_lines::finish(partial_line& line)
{
    lines_.push_back(clean_line(line.bytes, longest_line));
    if (lines_.size() > most_)
        lines_.pop_front();
    line = {};
}

std::vector<std::string> log_lines::take()
{
    for (auto& line : partial_)
        if (line.begun)
            finish(line);
    std::vector<std::string> all(
        std::make_move_iterator(lines_.begin()), std::make_move_iterator(lines_.end()));
    lines_.clear();
    return all;
}

}  // namespace gantryd::docker
