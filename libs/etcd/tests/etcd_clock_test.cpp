// The clock of one member is far off. etcd is a Go program, and Go asks the kernel's vDSO for the time: what
// preloads a library, as faketime does, does not reach it. A time namespace does; it moves the monotonic
// clock, which is the one that leases and elections run on.
#include "real_etcd.hpp"

#include <array>
#include <cstdio>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace gantryd::etcd {
namespace {

using base::errc;
using etcd_testing::cluster;
using etcd_testing::cluster_options;

cluster_options one_ahead()
{
    cluster_options out;
    out.members = 3;
    out.wrapped_member = 0;
    out.wrapper = {
        "unshare", "--time", "--fork", "--kill-child", "--monotonic", "1000000", "--boottime", "1000000"};
    return out;
}

class clock_of_a_member : public real_etcd {
protected:
    /// Makes that member the leader: leases are its business.
    void lead(std::size_t member)
    {
        const auto leader = members.leader();
        if (leader == member)
            return;
        const auto id = members.etcdctl({"endpoint", "status", "--write-out", "fields"},
            {"ETCDCTL_ENDPOINTS=" + members.endpoint(member)});
        const std::string mark = "\"MemberID\" : ";
        const auto number = std::stoull(id.substr(id.find(mark) + mark.size()));
        std::array<char, 17> hex{};
        std::snprintf(hex.data(), hex.size(), "%llx", number);
        members.etcdctl({"move-leader", hex.data()}, {"ETCDCTL_ENDPOINTS=" + members.endpoint(leader)});
        ASSERT_EQ(members.leader(), member);
    }

    asio::awaitable<void> leases()
    {
        lead(1);
        const auto lease = co_await client->grant(4s, in(5s));
        EXPECT_TRUE(lease) << lease.error().context();
        if (!lease)
            co_return;
        store::transaction what;
        what.operations.push_back({store::operation::kind::put, "k/leased", "", *lease});
        const auto done = co_await client->commit(std::move(what), in(5s));
        EXPECT_TRUE(done) << done.error().context();
        // From a leader with the right clock to one that is eleven days ahead, and back.
        for (const std::size_t leader : {0U, 1U, 0U}) {
            lead(leader);
            for (int i = 0; i < 5; ++i) {
                const auto kept = co_await client->keep_alive(*lease, in(5s));
                EXPECT_TRUE(kept) << kept.error().context();
                co_await pass(1s);
            }
            const auto there = co_await client->get("k/leased", in(5s));
            EXPECT_TRUE(there && *there) << "the lease ended early";
        }
        const auto watch = client->watch("k/", *done);
        const auto gone = co_await next(*watch);
        EXPECT_EQ(words_of(gone), "-k/leased");
        const auto kept = co_await client->keep_alive(*lease, in(5s));
        EXPECT_TRUE(!kept && kept.error() == errc::not_found);
    }

    cluster members{one_ahead()};
    std::unique_ptr<store::store> client = open_at(members.endpoints());
};

TEST_F(clock_of_a_member, that_is_off_ends_no_lease_early_and_none_late) { loop->run(leases(), 110s); }

}  // namespace
}  // namespace gantryd::etcd
