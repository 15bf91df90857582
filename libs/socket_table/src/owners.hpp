#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_set>
#include <vector>

#include <dirent.h>
#include <sys/types.h>

namespace gantryd::socket_table {

/// Finds out which sockets some processes hold, a part at a time: a proxy may have tens of thousands, at some
/// microseconds each.
class owner_scan {
public:
    explicit owner_scan(std::vector<pid_t> processes);

    /// Looks at the next `most` descriptors. A process that is gone, or not for us to look at, holds none.
    void go_on(std::size_t most);

    bool is_complete() const { return left_.empty(); }
    bool has_seen(std::uint32_t inode) const { return seen_.contains(inode); }

private:
    struct closer {
        void operator()(DIR* directory) const { ::closedir(directory); }
    };

    std::vector<pid_t> left_;                 // the last one is the present one
    std::unique_ptr<DIR, closer> directory_;  // of its descriptors
    std::unordered_set<std::uint32_t> seen_;
};

}  // namespace gantryd::socket_table
