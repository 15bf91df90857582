#include "diag_message.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace gantryd::socket_table {
namespace {

template <class T>
std::string message(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence, const T& payload)
{
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + sizeof payload);
    header.nlmsg_type = type;
    header.nlmsg_flags = flags;
    header.nlmsg_seq = sequence;
    std::string out(NLMSG_ALIGN(header.nlmsg_len), '\0');
    std::memcpy(out.data(), &header, sizeof header);
    std::memcpy(out.data() + sizeof header, &payload, sizeof payload);
    return out;
}

inet_diag_msg v4_socket(std::uint16_t port, std::uint32_t inode)
{
    inet_diag_msg out{};
    out.idiag_family = AF_INET;
    out.idiag_state = TCP_ESTABLISHED;
    out.id.idiag_sport = htons(port);
    out.id.idiag_dport = htons(50'000);
    ::inet_pton(AF_INET, "172.17.0.2", &out.id.idiag_src[0]);
    ::inet_pton(AF_INET, "172.17.0.1", &out.id.idiag_dst[0]);
    out.id.idiag_cookie[0] = 7;
    out.id.idiag_cookie[1] = 1;
    out.idiag_inode = inode;
    out.idiag_rqueue = 3;
    out.idiag_wqueue = 4;
    return out;
}

std::string done(std::uint32_t sequence) { return message(NLMSG_DONE, NLM_F_MULTI, sequence, int{0}); }

std::string one_of_many(std::uint32_t sequence, const inet_diag_msg& what)
{
    return message(SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, sequence, what);
}

socket_record in_state(int state, std::uint32_t inode, std::uint32_t unacked)
{
    socket_record out;
    out.state = state;
    out.inode = inode;
    out.unacked = unacked;
    return out;
}

TEST(diag_message, a_list_comes_in_several_datagrams)
{
    answer got(5);
    const auto first = one_of_many(5, v4_socket(8080, 11)) + one_of_many(5, v4_socket(8081, 12));
    ASSERT_TRUE(got.take(first));
    EXPECT_FALSE(got.complete());
    ASSERT_TRUE(got.take(one_of_many(5, v4_socket(8082, 13)) + done(5)));
    EXPECT_TRUE(got.complete());
    ASSERT_EQ(got.sockets.size(), 3U);
    const auto& s = got.sockets[0];
    EXPECT_EQ(s.state, TCP_ESTABLISHED);
    EXPECT_EQ(s.local.address.text(), "172.17.0.2");
    EXPECT_EQ(s.local.port, 8080);
    EXPECT_EQ(s.peer.address.text(), "172.17.0.1");
    EXPECT_EQ(s.peer.port, 50'000);
    EXPECT_EQ(s.inode, 11U);
    EXPECT_EQ(s.cookie, (std::uint64_t{1} << 32) + 7);
    EXPECT_EQ(s.unread, 3U);
    EXPECT_EQ(s.unacked, 4U);
    EXPECT_EQ(got.sockets[2].inode, 13U);
}

TEST(diag_message, one_socket_is_an_answer_by_itself)
{
    answer got(6);
    ASSERT_TRUE(got.take(message(SOCK_DIAG_BY_FAMILY, 0, 6, v4_socket(8080, 11))));
    EXPECT_TRUE(got.complete());
    EXPECT_EQ(got.sockets.size(), 1U);
}

TEST(diag_message, no_such_socket_is_an_answer)
{
    answer got(6);
    nlmsgerr none{};
    none.error = -ENOENT;
    ASSERT_TRUE(got.take(message(NLMSG_ERROR, 0, 6, none)));
    EXPECT_TRUE(got.complete());
    EXPECT_TRUE(got.sockets.empty());
}

TEST(diag_message, a_refusal_is_an_error_with_the_kernels_words)
{
    answer got(6);
    nlmsgerr refusal{};
    refusal.error = -EPERM;
    const auto taken = got.take(message(NLMSG_ERROR, 0, 6, refusal));
    ASSERT_FALSE(taken);
    EXPECT_TRUE(taken.error() == base::errc::unavailable);
    EXPECT_NE(taken.error().context().find("not permitted"), std::string::npos) << taken.error().context();
}

TEST(diag_message, answers_to_earlier_requests_are_passed_over)
{
    answer got(6);
    ASSERT_TRUE(got.take(one_of_many(5, v4_socket(8080, 11)) + done(5)));
    EXPECT_FALSE(got.complete());
    EXPECT_TRUE(got.sockets.empty());
}

TEST(diag_message, a_cut_answer_is_malformed)
{
    const auto whole = one_of_many(5, v4_socket(8080, 11));
    for (std::size_t size = 1; size < whole.size(); ++size) {
        answer got(5);
        const auto taken = got.take(std::string_view(whole).substr(0, size));
        ASSERT_FALSE(taken) << size;
        EXPECT_TRUE(taken.error() == base::errc::malformed);
    }
    answer got(5);
    EXPECT_FALSE(got.take(message(SOCK_DIAG_BY_FAMILY, NLM_F_MULTI, 5, int{0}))) << "too short a socket";
}

TEST(diag_message, an_ipv4_address_mapped_into_ipv6_is_the_same_one)
{
    auto v6 = v4_socket(8080, 11);
    v6.idiag_family = AF_INET6;
    ::inet_pton(AF_INET6, "::ffff:172.17.0.2", &v6.id.idiag_src[0]);
    ::inet_pton(AF_INET6, "fd00::9", &v6.id.idiag_dst[0]);
    answer got(5);
    ASSERT_TRUE(got.take(one_of_many(5, v4_socket(8080, 11)) + one_of_many(5, v6)));
    EXPECT_EQ(got.sockets[0].local, got.sockets[1].local);
    EXPECT_EQ(got.sockets[1].peer.address.text(), "fd00::9");
    EXPECT_FALSE(got.sockets[1].peer.address.is_v4());
}

TEST(diag_message, loopback_in_both_worlds)
{
    auto record = v4_socket(8080, 11);
    ::inet_pton(AF_INET, "127.1.2.3", &record.id.idiag_src[0]);
    auto v6 = v4_socket(8080, 11);
    v6.idiag_family = AF_INET6;
    ::inet_pton(AF_INET6, "::1", &v6.id.idiag_src[0]);
    ::inet_pton(AF_INET6, "::2", &v6.id.idiag_dst[0]);
    answer got(5);
    ASSERT_TRUE(got.take(one_of_many(5, record) + one_of_many(5, v6)));
    EXPECT_TRUE(got.sockets[0].local.address.is_loopback());
    EXPECT_FALSE(got.sockets[0].peer.address.is_loopback());
    EXPECT_TRUE(got.sockets[1].local.address.is_loopback());
    EXPECT_FALSE(got.sockets[1].peer.address.is_loopback());
}

TEST(diag_message, what_is_live)
{
    EXPECT_TRUE(is_live(in_state(TCP_ESTABLISHED, 0, 0))) << "waits to be accepted";
    EXPECT_TRUE(is_live(in_state(TCP_CLOSE_WAIT, 4, 0))) << "its peer may have closed one direction only";
    EXPECT_TRUE(is_live(in_state(TCP_FIN_WAIT2, 4, 0))) << "its program still reads";
    EXPECT_FALSE(is_live(in_state(TCP_FIN_WAIT2, 0, 0)));
    EXPECT_TRUE(is_live(in_state(TCP_FIN_WAIT1, 0, 2))) << "the end of the answer is on its way";
    EXPECT_FALSE(is_live(in_state(TCP_FIN_WAIT1, 0, 1))) << "only the FIN is on its way";
    EXPECT_TRUE(is_live(in_state(TCP_LAST_ACK, 0, 500)));
    EXPECT_FALSE(is_live(in_state(TCP_LAST_ACK, 0, 1)));
    for (const int state : {TCP_SYN_SENT, TCP_SYN_RECV, TCP_TIME_WAIT, TCP_CLOSE, TCP_LISTEN})
        EXPECT_FALSE(is_live(in_state(state, 4, 100))) << state;
}

TEST(diag_message, the_other_end_is_abandoned_when_it_was_closed_and_all_has_arrived)
{
    EXPECT_TRUE(is_abandoned(in_state(TCP_FIN_WAIT2, 0, 0)));
    EXPECT_TRUE(is_abandoned(in_state(TCP_TIME_WAIT, 0, 0)));
    EXPECT_FALSE(is_abandoned(in_state(TCP_FIN_WAIT1, 0, 100)));
    EXPECT_FALSE(is_abandoned(in_state(TCP_FIN_WAIT2, 9, 0))) << "it closed one direction";
    EXPECT_FALSE(is_abandoned(in_state(TCP_ESTABLISHED, 9, 0)));
}

}  // namespace
}  // namespace gantryd::socket_table
