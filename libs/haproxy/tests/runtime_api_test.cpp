#include "../src/runtime_api.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

using namespace gantryd::haproxy;
using gantryd::base::errc;

namespace {

// Recorded from HAProxy 2.6.12; the statistics' later columns are left out but for one.
const std::string info =
    "Name: HAProxy\nVersion: 2.6.12-1+deb12u4\nRelease_date: 2026/10/17\nNbthread: 2\nNbproc: 1\n"
    "Process_num: 1\nPid: 7376\nUptime: 0d 0h00m00s\nMaxconn: 9979\nnode: vm\n"
    "description: gantryd-0123456789abcdef\nStopping: 0\nUnstoppable Jobs: 1\n\n";
const std::string servers =
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state "
    "srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
    "srv_agent_addr srv_agent_port\n"
    "3 be_web_18888 1 s1 127.0.0.1 2 8 1 1 0 1 0 2 0 0 0 0 - 19001 - 0 0 - - 0\n"
    "3 be_web_18888 2 s2 127.0.0.1 2 4 0 1 0 1 0 0 8 0 0 0 - 19002 - 0 0 - - 0\n"
    "3 be_web_18888 3 s3 127.0.0.1 0 5 1 1 37 1 0 0 8 0 0 0 - 1 - 0 0 - - 0\n"
    "5 be_db_18889 1 s1 ::1 2 0 1 1 0 1 0 2 0 0 0 0 - 65535 - 0 0 - - 0\n\n";
const std::string statistics = "# "
                               "pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,"
                               "eresp,wretr,wredis,status,mode,\n"
                               "fe_web_18888,FRONTEND,,,3,5,9979,9,0,0,0,0,0,,,,,OPEN,http,\n"
                               "fe_db_18889,FRONTEND,,,3,5,9979,9,0,0,0,0,0,,,,,PAUSED,tcp,\n"
                               "be_web_18888,s1,0,0,3,5,,9,0,0,,0,,0,0,0,0,DRAIN,http,\n"
                               "be_web_18888,s2,2,2,40,41,,50,0,0,,0,,0,0,0,0,no check,http,\n"
                               "be_web_18888,s3,0,0,0,0,,0,0,0,,0,,0,0,0,0,MAINT,http,\n"
                               "be_db_18889,s1,0,0,1,1,,1,0,0,,0,,0,0,0,0,no check,tcp,\n\n";
const std::string processes =
    "#<PID>          <type>          <reloads>       <uptime>        <version>      \n"
    "7375            master          3 [failed: 1]   0d00h00m56s     2.6.12-1+deb12u4\n"
    "# workers\n"
    "8071            worker          1               0d00h00m00s     2.6.12-1+deb12u4\n"
    "# old workers\n"
    "7587            worker          2               0d00h00m32s     2.6.12-1+deb12u4\n"
    "7376            worker          3               0d00h00m56s     2.6.12-1+deb12u4\n"
    "# programs\n\n";

}  // namespace

TEST(runtime_api, a_worker_tells_who_it_is_and_what_its_servers_do)
{
    const auto report = parse_worker_report(info + servers + statistics);
    ASSERT_TRUE(report) << report.error().context();
    EXPECT_EQ(report->pid, 7376);
    EXPECT_EQ(report->version, "2.6.12");
    EXPECT_EQ(report->description, "gantryd-0123456789abcdef");
    const std::vector<live_server> expected{
        {"be_web_18888", "s1", "127.0.0.1", 19001, false, true, true, 3},
        {"be_web_18888", "s2", "127.0.0.1", 19002, false, false, true, 42, 0, true},  // live and queued
        {"be_web_18888", "s3", "127.0.0.1", 1, true, false, false, 0},
        {"be_db_18889", "s1", "::1", 65535, false, false, true, 1},
    };
    EXPECT_EQ(report->servers, expected);
    EXPECT_EQ(report->closed_frontends, std::vector<std::string>{"fe_db_18889"});
}

