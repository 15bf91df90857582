#pragma once
#include <gantryd/store/store.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace gantryd::sqlite_store {

/// Whether a commit is on the disk when it returns. `relaxed` may lose the last commits in a power failure,
/// never their order or the file: for what can be observed again.
enum class durability { full, relaxed };

struct options {
    std::string path;
    durability commits = durability::full;
    bool create = true;                  ///< make the file (mode 0600) and its directory (0700) when missing
    std::size_t history_limit = 10'000;  ///< at least so many revisions are kept for watchers
};

/// Opens the store in one SQLite file, shared by any number of processes on this machine.
/// Errors: not_found (missing and not `create`), rejected (no database, another program's, a newer format,
/// or no permission: the sentence names the file and what was found), unavailable (locked for too long).
/// `clk` must outlive the store. Runs on the loop it is awaited on.
///
/// Leases run on `clk`, which must be the same for all processes; they end when the machine starts anew.
/// Beside the file stand SQLite's `-wal` and `-shm`, and `-changed`, which tells watchers in other
/// processes to look.
base::result<std::unique_ptr<store::store>> open(options what, runtime::clock& clk);

}  // namespace gantryd::sqlite_store
