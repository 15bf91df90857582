// Hostile surroundings: what others put in the way, and what others could read.
#include "daemon_test.hpp"
#include "private_engine.hpp"

#include <gantryd/etcd/cluster.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace gantryd::integration {
namespace {

/// The block of docs/security.md behind "<!-- tried: NAME -->".
std::string words_of_the_docs(const std::string& name)
{
    const auto text = text_of_file(GANTRYD_DOCS "/security.md");
    const auto mark = text.find("<!-- tried: " + name + " -->");
    const std::string begin = "```sh\n";
    const auto from = text.find(begin, mark);
    const auto to = text.find("\n```", from);
    EXPECT_TRUE(mark != std::string::npos && to != std::string::npos) << name;
    return text.substr(from + begin.size(), to - from - begin.size());
}

/// Runs it as an operator would, and stops at the first command that fails.
finished try_out(const std::string& name, const environment& variables, const fs::path& where = "/")
{
    const auto words = "set -euo pipefail; cd '" + where.string() + "'\n" + words_of_the_docs(name);
    return run({"bash", "-c", words}, variables);
}

class surroundings : public daemon_test {
protected:
    static mode_t mode_of(const fs::path& path)
    {
        struct stat found{};
        return ::lstat(path.c_str(), &found) == 0 ? found.st_mode : 0;
    }
};

TEST_F(surroundings, whatever_is_made_is_for_this_user_alone)
{
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    std::set<std::string> seen;
    for (const auto& entry : fs::recursive_directory_iterator(state_directory())) {
        const auto mode = mode_of(entry.path());
        if (S_ISLNK(mode))
            continue;
        EXPECT_EQ(mode & (S_IRWXG | S_IRWXO), 0u) << entry.path();
        seen.insert(entry.path().filename());
    }
    for (const auto* name : {"store.db", "ledger.db", "machine-id", "lock", "haproxy.cfg", "haproxy.pid",
             "admin.sock", "master.sock", "handover.sock"})
        EXPECT_TRUE(seen.contains(name)) << name;
    EXPECT_EQ(mode_of(state_directory() / "haproxy") & 0777, 0700u);
}

TEST_F(surroundings, a_state_directory_for_everybody_is_refused)
{
    fs::create_directories(state_directory());
    fs::permissions(state_directory(), fs::perms(0777));
    const auto refused = gantryd({"run", project_});
    EXPECT_TRUE(ended_with(1, refused));
    EXPECT_TRUE(has(refused.err, "everybody may write to it"));
}

TEST_F(surroundings, haproxys_directory_is_no_link)
{
    const auto others = directory_ / "others";
    fs::create_directory(others);
    fs::permissions(others, fs::perms(0755));
    fs::create_directories(state_directory());
    fs::permissions(state_directory(), fs::perms(0700));
    fs::create_directory_symlink(others, state_directory() / "haproxy");
    make_image("v1");
    ASSERT_NO_FATAL_FAILURE(configure({component("web", port_)}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    EXPECT_TRUE(ended_with(3, gantryd({"update", project_, "-c", "web", "--wait", "--timeout", "5"})));
    EXPECT_TRUE(has(daemon_log(), "something else is there, and no directory"));
    EXPECT_EQ(mode_of(others) & 0777, 0755u);
    EXPECT_TRUE(fs::is_empty(others)) << "nothing is written through the link";
}

TEST_F(surroundings, a_store_that_is_a_link_is_refused_and_not_followed)
{
    const auto precious = directory_ / "precious";
    std::ofstream(precious) << "keep";
    fs::create_directories(state_directory());
    fs::create_symlink(precious, state_directory() / "store.db");
    const auto refused = gantryd({"setconfig", project_, write_project({component("web", port_)})});
    EXPECT_TRUE(ended_with(1, refused));
    EXPECT_TRUE(has(refused.err, "symbolic link"));
    EXPECT_EQ(text_of_file(precious), "keep");
}

TEST_F(surroundings, a_key_that_everybody_may_read_is_refused)
{
    const auto key = directory_ / "key.pem";
    const auto certificate = directory_ / "cert.pem";
    ASSERT_TRUE(
        ended_with(0, run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                          "-nodes", "-subj", "/", "-keyout", key, "-out", certificate})));
    fs::permissions(key, fs::perms(0644));
    added_ = {{"ETCDCTL_ENDPOINTS", "127.0.0.1:" + std::to_string(free_port())},
        {"ETCDCTL_CACERT", certificate}, {"ETCDCTL_CERT", certificate}, {"ETCDCTL_KEY", key}};
    const auto refused = gantryd({"list", project_});
    EXPECT_TRUE(ended_with(1, refused));
    EXPECT_TRUE(has(refused.err, "everybody may read this key: chmod 600"));
    fs::permissions(key, fs::perms(0600));
    EXPECT_TRUE(has(gantryd({"list", project_}).err, "connection refused")) << "the key is taken now";
}

TEST_F(surroundings, words_in_the_store_cannot_command_a_terminal)
{
    const etcd_testing::cluster etcd;
    added_ = {{"ETCDCTL_ENDPOINTS", etcd.endpoints()}};
    ASSERT_NO_FATAL_FAILURE(configure({component("web", port_)}));
    const auto prefix = "/gantryd/projects/" + project_;
    etcd.etcdctl({"put", prefix + "/fleet/m9/presence",
        R"({"id":"m9","host":"\u001b[2Jelsewhere","address":"\u009b31m"})"});
    etcd.etcdctl({"put", prefix + "/machines/m9/components/web",
        R"({"machine":"m9","host":"h","component":"web","state":"failed","conditions":[{"code":"x","text":"\u001b]0;owned\u0007"}]})"});
    etcd.etcdctl({"put", prefix + "/components/..\x1b[2J/state", R"({"status":"ready"})"});
    for (const auto& words : {std::vector<std::string>{"machines", project_}, {"status", project_},
             {"why", project_}, {"list", project_}}) {
        const auto told = gantryd(words);
        EXPECT_TRUE(ended_with(0, told)) << words[0];
        EXPECT_EQ(told.both().find_first_of("\x1b\x07"), std::string::npos) << words[0];
        EXPECT_EQ(told.both().find("\xc2\x9b"), std::string::npos) << words[0];
    }
    EXPECT_TRUE(has(gantryd({"machines", project_}).out, "?[2Jelsewhere"));
}

TEST_F(surroundings, etcds_roles_of_the_docs_let_in_whom_they_name)
{
    const etcd_testing::cluster etcd;
    const auto made =
        try_out("etcd", {{"ETCDCTL_ENDPOINTS", etcd.endpoints()}, {"ROOT_PASSWORD", "r1"},
                            {"GANTRYD_PASSWORD", "g1"}, {"SHOP_PASSWORD", "s1"}, {"READER_PASSWORD", "l1"}});
    ASSERT_TRUE(ended_with(0, made));
    const auto file = write_project({component("web", port_)});
    const auto as = [&](const std::string& user, const std::vector<std::string>& words) {
        added_ = {{"ETCDCTL_ENDPOINTS", etcd.endpoints()}, {"ETCDCTL_USER", user}};
        return gantryd(words);
    };
    const auto denied = [](const finished& what) {
        return what.exit_code == 1 && what.both().contains("permission denied");
    };
    EXPECT_TRUE(ended_with(0, as("gantryd:g1", {"setconfig", "shop", file})));
    EXPECT_TRUE(ended_with(0, as("gantryd:g1", {"setconfig", "other", file})));
    EXPECT_TRUE(ended_with(0, as("shop:s1", {"setconfig", "shop", file})));
    EXPECT_TRUE(ended_with(0, as("shop:s1", {"list", "shop"})));
    EXPECT_TRUE(ended_with(0, as("shop:s1", {"events", "shop"})));
    EXPECT_TRUE(denied(as("shop:s1", {"setconfig", "other", file})));
    EXPECT_TRUE(denied(as("shop:s1", {"list", "other"})));
    for (const auto* command : {"list", "status", "why", "events", "history"})
        EXPECT_TRUE(ended_with(0, as("reader:l1", {command, "shop"}))) << command;
    EXPECT_TRUE(denied(as("reader:l1", {"setconfig", "shop", file})));
    EXPECT_TRUE(ended_with(1, as("shop:wrong", {"list", "shop"})));
    EXPECT_TRUE(denied(as("shop:s1", {"stop", "other", "-c", "web"})));
}

TEST_F(surroundings, a_daemon_needs_no_more_than_its_projects_role)
{
    const etcd_testing::cluster etcd;
    etcd.etcdctl({"user", "add", "root:r1"});
    etcd.etcdctl({"user", "add", "app:a1"});
    etcd.etcdctl({"role", "add", "app"});
    for (const auto* kind : {"projects", "events"})
        etcd.etcdctl({"role", "grant-permission", "app", "--prefix=true", "readwrite",
            std::string("/gantryd/") + kind + "/" + project_ + "/"});
    etcd.etcdctl({"user", "grant-role", "app", "app"});
    etcd.etcdctl({"auth", "enable"});
    added_ = {{"ETCDCTL_ENDPOINTS", etcd.endpoints()}, {"ETCDCTL_USER", "app:a1"}};
    ASSERT_NO_FATAL_FAILURE(deploy_web());
    EXPECT_TRUE(
        wait_until([&] { return bool(has(gantryd({"events", project_}).out, "release 1 is live")); }));
    EXPECT_EQ(daemon_log().find("permission denied"), std::string::npos) << daemon_log();
}

TEST_F(surroundings, dockers_certificates_of_the_docs_are_taken_and_others_are_not)
{
    const auto where = directory_ / "tls";
    fs::create_directory(where);
    ASSERT_TRUE(ended_with(0, try_out("docker", {}, where)));
    const auto port = std::to_string(free_port());
    const auto pem = [&](const std::string& name) { return (where / (name + ".pem")).string(); };
    const private_engine engine({"--host=tcp://127.0.0.1:" + port, "--tlsverify", "--tlscacert=" + pem("ca"),
        "--tlscert=" + pem("server"), "--tlskey=" + pem("server-key")});
    ASSERT_NO_FATAL_FAILURE(configure({component("web", port_)}));
    const auto update_by = [&](const fs::path& certificates) {
        added_ = {{"DOCKER_HOST", "tcp://127.0.0.1:" + port}, {"DOCKER_TLS_VERIFY", "1"},
            {"DOCKER_CERT_PATH", certificates.string()}};
        auto out = gantryd({"update", project_, "-c", "web"});
        added_.clear();
        return out;
    };
    EXPECT_TRUE(has(update_by(where / "client").err, "is not on this machine")) << "the engine has answered";

    const auto another = directory_ / "another";
    fs::create_directory(another);
    ASSERT_TRUE(ended_with(0, try_out("docker", {}, another)));
    const auto refused = update_by(another / "client");
    EXPECT_TRUE(ended_with(1, refused));
    EXPECT_TRUE(has(refused.err, "certificate verify failed"));
    fs::copy_file(pem("ca"), another / "client" / "ca.pem", fs::copy_options::overwrite_existing);
    const auto unknown = update_by(another / "client");
    EXPECT_TRUE(ended_with(1, unknown));
    EXPECT_EQ(unknown.err.find("is not on this machine"), std::string::npos) << unknown.err;
}

}  // namespace
}  // namespace gantryd::integration
