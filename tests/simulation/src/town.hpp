#pragma once
#include "node.hpp"

#include <gantryd/control/overview.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantryd::simulation {

/// What an operator has asked of a component so far.
struct orders {
    model::component_spec spec;
    model::intent intent = model::intent::ready;
    runtime::time_point since{};
    bool was_stopped = false;           ///< or killed, ever
    bool was_killed = false;            ///< ever
    std::int32_t fewest_instances = 0;  ///< of all its releases
    std::int32_t most_instances = 0;
    int most_parallel = 0;  ///< machines, of all its releases
};

/// A release as it really is.
struct true_release {
    model::component_spec spec;
    nature what = nature::good;
};

/// Machines that share a store, and what was asked of them.
struct town {
    town(std::uint64_t seed, bool keep_story, tally& to)
        : chance(seed),
          told(sim.clock, keep_story),
          counts(to)
    {
    }

    runtime::simulation sim;
    dice chance;
    story told;
    tally& counts;
    std::unique_ptr<store::store> books;
    std::vector<std::unique_ptr<node>> nodes;
    std::map<model::component_name, orders> components;
    std::map<std::pair<model::component_name, int>, true_release> releases;
    const model::project_name project{"shop"};
    bool had_marks = false;  ///< a machine was to drain, ever
    bool is_calm = false;    ///< nothing goes wrong but what was ordered: promises are strict

    runtime::time_point now() const { return sim.clock.now(); }

    /// What an operation on the store gives, which answers at once.
    template <class T>
    T ask(boost::asio::awaitable<T> op)
    {
        auto answer = sim.outcome_after(runtime::duration(), std::move(op));
        if (!answer)
            throw std::logic_error("a store in memory answers at once");
        return std::move(*answer);
    }
    /// What the store says, read anew when it has changed.
    const control::project_overview& look()
    {
        const auto at = ask(books->list("nothing has this prefix", now() + std::chrono::seconds(5)));
        if (at && seen_ && seen_->at == at->at)
            return *seen_;
        auto all = ask(control::read_overview(*books, project, now() + std::chrono::seconds(5)));
        if (!all)
            throw std::logic_error(all.error().context());
        return seen_.emplace(std::move(*all));
    }

private:
    std::optional<control::project_overview> seen_;
};

}  // namespace gantryd::simulation
