#pragma once
#include "misfortune.hpp"
#include "operator.hpp"
#include "promises.hpp"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace gantryd::simulation {

/// A promise was broken.
class breach : public std::runtime_error {
public:
    using runtime_error::runtime_error;
};

/// A town from its beginning to its end: one seed, one course.
class life {
public:
    life(std::uint64_t seed, bool keep_story, tally& to);
    ~life();
    life(const life&) = delete;
    life& operator=(const life&) = delete;

    /// Lives it. Throws breach.
    void live();
    const std::vector<std::string>& told() const { return town_.told.lines(); }

protected:
    /// As many machines as there are to be; absent: as chance has it. Without misfortunes where it is `calm`.
    life(std::uint64_t seed, bool keep_story, tally& to, std::optional<std::size_t> machines, bool calm);

    town& place() { return town_; }
    town_operator& orders() { return operator_; }
    void begin();
    /// Everything is mended, and the town gets done with what was ordered.
    void converge(bool with_last_orders);
    void pass(runtime::duration time);
    /// Nothing is done any more for that time.
    void rest(runtime::duration time);

private:
    void found(std::optional<std::size_t> machines);
    std::size_t draw_machines();
    void suffer();
    /// Time goes on to the next moment in which something happens, and not beyond `until`.
    void step(runtime::time_point until);
    void pass_until(runtime::time_point when);
    void check();
    std::size_t changes();

    town town_;
    std::unique_ptr<promises> promises_;
    town_operator operator_{town_};
    std::unique_ptr<misfortune> misfortune_;
    std::uint64_t steps_ = 0;
    bool is_large_ = false;  ///< many machines, many components, a long time of misfortunes
};

/// Why the town is not yet as it is to be; empty: it is.
std::string why_unfinished(town& of);
/// A release that is worth nothing and went live all the same; empty: none.
std::string bad_release_that_is_live(town& of);

/// Lives a life. Empty: it survived; else the promise that it broke. `story`: filled when it is not null.
std::string live_once(std::uint64_t seed, tally& to, std::vector<std::string>* story);

}  // namespace gantryd::simulation
