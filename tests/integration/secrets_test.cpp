// Secrets on real Docker: what the container gets, what a release holds on to, and that nobody else sees it.
#include "daemon_test.hpp"

#include <gantryd/etcd/cluster.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace fs = std::filesystem;
namespace json = boost::json;

namespace gantryd::integration {
namespace {

class secret_values : public daemon_test {
protected:
    void SetUp() override
    {
        daemon_test::SetUp();
        added_["GANTRYD_SECRET_KEY_FILE"] = key().string();
        make_key(key());
    }

    fs::path key() const { return directory_ / "secret.key"; }
    /// As the docs say.
    static void make_key(const fs::path& path)
    {
        ASSERT_TRUE(
            ended_with(0, run({"bash", "-c", "umask 077; openssl rand -out '" + path.string() + "' 32"})));
    }
    fs::path write_private(const std::string& name, const std::string& text) const
    {
        const auto path = directory_ / name;
        std::ofstream(path) << text;
        fs::permissions(path, fs::perms(0600));
        return path;
    }
    /// By a pipe, as an operator would.
    finished set_secret(const std::string& name, const std::string& value) const
    {
        auto all = added_;
        all["GANTRYD_STATE_DIR"] = state_directory().string();
        all["VALUE"] = value;
        return run(
            {"bash", "-c", "echo \"$VALUE\" | '" GANTRYD_PROGRAM "' secret set '" + project_ + "' " + name},
            all);
    }
    /// A component with the secrets DB_PASSWORD, of the store, and TOKEN, of a file.
    json::object web_with_secrets() const
    {
        auto out = component("web", port_);
        out["environmentVariables"] = json::array{json::object{{"name", "DB_PASSWORD"}, {"secret", "db"}},
            json::object{
                {"name", "TOKEN"}, {"secret", json::object{{"file", (directory_ / "token").string()}}}}};
        return out;
    }
    json::object web_with_secret() const
    {
        auto out = component("web", port_);
        out["environmentVariables"] = json::array{json::object{{"name", "DB_PASSWORD"}, {"secret", "db"}}};
        return out;
    }
    std::string variable(const std::string& name) const
    {
        const auto seen = ask(port_, "GET", "/env?" + name);
        return seen ? seen->body : "no answer";
    }

