#pragma once
#include <array>

/// What etcd's gateway says, after answers of 3.4.23 where nothing else is noted. Newer ones speak through
/// version 2 of the gateway, with spaces between members, and refusals that are google.rpc.Status: "_2" marks
/// answers of 3.5.30 as Debian builds it, recorded from single members and from one that had lost its quorum.
/// 3.6 has that version of the gateway, too. No suite of Debian has a 3.6; what is said of it is taken from
/// etcd's issue 21100 (3.6.7).
namespace gantryd::etcd::samples {

inline constexpr auto range =
    R"({"header":{"cluster_id":"15118495548433857066","member_id":"13668033151171901709","revision":"2","raft_term":"2"},"kvs":[{"key":"YQ==","create_revision":"2","mod_revision":"2","version":"1","value":"MQ=="}],"count":"1"})";
inline constexpr auto range_of_nothing =
    R"({"header":{"cluster_id":"15118495548433857066","member_id":"13668033151171901709","revision":"2","raft_term":"2"}})";
inline constexpr auto commit =
    R"({"header":{"cluster_id":"15118495548433857066","member_id":"13668033151171901709","revision":"2","raft_term":"2"},"succeeded":true,"responses":[{"response_put":{"header":{"revision":"2"}}},{"response_delete_range":{"header":{"revision":"2"}}}]})";
inline constexpr auto commit_that_failed =
    R"({"header":{"cluster_id":"15118495548433857066","member_id":"13668033151171901709","revision":"2","raft_term":"2"},"responses":[{"response_range":{"header":{"revision":"2"},"kvs":[{"key":"YQ==","create_revision":"2","mod_revision":"2","version":"1"}],"count":"1"}},{"response_range":{"header":{"revision":"2"}}}]})";
inline constexpr auto grant =
    R"({"header":{"cluster_id":"15118495548433857066","member_id":"13668033151171901709","revision":"2","raft_term":"2"},"ID":"4111120151791677704","TTL":"2"})";
inline constexpr auto keep_alive =
    R"({"result":{"header":{"cluster_id":"15118495548433857066","member_id":"13668033151171901709","revision":"2","raft_term":"2"},"ID":"77","TTL":"5"}}
)";
inline constexpr auto keep_alive_of_the_dead =
    R"({"result":{"header":{"cluster_id":"15118495548433857066","member_id":"13668033151171901709","revision":"2","raft_term":"2"},"ID":"77"}}
)";
inline constexpr auto no_such_lease =
    R"({"error":"etcdserver: requested lease not found","message":"etcdserver: requested lease not found","code":5})";
inline constexpr auto watch_created =
    R"({"result":{"header":{"cluster_id":"15118495548433857066","member_id":"13668033151171901709","revision":"6","raft_term":"2"},"watch_id":"7","created":true}})";
inline constexpr auto watch_changes =
    R"({"result":{"header":{"cluster_id":"15118495548433857066","member_id":"13668033151171901709","revision":"9","raft_term":"2"},"watch_id":"7","events":[{"kv":{"key":"YQ==","create_revision":"2","mod_revision":"2","version":"1","value":"MQ=="}},{"type":"DELETE","kv":{"key":"Zm9v","mod_revision":"9"}}]}})";
inline constexpr auto watch_progress =
    R"({"result":{"header":{"cluster_id":"15118495548433857066","member_id":"13668033151171901709","revision":"27","raft_term":"2"}}})";
inline constexpr auto watch_compacted =
    R"({"result":{"header":{"cluster_id":"15118495548433857066","member_id":"13668033151171901709","revision":"27","raft_term":"2"},"canceled":true,"compact_revision":"19"}})";
inline constexpr auto watch_refused =
    R"({"result":{"header":{"cluster_id":"15118495548433857066","member_id":"13668033151171901709","revision":"27","raft_term":"2"},"watch_id":"-1","created":true,"canceled":true,"cancel_reason":"rpc error: code = Unauthenticated desc = etcdserver: invalid auth token"}})";
inline constexpr auto stream_refusal =
    R"({"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader","http_status":"Service Unavailable"}})";
inline constexpr auto stream_refusal_2 = R"({"error":{"code":14,"message":"etcdserver: no leader"}}
)";
inline constexpr auto stream_refusal_36 =
    R"({"error":{"code":14, "message":"etcdserver: no leader", "details":[]}})";

inline constexpr auto range_2 =
    R"({"header":{"cluster_id":"324952591200643719", "member_id":"3319814642761637952", "revision":"2", "raft_term":"2"}, "kvs":[{"key":"YQ==", "create_revision":"2", "mod_revision":"2", "version":"1", "value":"MQ=="}], "count":"1"})";
inline constexpr auto range_of_nothing_2 =
    R"({"header":{"cluster_id":"324952591200643719", "member_id":"3319814642761637952", "revision":"1", "raft_term":"2"}})";
inline constexpr auto commit_2 =
    R"({"header":{"cluster_id":"324952591200643719", "member_id":"3319814642761637952", "revision":"2", "raft_term":"2"}, "succeeded":true, "responses":[{"response_put":{"header":{"revision":"2"}}}, {"response_delete_range":{"header":{"revision":"2"}}}]})";
inline constexpr auto commit_that_failed_2 =
    R"({"header":{"cluster_id":"324952591200643719", "member_id":"3319814642761637952", "revision":"2", "raft_term":"2"}, "responses":[{"response_range":{"header":{"revision":"2"}, "kvs":[{"key":"YQ==", "create_revision":"2", "mod_revision":"2", "version":"1"}], "count":"1"}}, {"response_range":{"header":{"revision":"2"}}}]})";
inline constexpr auto grant_2 =
    R"({"header":{"cluster_id":"324952591200643719", "member_id":"3319814642761637952", "revision":"2", "raft_term":"2"}, "ID":"2324035531602530825", "TTL":"2"})";
inline constexpr auto keep_alive_of_the_dead_2 =
    R"({"result":{"header":{"cluster_id":"324952591200643719","member_id":"3319814642761637952","revision":"2","raft_term":"2"},"ID":"78"}}
)";
inline constexpr auto no_such_lease_2 = R"({"code":5, "message":"etcdserver: requested lease not found"})";
inline constexpr auto no_leader_2 = R"({"code":14, "message":"etcdserver: no leader"})";
inline constexpr auto request_timed_out_2 = R"({"code":14, "message":"etcdserver: request timed out"})";
inline constexpr auto deadline_exceeded_2 = R"({"code":4, "message":"context deadline exceeded"})";
inline constexpr auto range_compacted_2 =
    R"({"code":11, "message":"etcdserver: mvcc: required revision has been compacted"})";
inline constexpr auto key_twice_2 =
    R"({"code":3, "message":"etcdserver: duplicate key given in txn request"})";
inline constexpr auto watch_compacted_2 =
    R"({"result":{"header":{"cluster_id":"324952591200643719","member_id":"3319814642761637952","raft_term":"2"},"watch_id":"7","canceled":true,"compact_revision":"3"}})";

inline constexpr std::array all{range, range_of_nothing, commit, commit_that_failed, grant, keep_alive,
    keep_alive_of_the_dead, no_such_lease, watch_created, watch_changes, watch_progress, watch_compacted,
    watch_refused, stream_refusal, stream_refusal_2, stream_refusal_36, range_2, range_of_nothing_2, commit_2,
    commit_that_failed_2, grant_2, keep_alive_of_the_dead_2, no_such_lease_2, watch_compacted_2};

}  // namespace gantryd::etcd::samples
