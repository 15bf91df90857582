#include "feed.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace gantryd::etcd {
namespace {

using store::change;
using store::revision;

constexpr std::size_t most_changes = 4096;
constexpr std::size_t most_bytes = 8UL * 1024 * 1024;
constexpr std::size_t most_fragment_bytes = 64UL * 1024 * 1024;

std::size_t size_of(const change& c) { return c.pair.key.size() + c.pair.value.size() + sizeof(change); }

}  // namespace

feed::feed(std::string prefix, revision after) : prefix_(std::move(prefix)), begin_(after), at_(after) {}

base::result<void> feed::take(std::vector<change> changes, bool more_follow)
{
    for (auto& one : changes) {
        fragment_bytes_ += size_of(one);
        fragments_.push_back(std::move(one));
    }
    if (fragment_bytes_ > most_fragment_bytes)
        return base::fail(base::errc::limit_exceeded, "one revision of etcd has more than 64 MiB of changes");
    if (more_follow)
        return {};
    const auto before = at_;
    for (auto& one : std::exchange(fragments_, {})) {
        if (one.pair.modified <= before || one.pair.modified < at_)
            continue;
        at_ = one.pair.modified;
        bytes_ += size_of(one);
        changes_.push_back(std::move(one));
    }
    fragment_bytes_ = 0;
    trim();
    return {};
}

void feed::trim()
{
    while ((changes_.size() > most_changes || bytes_ > most_bytes) &&
           changes_.front().pair.modified < changes_.back().pair.modified) {
        // A revision goes as a whole.
        begin_ = changes_.front().pair.modified;
        while (changes_.front().pair.modified == begin_) {
            bytes_ -= size_of(changes_.front());
            changes_.pop_front();
        }
    }
}

void feed::restart() noexcept
{
    fragments_.clear();
    fragment_bytes_ = 0;
}

std::vector<change> feed::after(revision position) const
{
    const auto seen = [&](const change& c) { return c.pair.modified <= position; };
    const auto first = std::partition_point(changes_.begin(), changes_.end(), seen);
    return {first, changes_.end()};
}

void feed::fail(base::error why)
{
    if (!failure_)
        failure_ = std::move(why);
}

revision feed::audited() const noexcept { return baseline_ ? baseline_->at : begin_; }

bool feed::agrees(revision at, const audit_answer::part& said) const
{
    std::set<std::pair<revision, std::string_view>> here;
    for (const auto& one : changes_)
        if (!one.erased)
            here.emplace(one.pair.modified, one.pair.key);
    const bool all_here = std::ranges::all_of(said.written, [&](const store::key_value& pair) {
        return pair.modified <= begin_ || here.contains({pair.modified, pair.key});
    });
    if (!all_here || !baseline_ || baseline_->at < begin_)
        return all_here;
    auto count = baseline_->count;
    for (const auto& one : changes_) {
        if (one.pair.modified <= baseline_->at || one.pair.modified > at)
            continue;
        if (one.erased)
            --count;
        else if (one.pair.created == one.pair.modified)
            ++count;
    }
    return count == said.count;
}

void feed::settle(revision at, const audit_answer::part& said)
{
    baseline_ = baseline{at, said.count};
    doubted_ = false;
}

bool feed::doubt() noexcept { return std::exchange(doubted_, true); }

}  // namespace gantryd::etcd