    /// What every command says, in both forms.
    std::string all_said() const
    {
        std::string out;
        for (const auto* form : {"table", "json"}) {
            for (const auto* verb : {"list", "status", "why", "events", "history", "machines", "getconfig"})
                out += gantryd({verb, project_, "-o", form}).both();
            out += gantryd({"plan", project_, "-c", "web", "-o", form}).both();
            out += gantryd({"secret", "list", project_, "-o", form}).both();
        }
        return out;
    }
    /// All that is in files of the machine's state, byte by byte.
    std::string all_kept() const
    {
        std::string out;
        for (const auto& entry : fs::recursive_directory_iterator(state_directory()))
            if (entry.is_regular_file() && !entry.is_symlink())
                out += text_of_file(entry.path());
        return out;
    }
    std::string all_labels() const
    {
        std::string out;
        for (const auto& one : containers())
            for (const auto& [name, text] : one.labels)
                out += name + "=" + text + "\n";
        return out;
    }
    void expect_hidden(const std::string& value, const std::string& kept) const
    {
        EXPECT_FALSE(all_said().contains(value)) << "a command shows " << value;
        EXPECT_FALSE(daemon_log().contains(value)) << "the log has " << value;
        EXPECT_FALSE(all_labels().contains(value)) << "a label has " << value;
        EXPECT_FALSE(kept.contains(value)) << "the state has " << value;
    }
};

TEST_F(secret_values, reach_the_container_and_nobody_else)
{
    write_private("token", "token-of-the-file\n");
    make_image("v1");
    ASSERT_NO_FATAL_FAILURE(configure({web_with_secrets()}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    const auto missing = gantryd({"update", project_, "-c", "web"});
    EXPECT_TRUE(ended_with(1, missing));
    EXPECT_TRUE(has(missing.err, "the store has no secret db"));
    const auto set = set_secret("db", "hunter2-hunter2");
    ASSERT_TRUE(ended_with(0, set));
    EXPECT_TRUE(has(set.out, "Secret db is version 1 now; nothing that runs was changed"));
    EXPECT_TRUE(has(set.out, "gantryd update " + project_ + " -c web"));

    ASSERT_TRUE(ended_with(0, update()));
    EXPECT_EQ(variable("DB_PASSWORD"), "hunter2-hunter2\n");
    EXPECT_EQ(variable("TOKEN"), "token-of-the-file\n");
    const auto inspected = json::serialize(docker_.inspect(running().front().id));
    EXPECT_TRUE(inspected.contains("DB_PASSWORD=hunter2-hunter2")) << "whoever may ask Docker sees it";

    // A new value is a release, and the old release keeps the old value.
    ASSERT_TRUE(ended_with(0, set_secret("db", "swordfish-swordfish")));
    EXPECT_TRUE(has(why(), "config_differs: a secret has a newer value than release 1 was made with"));
    EXPECT_TRUE(has(gantryd({"plan", project_, "-c", "web"}).out,
        "environmentVariables.DB_PASSWORD: secret db, version 1 -> secret db, version 2"));
    docker_.run({"kill", running().front().id});
    ASSERT_TRUE(wait_until([&] { return variable("DB_PASSWORD") == "hunter2-hunter2\n"; }))
        << "healed with what it had";
    ASSERT_TRUE(ended_with(0, update()));
    EXPECT_EQ(variable("DB_PASSWORD"), "swordfish-swordfish\n");
    EXPECT_TRUE(has(gantryd({"secret", "list", project_}).out, "web (release 2, version 2)"));
    ASSERT_TRUE(ended_with(0, gantryd({"rollback", project_, "-c", "web", "-w"})));
    EXPECT_EQ(variable("DB_PASSWORD"), "hunter2-hunter2\n");

    for (const auto* value : {"hunter2", "swordfish", "token-of-the-file"})
        expect_hidden(value, all_kept());
}

TEST_F(secret_values, are_sealed_in_etcd_and_in_the_copy_of_it)
{
    const etcd_testing::cluster etcd;
    added_["ETCDCTL_ENDPOINTS"] = etcd.endpoints();
    make_image("v1");
    ASSERT_NO_FATAL_FAILURE(configure({web_with_secret()}));
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    ASSERT_TRUE(ended_with(0, set_secret("db", "hunter2-hunter2")));
    ASSERT_TRUE(ended_with(0, update()));
    EXPECT_EQ(variable("DB_PASSWORD"), "hunter2-hunter2\n");
    expect_hidden("hunter2", etcd.etcdctl({"get", "--prefix", "/"}) + all_kept());

    const auto used = gantryd({"secret", "rm", project_, "db"});
    EXPECT_TRUE(ended_with(1, used));
    EXPECT_TRUE(has(used.err, "the stored config of web uses it"));
    EXPECT_TRUE(ended_with(0, gantryd({"secret", "rm", project_, "db", "--force"})));
    docker_.run({"kill", running().front().id});
    ASSERT_TRUE(wait_until([&] { return variable("DB_PASSWORD") == "hunter2-hunter2\n"; }))
        << "a release keeps what it was made with";
}

TEST_F(secret_values, of_another_key_or_an_open_file_are_waited_for)
{
    const auto token = write_private("token", "token-of-the-file");
    make_image("v1");
    ASSERT_NO_FATAL_FAILURE(configure({web_with_secrets()}));
    ASSERT_TRUE(ended_with(0, set_secret("db", "hunter2-hunter2")));
    ASSERT_TRUE(ended_with(0, gantryd({"update", project_, "-c", "web"})));
    // The daemon's machine has another key than the operator's.
    const auto own = directory_ / "own.key";
    make_key(own);
    added_["GANTRYD_SECRET_KEY_FILE"] = own.string();
    ASSERT_NO_FATAL_FAILURE(start_daemon());
    const auto told = [&](const std::string& what) {
        return wait_until([&] { return why().contains(what); }, 60s);
    };
    EXPECT_TRUE(told("stored with another key file than this machine's")) << why();
    EXPECT_TRUE(has(why(), "secret_unreadable"));
    EXPECT_TRUE(containers().empty());
    fs::copy_file(key(), own, fs::copy_options::overwrite_existing);
    fs::permissions(own, fs::perms(0640));
    EXPECT_TRUE(told("chmod 600 " + own.string())) << why();
    fs::permissions(own, fs::perms(0600));

    fs::permissions(token, fs::perms(0644));
    EXPECT_TRUE(told("chmod 600 " + token.string())) << why();
    ASSERT_EQ(::chown(token.c_str(), 65534, 65534), 0);
    fs::permissions(token, fs::perms(0600));
    EXPECT_TRUE(told("belongs to user 65534")) << why();
    fs::rename(token, directory_ / "elsewhere");
    EXPECT_TRUE(told("secret_missing")) << why();
    ASSERT_EQ(::chown((directory_ / "elsewhere").c_str(), 0, 0), 0);
    fs::create_symlink(directory_ / "elsewhere", token);
    EXPECT_TRUE(told("is a symbolic link")) << why();
    fs::remove(token);
    write_private("token", "another-token");
    EXPECT_TRUE(told("secret_changed")) << why();
    EXPECT_TRUE(containers().empty()) << "none was made with anything else";
    write_private("token", "token-of-the-file\n");
    ASSERT_TRUE(wait_until([&] { return variable("TOKEN") == "token-of-the-file\n"; }, 60s)) << why();
    for (const auto* value : {"hunter2", "another-token", "token-of-the-file"})
        expect_hidden(value, all_kept());
}

TEST_F(secret_values, are_read_from_where_nobody_sees_them)
{
    ASSERT_NO_FATAL_FAILURE(configure({component("web", port_)}));
    EXPECT_TRUE(ended_with(2, gantryd({"secret", "set", project_, "db", "hunter2"})))
        << "a list of processes shows it";
    EXPECT_TRUE(has(set_secret("db", "").err, "it is empty"));
    EXPECT_TRUE(has(gantryd({"secret", "set", project_, "db", "--from", directory_ / "nothing"}).err,
        "No such file or directory"));
    const auto from = write_private("value", "line one\nline two\n");
    EXPECT_TRUE(ended_with(0, gantryd({"secret", "set", project_, "db", "--from", from})));
    EXPECT_TRUE(has(gantryd({"secret", "list", project_, "-o", "json"}).out, "\"version\": 1"));
    fs::permissions(key(), fs::perms(0604));
    const auto open_key = gantryd({"secret", "set", project_, "db", "--from", from});
    EXPECT_TRUE(ended_with(1, open_key));
    EXPECT_TRUE(has(open_key.err, "chmod 600 " + key().string()));
    fs::remove(key());
    EXPECT_TRUE(has(gantryd({"secret", "set", project_, "db", "--from", from}).err, "openssl rand -out"));
    EXPECT_TRUE(ended_with(0, gantryd({"secret", "list", project_}))) << "that takes no key";
}

TEST_F(secret_values, of_a_file_need_no_store)
{
    write_private("token", "token-of-the-file\n");
    make_image("v1");
    auto web = web_with_secrets();
    const auto refused = gantry({write_project({web}), "start", "web"});
    EXPECT_TRUE(ended_with(1, refused));
    EXPECT_TRUE(has(refused.err, "gantry has no store"));
    web["environmentVariables"].as_array().erase(web["environmentVariables"].as_array().begin());
    const auto file = write_project({web});
    ASSERT_TRUE(ended_with(0, gantry({file, "start", "web"})));
    EXPECT_EQ(variable("TOKEN"), "token-of-the-file\n");
    write_private("token", "another-token\n");
    ASSERT_TRUE(ended_with(0, gantry({file, "update", "web"})));
    EXPECT_EQ(variable("TOKEN"), "another-token\n") << "another value is another release";
    EXPECT_FALSE(all_labels().contains("another-token"));
    EXPECT_FALSE(all_kept().contains("another-token"));
}

}  // namespace
}  // namespace gantryd::integration
