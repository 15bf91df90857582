#pragma once
#include "promises.hpp"

#include <functional>
#include <map>
#include <vector>

namespace gantryd::simulation {

/// Whoever breaks things, and mends them after a while.
class misfortune {
public:
    /// `calm`: nothing is ever broken.
    misfortune(town& of, promises& kept, bool calm);

    /// Breaks something, if this life has misfortunes at all.
    void strike();
    void mend_what_is_due();
    /// When something is due next.
    runtime::time_point next_mending() const
    {
        return due_.empty() ? runtime::time_point::max() : due_.begin()->first;
    }
    /// From now on everything works, and nobody is connected.
    void end();
    /// Somebody connects to a container.
    void connect();
    /// A daemon died at a call of its own: it comes back later.
    void bury_the_dying();

private:
    void later(runtime::duration longest, std::function<void()> mend);
    void strike_docker(std::size_t who);
    void strike_store(std::size_t who);
    void strike_proxy(std::size_t who);
    void strike_daemon(std::size_t who);
    void restart_later(std::size_t who);
    void end_a_container(std::size_t who);
    void lose_lease(std::size_t who);
    void tell(std::size_t who, fault what);

    town& town_;
    promises& promises_;
    std::multimap<runtime::time_point, std::function<void()>> due_;
};

}  // namespace gantryd::simulation
