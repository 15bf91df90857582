#pragma once
#include "lab/node.hpp"

#include <string>
#include <vector>

namespace gantryd::integration {

/// The lab's network: every node has one link, to the node "router", which forwards between them. What is
/// done to a link is done in the router, so that a cut is silent: packets vanish, and nobody is told.
class network {
public:
    /// The router's address.
    static constexpr auto gateway = "10.77.0.1";

    explicit network(node router) : router_(std::move(router)) {}

    /// Makes the links. Once for each node.
    void connect(const std::vector<node>& nodes) const;

    /// No packet from or to `a`, or none between the two.
    void cut(const node& a) const;
    void cut(const node& a, const node& b) const;
    /// No packet from `from` to `to`; those back still pass.
    void cut_one_way(const node& from, const node& to) const;

    /// Loses this share, from 0 to 1, of the packets in each direction.
    void lose(const node& a, double share) const;

    /// Lets `kilobits` per second pass in each direction. What waits for longer than 400 ms is lost.
    void slow(const node& a, int kilobits) const;

    /// Undoes everything that was done to the node's link, pairs with others included.
    void heal(const node& a) const;
    void heal_all(const std::vector<node>& nodes) const;

    /// What is done to the links at present, as lines for people.
    std::vector<std::string> impairments() const;

private:
    void forward_rule(std::vector<std::string> match) const;

    node router_;
};

}  // namespace gantryd::integration
