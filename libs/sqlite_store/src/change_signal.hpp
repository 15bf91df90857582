#pragma once
#include <string>

namespace gantryd::sqlite_store {

/// Tells other processes that there is something new in the store, and hears it from them: the writer opens
/// a small file for writing and closes it, which inotify reports and which writes nothing to the disk.
///
/// A hint, not a promise: a writer may die before it announces, inotify may be used up. Look from time to
/// time all the same.
class change_signal {
public:
    /// `path` of the small file; it is made when somebody needs it.
    explicit change_signal(std::string path) : path_(std::move(path)) {}
    change_signal(const change_signal&) = delete;
    change_signal& operator=(const change_signal&) = delete;
    ~change_signal();

    void announce() const noexcept;

    /// From now on announcements make descriptor() readable. False: they cannot be heard now. Idempotent,
    /// and to be called before every look: someone may have removed the file.
    bool listen() noexcept;

    /// An inotify descriptor, non-blocking; -1 before the first listen().
    int descriptor() const noexcept { return descriptor_; }

    /// Takes what there is to read.
    void drain() const noexcept;

private:
    std::string path_;
    int descriptor_ = -1;
};

}  // namespace gantryd::sqlite_store
