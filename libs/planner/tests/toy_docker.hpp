#pragma once
#include <gantryd/planner/world.hpp>

#include <map>
#include <optional>
#include <random>
#include <string>

namespace gantryd::planner::toy {

/// Numbers that depend on the seed alone.
class dice {
public:
    explicit dice(unsigned seed) : engine_(seed) {}

    /// 0 .. below-1.
    int number(int below) { return static_cast<int>(engine_() % static_cast<unsigned>(below)); }
    bool chance(int per_mille) { return number(1000) < per_mille; }
    std::chrono::milliseconds pause(int least_ms, int most_ms)
    {
        return std::chrono::milliseconds(least_ms + number(most_ms - least_ms + 1));
    }

private:
    std::mt19937 engine_;
};

/// How the containers of one release behave.
enum class behaviour { good, exits_at_once, never_ready, always_sick, only_first_gets_ready, cannot_start };

/// What is really there, whatever the daemon has heard of it.
struct container {
    model::container_id id;
    model::instance_name name;
    model::component_name component;
    model::release_number release{};
    behaviour how = behaviour::good;
    phase now = phase::created;
    std::string address;
    time_point started_at{};
    std::chrono::milliseconds ready_after{0};
    bool gets_ready = true;
    time_point sick_until{};
    std::optional<time_point> exits_at;
    int exit_code = 0;
    int direct = 0;                               ///< clients that did not come through the proxy
    std::map<std::string, link_address> exports;  ///< labels: the links' addresses when it was made
    std::map<std::string, link_address> imports;
};

/// A Docker Engine with its containers. Addresses are the lowest free ones, so that a new container often has
/// the one of a container that has just died.
class docker {
public:
    std::map<model::instance_name, container> containers;

    /// False when the name is taken, as Docker's 409.
    bool create(const model::instance_name& name, const model::component_name& component,
        model::release_number release, behaviour how);
    /// False when it cannot be started, as Docker's 400.
    bool start(const model::instance_name& name, time_point now, dice& luck);
    void stop(const model::container_id& id, time_point now, std::chrono::milliseconds grace, dice& luck);
    void kill(const model::container_id& id);
    void remove(const model::container_id& id);
    void crash(container& which, int exit_code);

    /// Those whose time has come exit.
    void pass(time_point now, dice& luck, bool busy);
    /// When the next one exits or becomes ready by itself.
    std::optional<time_point> next_event(time_point now) const;

    const container* at(const std::string& address) const;

private:
    container* find(const model::container_id& id);
    std::string free_address() const;
    int made_ = 0;
};

}  // namespace gantryd::planner::toy
