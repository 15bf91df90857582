#pragma once
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gantryd::integration {

/// One container of a component, as its machine's Engine lists it.
struct seen_container {
    std::string id;     ///< 64 digits
    std::string image;  ///< "sha256:.."
    bool running = false;
    bool started = running;  ///< it runs or has ended; else it was only made, or is on its way out
};

/// One look at a machine from the outside. What was seen was so at some moment from `begun` to `answered`.
struct observation {
    std::chrono::steady_clock::time_point begun;
    std::chrono::steady_clock::time_point answered;
    std::string
        version;  ///< the body of GET / at the external port; "" when there was no answer of status 200
    std::string instance;  ///< the container that answered: the 12 first digits of its id
    bool engine_answered = false;
    std::vector<seen_container> containers;

    std::size_t running() const;
};

using machine_history = std::vector<observation>;        ///< in the order of time
using history = std::map<std::string, machine_history>;  ///< by the machine's name
using observed_state = std::function<bool(const observation&)>;

/// Not `wanted` containers of one image are running: the machine is in the middle of something. Of a machine
/// whose Engine does not answer nothing is known, so it is in no state.
observed_state changing(std::size_t wanted);

/// Part of the observations: those that ended from `from` to `to`.
history between(
    const history& all, std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to);

/// The machines that were in a state at the same moment.
struct overlap {
    std::chrono::steady_clock::time_point at;
    std::set<std::string> machines;
};

/// The moment when most machines were in the state. Counted are only times when a machine was so for certain:
/// between two looks, one after the other, that both saw it. What is shorter than the distance of two looks
/// is not seen.
overlap most_at_once(const history& all, const observed_state& state);

/// A line for each stretch of time when more than `allowed` machines were in the state. Empty is good.
std::vector<std::string> beyond(const history& all, const observed_state& state, std::size_t allowed);

/// A line for each look that saw fewer than `wanted` containers run, or nothing answer at the port, after the
/// machine had come so far once. Looks that the Engine did not answer only count for the port. Empty is good.
std::vector<std::string> below(const history& all, std::size_t wanted);

/// The versions that answered, each change one entry.
std::vector<std::string> versions_served(const machine_history& looks);

/// The images of all containers that ran.
std::set<std::string> images_run(const machine_history& looks);

/// The machines where a container of the image ran.
std::set<std::string> machines_that_ran(const history& all, const std::string& image);

}  // namespace gantryd::integration
