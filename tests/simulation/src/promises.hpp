#pragma once
#include "town.hpp"

#include <gantryd/haproxy_config/view.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gantryd::simulation {

/// The name of a container on every machine that nobody manages.
inline constexpr auto foreign_container = "other";

/// A container as the promises see it: what is true of it, beside what its machine told.
struct body {
    model::container_id id;
    std::string name;
    model::component_name component;
    int release = 0;
    std::string address;
    bool is_running = false;
    std::optional<runtime::time_point> died_at;
    std::optional<runtime::time_point> drains_since;  ///< the first time that its machine said so
    std::optional<runtime::time_point> stopped_at;
    std::optional<runtime::time_point> ready_since;  ///< its machine said so
    bool condemned = false;                          ///< its machine said that it had failed
};

/// Somebody connected to a container.
struct client {
    model::container_id to;
    std::string endpoint;
    bool direct = false;  ///< past the proxy
    runtime::time_point since{};
    runtime::time_point until{};
};

/// What must hold at every moment of every life, whatever happens; the list stands in docs/simulation.md.
/// The first breach is kept.
class promises {
public:
    explicit promises(town& of) : town_(of), seen_(of.nodes.size()) { attach(); }

    /// To be called after each step of time.
    void after_step();
    const std::string& broken() const noexcept { return broken_; }

    std::vector<client>& clients_of(std::size_t node) { return seen_[node].clients; }
    const std::map<model::container_id, body>& bodies_on(std::size_t node) const
    {
        return seen_[node].bodies;
    }

private:
    class watcher final : public daemon::observer {
    public:
        watcher(promises& of, std::size_t node) : of_(of), node_(node) {}
        void happened(const daemon::fact& what) override { of_.happened(node_, what); }
        void planned(const planner::world&, const planner::plan& made, std::size_t) override
        {
            of_.planned(node_, made);
        }

    private:
        promises& of_;
        std::size_t node_;
    };
    struct past {
        std::unique_ptr<watcher> listens;
        std::map<model::container_id, body> bodies;
        std::uint64_t docker_changes = 0;  ///< as of `bodies`
        std::vector<haproxy_config::route> table;
        std::vector<client> clients;
        int updates = 0;
    };
    using serving = std::map<model::component_name, std::set<model::container_id>>;

    void attach();
    void happened(std::size_t node, const daemon::fact& what);
    void planned(std::size_t node, const planner::plan& made);
    /// Before the call has its effect.
    void called(std::size_t node, const std::string& call);
    void check_patience(std::size_t node, const body& of);
    void check_stop(std::size_t node, const body& of);
    void check_kill(std::size_t node, const body& of);
    void check_create(std::size_t node, const std::string& name);
    void check_table(std::size_t node);
    void check_left(std::size_t node, const model::component_name& component,
        const std::set<model::container_id>& before, const std::set<model::container_id>& after);
    void check_new(std::size_t node, const haproxy_config::route& route);
    void check_turns();
    void learn(std::size_t node);
    void drop_clients(std::size_t node);

    serving serving_in(std::size_t node, const std::vector<haproxy_config::route>& table) const;
    const body* behind(
        std::size_t node, const model::component_name& component, const std::string& address) const;
    /// Somebody was ready at the address when the last table was sent, and has died since.
    bool was_ready_when_sent(
        std::size_t node, const model::component_name& component, const std::string& address) const;
    std::size_t unnoticed_deaths(std::size_t node, const model::component_name& component) const;
    std::size_t serving_elsewhere(std::size_t node, const model::component_name& component) const;
    body* find(std::size_t node, const std::string& name);
    bool has_slot(const control::project_overview& all, const node& on,
        const model::component_name& component, int release);
    void fail(std::size_t node, std::string why);

    struct turn {
        std::size_t node = 0;
        model::component_name component;
        int release = 0;
        std::string call;
    };

    town& town_;
    std::vector<past> seen_;
    std::vector<turn> turns_;  ///< starts of this step
    std::string broken_;
};

/// 2 of "shop-web-2-1", with its component; nothing for the name of something else.
std::optional<std::pair<model::component_name, int>> read_name(const std::string& container);

/// The component of "web_8001"; empty for a link's route.
model::component_name component_of(const model::route_id& route);

}  // namespace gantryd::simulation
