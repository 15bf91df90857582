#pragma once
#include "fleet.hpp"

#include <random>
#include <string>
#include <vector>

namespace gantryd::daemon {

/// Somebody who breaks things at random, and mends them after a while.
class gremlin {
public:
    gremlin(fleet& f, unsigned seed) : fleet_(f), dice_(seed), down_(f.size() + 1), cut_(f.size() + 1) {}

    void meddle()
    {
        const auto who = 1 + dice_() % fleet_.size();
        switch (dice_() % 6) {
        case 0:
            if (!down_[who]) {
                fleet_.crash(who);
                cut_[who] = false;  // see there
            }
            down_[who] = true;
            break;
        case 1:
            fleet_.link(who).cut();
            cut_[who] = true;
            break;
        case 2: mend(who); break;
        case 3: fleet_.release(spec(), std::to_string(++tag_)); break;
        case 4: start_without_store(who); break;
        default: break;
        }
    }

    void start_without_store(std::size_t who)
    {
        if (!down_[who])
            return;
        fleet_.link(who).cut();
        fleet_.at(who).start();
        cut_[who] = true;
        down_[who] = false;
    }

    void mend(std::size_t who)
    {
        if (down_[who])
            fleet_.at(who).start();
        down_[who] = false;
        if (cut_[who])
            fleet_.link(who).heal();
        cut_[who] = false;
    }

    runtime::duration pause() { return std::chrono::milliseconds(dice_() % 30'000); }
    int tag() const noexcept { return tag_; }

private:
    model::component_spec spec()
    {
        auto out = machine::web();
        out.rollout.min_healthy_time = std::chrono::milliseconds(dice_() % 8000);
        out.rollout.max_parallel = {static_cast<std::int32_t>(1 + dice_() % 2), false};
        return out;
    }

    fleet& fleet_;
    std::mt19937 dice_;
    std::vector<bool> down_;
    std::vector<bool> cut_;
    int tag_ = 1;
};

}  // namespace gantryd::daemon
