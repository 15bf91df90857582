#pragma once
#include "answers.hpp"

#include <gantryd/base/error.hpp>
#include <gantryd/store/data.hpp>

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::etcd {

/// What came out of the watch of one prefix: the newest changes, for any number of readers. Pure.
class feed {
public:
    feed(std::string prefix, store::revision after);

    const std::string& prefix() const noexcept { return prefix_; }

    /// Every change after this one, up to at(), is here.
    store::revision begin() const noexcept { return begin_; }
    store::revision at() const noexcept { return at_; }

    /// Whether a reader who has everything up to `after` can read on here.
    bool can_serve(std::string_view prefix, store::revision after) const noexcept
    {
        return !failure_ && prefix_ == prefix && after >= begin_;
    }

    /// The changes of one record. Those that are here already are passed over: etcd repeats some.
    /// Errors: limit_exceeded (fragments of one revision without end).
    base::result<void> take(std::vector<store::change> changes, bool more_follow);

    /// The stream is another one now: fragments that waited for their rest are dropped.
    void restart() noexcept;

    std::vector<store::change> after(store::revision position) const;

    /// It is of no use any more: every reader is told why.
    void fail(base::error why);
    const std::optional<base::error>& failure() const noexcept { return failure_; }

    /// From where on an audit is to look.
    store::revision audited() const noexcept;

    /// Whether everything that etcd says about the prefix at `at` is here.
    bool agrees(store::revision at, const audit_answer::part& said) const;

    /// After agrees(): so far all is well; the next audit begins there.
    void settle(store::revision at, const audit_answer::part& said);

    /// An audit did not agree. True the second time in a row: etcd has lost changes for good.
    bool doubt() noexcept;

private:
    void trim();

    struct baseline {
        store::revision at{};
        std::int64_t count = 0;
    };

    std::string prefix_;
    store::revision begin_;
    store::revision at_;
    std::deque<store::change> changes_;
    std::size_t bytes_ = 0;
    std::vector<store::change> fragments_;
    std::size_t fragment_bytes_ = 0;
    std::optional<base::error> failure_;
    std::optional<baseline> baseline_;
    bool doubted_ = false;
};

}  // namespace gantryd::etcd
