#pragma once
#include <gantryd/runtime/clock.hpp>

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantryd::simulation {

/// What happened in a life, in order, for a person. Kept only when somebody is going to read it.
class story {
public:
    story(const runtime::clock& clk, bool kept) : clk_(clk), began_(clk.now()), kept_(kept) {}

    template <class... Args>
    void tell(std::string_view who, fmt::format_string<Args...> text, Args&&... args)
    {
        if (kept_)
            lines_.push_back(fmt::format("{:>10.3f} s  {:<9} {}",
                std::chrono::duration<double>(clk_.now() - began_).count(), who,
                fmt::format(text, std::forward<Args>(args)...)));
    }
    bool is_kept() const noexcept { return kept_; }
    const std::vector<std::string>& lines() const noexcept { return lines_; }

private:
    const runtime::clock& clk_;
    runtime::time_point began_;
    bool kept_;
    std::vector<std::string> lines_;
};

}  // namespace gantryd::simulation