TEST(runtime_api, a_tunnel_is_a_stream_that_nobody_analyses_in_either_direction)
{
    // The forms are recorded: a request that waits for its answer (8000, 1400000), an answer that is streamed
    // (8000, 4000000), an upgraded connection and one in TCP mode (00, 00), our own question (no server).
    const auto stream = [](const std::string& where, const std::string& request, const std::string& reply) {
        return "0x562a370e6e90: proto=tcpv4 src=127.0.0.1:44752 fe=fe_x " + where +
               " ts=00 epoch=0 age=1s calls=2 rate=0 cpu=0 lat=0 rq[f=49c40080h,i=0,an=" + request +
               "h,rx=,wx=,ax=] rp[f=80400000h,i=0,an=" + reply +
               "h,rx=23h59m,wx=,ax=] scf=[8,80h,fd=17] scb=[8,11h,fd=18] exp=0s rc=0 c_exp=\n";
    };
    const std::string web = "be=be_web_18888 srv=s1";
    const auto streams =
        stream(web, "8000", "1400000") + stream(web, "8000", "4000000") + stream(web, "8000", "00") +
        stream(web, "00", "4000000") + stream(web, "00", "00") +
        stream("be=be_web_18888 srv=s2", "00", "00") + stream("be=be_db_18889 srv=s1", "00", "00") +
        stream("be=be_db_18889 srv=s1", "00", "00") + stream("be=<NONE> srv=<none>", "00", "00") + "\n";
    const auto report = parse_worker_report(info + servers + statistics + streams);
    ASSERT_TRUE(report) << report.error().context();
    EXPECT_EQ(report->servers.at(0).tunnels, 1);
    EXPECT_EQ(report->servers.at(1).tunnels, 1);
    EXPECT_EQ(report->servers.at(2).tunnels, 0);
    EXPECT_EQ(report->servers.at(3).tunnels, 1) << "the statistics are older by one connection";
    EXPECT_EQ(report->servers.at(0).sessions, 3);
}

TEST(runtime_api, streams_are_asked_for_only_when_they_are_wanted)
{
    EXPECT_EQ(report_commands(detail::servers), "show info;show servers state;show stat -1 5 -1\n");
    EXPECT_EQ(report_commands(detail::streams), "show info;show servers state;show stat -1 5 -1;show sess\n");
    EXPECT_EQ(report_commands_for(7, detail::servers),
        "@!7 show info\n@!7 show servers state\n@!7 show stat -1 5 -1\n");
    EXPECT_EQ(report_commands_for(7, detail::streams),
        "@!7 show info\n@!7 show servers state\n@!7 show stat -1 5 -1\n@!7 show sess\n");
}

TEST(runtime_api, a_worker_without_servers)
{
    const auto header_only = [](const std::string& text, std::size_t lines) {
        std::size_t at = 0;
        for (; lines > 0; --lines)
            at = text.find('\n', at) + 1;
        return text.substr(0, at) + "\n";
    };
    const auto report = parse_worker_report(info + header_only(servers, 2) + header_only(statistics, 1));
    ASSERT_TRUE(report) << report.error().context();
    EXPECT_TRUE(report->servers.empty());
}

TEST(runtime_api, columns_are_found_by_name)
{
    const auto report =
        parse_worker_report("Pid: 5\n\n1\n# srv_port new srv_name be_name srv_addr srv_admin_state "
                            "srv_op_state srv_iweight srv_uweight\n80 x s1 be_a 10.0.0.1 1 2 1 1\n\n"
                            "# scur,svname,x,qcur,pxname,status\n7,s1,,1,be_a,MAINT\n\n");
    ASSERT_TRUE(report) << report.error().context();
    EXPECT_EQ(
        report->servers, (std::vector<live_server>{{"be_a", "s1", "10.0.0.1", 80, true, false, true, 8}}));
}

TEST(runtime_api, every_kind_of_maintenance_and_drain_is_known)
{
    const auto with = [](const std::string& admin_state) {
        return parse_worker_report(
            "Pid: 5\n\n1\n# be_name srv_name srv_addr srv_port srv_op_state srv_iweight srv_uweight "
            "srv_admin_state\nbe_a s1 10.0.0.1 80 2 1 1 " +
            admin_state + "\n\n# pxname,svname,scur,qcur,status\nbe_a,s1,0,0,DRAIN\n\n")
            ->servers.at(0);
    };
    for (const char* bits : {"1", "2", "5", "32", "64", "9"})
        EXPECT_TRUE(with(bits).in_maintenance) << bits;
    for (const char* bits : {"8", "16", "12", "9"})
        EXPECT_TRUE(with(bits).in_drain) << bits;
    EXPECT_FALSE(with("4").in_maintenance);  // was disabled in the file once
    EXPECT_FALSE(with("4").in_drain);
}

