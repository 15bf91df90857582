#pragma once
#include "answers.hpp"

#include <algorithm>
#include <cstdint>

namespace gantryd::etcd {

/// Notices that etcd was put back from a backup: another cluster, or one whose history goes backwards.
/// It is told of the answers to linearizable questions only; others may be old by right.
class lineage {
public:
    /// How it stands, to be taken before a question is asked.
    struct mark {
        std::uint64_t epoch = 0;
        header newest;
    };
    const mark& now() const noexcept { return now_; }

    /// Counts up when a restore is noticed: revisions of another epoch mean nothing any more.
    std::uint64_t epoch() const noexcept { return now_.epoch; }

    /// The answer to a question that was asked at `asked`.
    void note(const mark& asked, const header& got)
    {
        if (asked.epoch == now_.epoch && is_before(got, asked.newest)) {
            ++now_.epoch;
            now_.newest = got;
            return;
        }
        if (now_.newest.cluster != 0 && got.cluster != now_.newest.cluster)
            return;  // of a question from before the restore
        now_.newest.cluster = got.cluster;
        now_.newest.at = std::max(now_.newest.at, got.at);
        now_.newest.term = std::max(now_.newest.term, got.term);
    }

private:
    static bool is_before(const header& got, const header& known)
    {
        return known.cluster != 0 &&
               (got.cluster != known.cluster || got.at < known.at || got.term < known.term);
    }

    mark now_;
};

}  // namespace gantryd::etcd
