#include <gantryd/socket_table/table.hpp>

#include "diag_socket.hpp"
#include "namespace_handle.hpp"
#include "owners.hpp"

#include <map>
#include <optional>
#include <utility>

namespace gantryd::socket_table {
namespace {

using base::errc;
using base::fail;
using base::result;

// What one call may cost: each of these takes some five milliseconds.
constexpr std::size_t most_searches = 1'000;
constexpr std::size_t most_descriptors = 1'000;

/// Who holds the other end of a connection.
enum class holder { unknown, ours, somebody, nobody };

/// What is known of one container between two calls.
class container_watch {
public:
    explicit container_watch(diag_socket sockets) : sockets_(std::move(sockets)) {}

    result<std::vector<connection>> look(const question& what, diag_socket& here);

private:
    void note_listeners(const std::vector<socket_record>& all, const question& what);
    bool is_from_outside(const socket_record& s) const;
    result<holder> holder_of(const socket_record& s, diag_socket& here);
    void go_on_with_scan();

    diag_socket sockets_;
    std::set<std::uint16_t> ports_;
    std::vector<pid_t> ours_;
    std::map<std::uint64_t, holder> known_;            // by cookie
    std::map<std::uint32_t, std::uint64_t> to_find_;   // other ends' inodes, with the cookies of our ends
    std::map<std::uint32_t, std::uint64_t> searched_;  // what the present scan was begun for
    std::optional<owner_scan> scan_;
    std::size_t searches_left_ = 0;
};

void container_watch::note_listeners(const std::vector<socket_record>& all, const question& what)
{
    ports_.insert(what.ports.begin(), what.ports.end());
    for (const auto& s : all)
        if (is_listening(s))
            ports_.insert(s.local.port);
    if (ours_ == what.ours)
        return;
    ours_ = what.ours;
    // A process that is new among them may hold what nobody of them held before.
    std::erase_if(known_, [](const auto& entry) { return entry.second == holder::somebody; });
    scan_.reset();
}

/// Also a connection to its own address comes from inside.
bool container_watch::is_from_outside(const socket_record& s) const
{
    return is_live(s) && ports_.contains(s.local.port) && !s.peer.address.is_loopback() &&
           s.peer.address != s.local.address;
}

result<holder> container_watch::holder_of(const socket_record& s, diag_socket& here)
{
    if (const auto found = known_.find(s.cookie); found != known_.end())
        return found->second;
    if (searches_left_ == 0)
        return holder::unknown;  // until the next call
    --searches_left_;
    const auto other_end = here.find(s.peer, s.local);
    if (!other_end)
        return std::unexpected(other_end.error());
    if (!*other_end)  // on another machine, or in another namespace of this one
        return known_[s.cookie] = holder::somebody;
    if (is_abandoned(**other_end)) {
        // What it sent before it closed may still be for the container to read.
        if (s.unread > 1)
            return holder::somebody;
        return known_[s.cookie] = holder::nobody;
    }
    if ((*other_end)->inode == 0)
        return holder::somebody;
    to_find_[(*other_end)->inode] = s.cookie;
    return holder::unknown;
}

/// Takes what the processes hold a part further, and decides what that decides.
void container_watch::go_on_with_scan()
{
    if (to_find_.empty())
        return;
    if (!scan_ || scan_->is_complete()) {
        scan_.emplace(ours_);
        searched_ = to_find_;
    }
    scan_->go_on(most_descriptors);
    for (const auto& [inode, cookie] : to_find_) {
        if (scan_->has_seen(inode))
            known_[cookie] = holder::ours;
        else if (scan_->is_complete() && searched_.contains(inode))
            known_[cookie] = holder::somebody;
    }
}

result<std::vector<connection>> container_watch::look(const question& what, diag_socket& here)
{
    const auto all = sockets_.list();
    if (!all)
        return std::unexpected(all.error());
    note_listeners(*all, what);
    searches_left_ = most_searches;
    to_find_.clear();
    std::map<std::uint64_t, holder> present;
    for (const auto& s : *all) {
        if (!is_from_outside(s))
            continue;
        const auto held_by = holder_of(s, here);
        if (!held_by)
            return std::unexpected(held_by.error());
        present[s.cookie] = *held_by;
    }
    go_on_with_scan();
    std::erase_if(known_, [&](const auto& entry) { return !present.contains(entry.first); });

    std::vector<connection> out;
    for (const auto& s : *all) {
        const auto seen = present.find(s.cookie);
        if (seen == present.end())
            continue;
        const auto known = known_.find(s.cookie);
        const auto held_by = known == known_.end() ? seen->second : known->second;
        if (held_by == holder::unknown)
            return fail(errc::unavailable, "who holds its connections is still being looked up");
        if (held_by != holder::nobody)
            out.push_back({s.local.port, s.peer.address.text(), s.peer.port, held_by == holder::ours});
    }
    return out;
}

class kernel_table final : public table {
public:
    result<std::vector<connection>> clients_of(const question& what) override
    {
        if (!here_) {
            auto opened = diag_socket::here();
            if (!opened)
                return std::unexpected(opened.error());
            here_ = std::move(*opened);
        }
        auto watched = watches_.find(what.container);
        if (watched == watches_.end()) {
            const auto where = open_namespace(what.container, what.pid);
            if (!where)
                return std::unexpected(where.error());
            auto sockets = diag_socket::in(where->get());
            if (!sockets)
                return std::unexpected(sockets.error());
            watched = watches_.emplace(what.container, container_watch(std::move(*sockets))).first;
        }
        auto seen = watched->second.look(what, *here_);
        if (!seen && seen.error() != errc::unavailable) {
            watches_.erase(watched);  // the rest of an answer may still be in the sockets
            here_.reset();
            return fail(errc::unavailable, seen.error().context());
        }
        return seen;
    }

    void keep_only(const std::set<model::container_id>& these) override
    {
        std::erase_if(watches_, [&](const auto& entry) { return !these.contains(entry.first); });
    }

private:
    std::optional<diag_socket> here_;
    std::map<model::container_id, container_watch> watches_;
};

}  // namespace

std::unique_ptr<table> make_table() { return std::make_unique<kernel_table>(); }

}  // namespace gantryd::socket_table