TEST(runtime_api, a_count_that_is_missing_is_never_taken_for_none)
{
    auto without_one = statistics;
    without_one.erase(without_one.find("be_db"), without_one.find("\n\n") + 1 - without_one.find("be_db"));
    const auto report = parse_worker_report(info + servers + without_one);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error(), errc::malformed);
    EXPECT_NE(report.error().context().find("be_db_18889/s1"), std::string::npos);
    auto no_number = statistics;
    no_number.replace(no_number.find(",40,"), 4, ",,");
    EXPECT_FALSE(parse_worker_report(info + servers + no_number));
}

TEST(runtime_api, an_answer_that_is_cut_anywhere_is_refused)
{
    const auto whole = info + servers + statistics;
    ASSERT_TRUE(parse_worker_report(whole));
    for (std::size_t n = 0; n < whole.size(); ++n)
        EXPECT_FALSE(parse_worker_report(whole.substr(0, n))) << n;
    for (std::size_t n = 1; n < whole.size(); ++n)
        (void)parse_worker_report(whole.substr(n));
}

TEST(runtime_api, an_error_of_the_master_is_told_in_its_words)
{
    const auto report = parse_worker_report("Can't find the target PID matching the prefix '@!99999'\n");
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().context().find("Can't find the target PID"), std::string::npos);
}

TEST(runtime_api, the_master_tells_its_workers)
{
    const auto table = parse_show_proc(processes);
    ASSERT_TRUE(table) << table.error().context();
    EXPECT_EQ(*table, (process_table{7375, 3, 1, 8071, {7587, 7376}}));
    EXPECT_EQ(parse_show_proc("#<PID> <type> <reloads> <uptime> <version>\n12 master 0 [failed: 0] 0d 2.6\n# "
                              "workers\n# programs\n\n")
                  .value(),
        (process_table{12, 0, 0, 0, {}}));
    EXPECT_EQ(
        parse_show_proc(
            "#<PID> <type> <reloads>\n12 master 4 0d00h 3.0\n# workers\n13 worker 0 0d00h 3.0\n# programs\n"
            "14 logger 0 0d00h -\n\n")
            .value(),
        (process_table{12, 4, 0, 13, {}}));
}

TEST(runtime_api, what_is_no_list_of_processes_is_refused)
{
    for (const char* text :
        {"", "\n", "Unknown command\n", "#<PID>\n# workers\n5 worker 0 x\n", "#<PID>\n-5 master 0 x\n"})
        EXPECT_FALSE(parse_show_proc(text)) << text;
    for (std::size_t n = 0; n <= processes.size(); ++n)
        (void)parse_show_proc(processes.substr(0, n));
}

TEST(runtime_api, no_text_does_harm)
{
    const auto seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto whole = info + servers + statistics;
    for (int round = 0; round < 3000; ++round) {
        auto text = round % 2 == 0 ? whole : processes;
        for (int i = 0; i < 5; ++i)
            text[random() % text.size()] = "\n ,#:\0-9x\xff"[random() % 10];
        (void)parse_worker_report(text);
        (void)parse_show_proc(text);
    }
}

TEST(runtime_api, counts_are_ones_that_can_be_added_up)
{
    const std::string good = "be_web_18888,s2,2,2,40,41";
    for (const std::string bad : {"be_web_18888,s2,1,2,9223372036854775807,41", "be_web_18888,s2,-1,2,40,41",
             "be_web_18888,s2,9223372036854775807,2,40,41"}) {
        auto text = info;
        text.append(servers).append(statistics);
        text.replace(text.find(good), good.size(), bad);
        EXPECT_EQ(parse_worker_report(text).error(), errc::malformed) << bad;
    }
}

TEST(runtime_api, batches_fit_into_haproxys_buffer_and_keep_the_order)
{
    EXPECT_TRUE(as_batches({}).empty());
    EXPECT_EQ(as_batches({"a", "b", "c"}), std::vector<std::string>{"a;b;c\n"});
    std::vector<std::string> commands;
    commands.reserve(1000);
    for (int i = 0; i < 1000; ++i)
        commands.push_back("set server be_web/s" + std::to_string(i) + " addr 127.0.0.1 port 1");
    std::string joined;
    const auto batches = as_batches(commands);
    EXPECT_GT(batches.size(), 3u);
    for (const auto& batch : batches) {
        EXPECT_LE(batch.size(), 8001u);
        EXPECT_EQ(std::ranges::count(batch, '\n'), 1);
        joined += batch;
    }
    std::string expected;
    for (const auto& command : commands)
        expected += command + ";";
    std::ranges::replace(joined, '\n', ';');
    EXPECT_EQ(joined, expected);
}
