#pragma once
#include <gantryd/base/log.hpp>
#include <gantryd/daemon/store_copy.hpp>
#include <gantryd/runtime/dirty_flag.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::daemon {

/// All keys of the copy in the ledger begin with this.
inline constexpr std::string_view copy_prefix = "copy";

/// Keeps on this machine what the store said last, for a start at which the store does not answer. Written
/// behind, each time as a whole: what is there is always what the store once was.
class store_copy {
public:
    /// `where`: the ledger.
    store_copy(store::store& where, runtime::clock& clk, const base::logger& log, copy_subject of,
        boost::asio::any_io_executor ex);

    /// What an earlier daemon kept; nothing when that is of no use, which is told to the log.
    boost::asio::awaitable<std::optional<kept_state>> load();

    /// All that the store has under `prefix`; then what has changed there.
    void take(std::string_view prefix, const store::snapshot& all);
    void take(const std::vector<store::change>& changes);

    /// The store has just answered.
    void hear();
    /// The store has gone away.
    void seal();

    /// What this machine would tell the store, until that answers again.
    void keep_here(const std::string& key, const std::string& value);
    void drop_here();

    /// Writes what was taken, for ever; `on_result` hears how each write went.
    boost::asio::awaitable<void> write_behind(std::function<void(const base::result<void>&)> on_result);

private:
    /// Enough to see that a pair is not what it was.
    struct fingerprint {
        store::revision created{};
        store::revision modified{};
        std::size_t value = 0;
        friend bool operator==(const fingerprint&, const fingerprint&) = default;
    };
    using values = std::map<std::string, std::optional<std::string>>;  ///< nothing: to be erased

    bool is_of_use(std::string_view key) const;
    void take_pair(const store::key_value& pair);
    void put(const std::string& key, std::optional<std::string> value);
    std::string head() const;
    store::transaction write_of(const values& changed) const;

    store::store& store_;
    runtime::clock& clk_;
    const base::logger& log_;
    const copy_subject of_;
    std::map<std::string, fingerprint> known_;  ///< of the store's pairs
    std::map<std::string, std::size_t> here_;   ///< what this machine would tell, by its hash
    std::set<std::string> leftovers_;           ///< of a copy that was of no use
    values unwritten_;
    bool is_whole_ = false;  ///< the components were listed: before that there is nothing to be kept
    store::revision at_{};
    base::wall_time heard_at_{};
    base::wall_time written_as_of_{};
    runtime::dirty_flag changed_;
};

}  // namespace gantryd::daemon
