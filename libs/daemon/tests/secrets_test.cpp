// Values that are secrets: what a container gets, what a release holds on to, and what nobody may see.
#include "fleet.hpp"

#include <gantryd/base/temporary_directory.hpp>
#include <gantryd/daemon/labels.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>
#include <gantryd/secrets/secret_key.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include <sys/stat.h>

namespace gantryd::daemon {
namespace {

using model::release_outcome;

/// A key file, and values as an operator stores them.
class vault {
public:
    explicit vault(char byte = 'k') : key_(*secrets::secret_key::from(secrets::secret_text(bytes(byte))))
    {
        write("key", bytes(byte));
    }

    std::string write(const std::string& name, const std::string& content, mode_t mode = 0600) const
    {
        const auto path = directory_ / name;
        std::ofstream(path, std::ios::binary) << content;
        EXPECT_EQ(::chmod(path.c_str(), mode), 0);
        return path;
    }
    std::string path_of(const std::string& name) const { return directory_ / name; }

    /// What the store has of a secret.
    std::string stored(const std::string& name, std::int64_t version, const std::string& value) const
    {
        return records::encode(
            model::stored_secret{version, *key_.seal({"shop", name, version}, value), {}, "ann@alpha"});
    }
    void set(machine& on, std::int64_t version, const std::string& value) const
    {
        on.put(records::secret_key(on.project, "db"), stored("db", version, value));
    }
    /// What `update` notes of the file.
    model::held_secrets held(const std::string& file, const std::string& value) const
    {
        model::held_secrets out;
        out["TOKEN"].fingerprint = key_.fingerprint("shop", path_of(file), value);
        return out;
    }
    model::component_spec web_with_file(const std::string& file) const
    {
        auto out = machine::web();
        out.environment_variables = {{"TOKEN", "", model::secret_source{path_of(file), ""}}};
        return out;
    }

private:
    static std::string bytes(char byte) { return std::string(secrets::secret_key::size, byte); }

    base::temporary_directory directory_;
    secrets::secret_key key_;
};

model::component_spec web_with_secret()
{
    auto out = machine::web();
    out.environment_variables = {{"DB_PASSWORD", "", model::secret_source{"", "db"}}, {"MODE", "production"}};
    return out;
}

std::vector<std::string> environment_of(machine& of, const std::string& container)
{
    const auto* found = of.docker.find(container);
    return found == nullptr ? std::vector<std::string>{"no such container"} : found->request.environment;
}

/// Everything that the machine has told or kept.
std::string all_told(machine& m)
{
    std::string out;
    for (auto* books : {m.desired.get(), m.ledger.get()}) {
        auto all = m.sim.outcome_after(0ms, books->list("", m.sim.clock.now() + 5s));
        for (const auto& pair : (**all).pairs)
            out += pair.key + "=" + pair.value + "\n";
    }
    for (const auto& name : m.containers())
        for (const auto& [label, text] : m.docker.find(name)->request.labels)
            out += label + "=" + text + "\n";
    return out;
}

class secret_values : public ::testing::Test {
protected:
    secret_values() { m_.secret_key_file = vault_.path_of("key"); }

    bool is_live(int release)
    {
        return m_.run_until([&] { return m_.outcome_of(release) == release_outcome::live; });
    }
    std::string text_of(const std::string& code)
    {
        const auto told = m_.reason(code);
        return told ? told->text : "not told";
    }

    vault vault_;
    machine m_;
};

TEST_F(secret_values, of_the_store_reach_the_container_and_nothing_else)
{
    vault_.set(m_, 1, "hunter2-hunter2");
    m_.start();
    m_.release(web_with_secret(), "1");
    ASSERT_TRUE(is_live(1));
    m_.run_for(5s);
    EXPECT_EQ(environment_of(m_, "shop-web-1-1"),
        (std::vector<std::string>{"DB_PASSWORD=hunter2-hunter2", "MODE=production"}));
    EXPECT_FALSE(all_told(m_).contains("hunter2"));
}

TEST_F(secret_values, of_a_release_stay_as_they_are_until_the_next_one)
{
    vault_.set(m_, 1, "first-value");
    m_.start();
    m_.release(web_with_secret(), "1");
    ASSERT_TRUE(is_live(1));
    vault_.set(m_, 2, "second-value");
    m_.run_for(5s);
    EXPECT_TRUE(m_.is_alone("shop-web-1-1")) << "setting a secret changes nothing that runs";
    m_.docker.die(m_.id_of("shop-web-1-1"), 1);
    ASSERT_TRUE(m_.run_until([&] { return m_.serving() == names{"shop-web-1-2"}; }));
    EXPECT_EQ(environment_of(m_, "shop-web-1-2").front(), "DB_PASSWORD=first-value") << "healed as it was";

    EXPECT_EQ(m_.release(web_with_secret(), "1"), model::release_number(2))
        << "the value alone makes a release";
    ASSERT_TRUE(is_live(2));
    EXPECT_EQ(environment_of(m_, "shop-web-2-1").front(), "DB_PASSWORD=second-value");
    EXPECT_EQ(m_.release(web_with_secret(), "1"), model::release_number(2)) << "nothing is new";
}

TEST_F(secret_values, of_a_release_outlive_the_secret_and_the_store)
{
    vault_.set(m_, 1, "first-value");
    m_.start();
    m_.release(web_with_secret(), "1");
    ASSERT_TRUE(is_live(1));
    m_.crash();
    m_.desired = store::make_memory_store(m_.sim.clock);
    m_.ledger = store::make_memory_store(m_.sim.clock);
    m_.store_members.clear();
    m_.start();
    ASSERT_TRUE(m_.run_until([&] { return m_.serving() == names{"shop-web-1-1"}; }));
    const auto identity = identity_of(m_.docker.find("shop-web-1-1")->request.labels);
    ASSERT_TRUE(identity && identity->record);
    EXPECT_EQ(identity->record->secrets.at("DB_PASSWORD").version, 1) << "the label has it, sealed";
}

TEST_F(secret_values, wait_for_the_key_and_say_so)
{
    vault_.set(m_, 1, "first-value");
    m_.secret_key_file = vault_.path_of("later");
    m_.start();
    m_.release(web_with_secret(), "1");
    ASSERT_TRUE(m_.run_until([&] { return m_.reason("secret_missing").has_value(); }));
    EXPECT_TRUE(text_of("secret_missing").contains("DB_PASSWORD: secret db, version 1: there is no key file"))
        << text_of("secret_missing");
    EXPECT_EQ(m_.outcome_of(1), release_outcome::pending) << "that is no failure of the release";
    EXPECT_TRUE(m_.containers().empty());

    vault_.write("later", std::string(32, 'k'), 0644);
    ASSERT_TRUE(m_.run_until([&] { return m_.reason("secret_unreadable").has_value(); }));
    EXPECT_TRUE(text_of("secret_unreadable").contains("chmod 600")) << text_of("secret_unreadable");
    vault_.write("later", std::string(32, 'l'));
    ASSERT_TRUE(m_.run_until([&] { return text_of("secret_unreadable").contains("another key file"); }))
        << text_of("secret_unreadable");
    EXPECT_TRUE(m_.containers().empty());
    vault_.write("later", std::string(32, 'k'));
    ASSERT_TRUE(is_live(1));
    EXPECT_TRUE(m_.run_until([&] { return !m_.reason("secret_unreadable"); }));
    EXPECT_FALSE(all_told(m_).contains("first-value"));
}

TEST_F(secret_values, that_were_tampered_with_reach_nobody)
{
    // Somebody who may write the store, and has no key, puts the value of one secret under another name.
    m_.put(records::secret_key(m_.project, "db"), vault_.stored("other", 1, "value-of-another"));
    m_.start();
    m_.release(web_with_secret(), "1");
    ASSERT_TRUE(m_.run_until([&] { return m_.reason("secret_unreadable").has_value(); }));
    EXPECT_TRUE(text_of("secret_unreadable").contains("not what was sealed under this name"));
    EXPECT_TRUE(m_.containers().empty());
    EXPECT_FALSE(all_told(m_).contains("value-of-another"));
}

TEST_F(secret_values, of_a_file_are_those_that_the_release_was_made_with)
{
    vault_.write("token", "first-token\n");
    m_.start();
    m_.release(vault_.web_with_file("token"), "1", vault_.held("token", "first-token"));
    ASSERT_TRUE(is_live(1));
    EXPECT_EQ(environment_of(m_, "shop-web-1-1").front(), "TOKEN=first-token");

    vault_.write("token", "second-token\n");
    m_.docker.die(m_.id_of("shop-web-1-1"), 1);
    ASSERT_TRUE(m_.run_until([&] { return m_.reason("secret_changed").has_value(); }));
    EXPECT_TRUE(text_of("secret_changed").contains("has another value on this machine than release 1"));
    EXPECT_EQ(m_.reason("secret_changed")->command, "gantryd update shop -c web");
    m_.run_for(30s);
    EXPECT_TRUE(m_.serving().empty()) << "a value that nobody released is a surprise";

    m_.release(vault_.web_with_file("token"), "1", vault_.held("token", "second-token"));
    ASSERT_TRUE(is_live(2));
    EXPECT_EQ(environment_of(m_, "shop-web-2-1").front(), "TOKEN=second-token");
    EXPECT_FALSE(all_told(m_).contains("first-token") || all_told(m_).contains("second-token"));
}

TEST_F(secret_values, of_a_file_that_is_missing_or_open_to_all_are_waited_for)
{
    m_.start();
    m_.release(vault_.web_with_file("token"), "1", vault_.held("token", "the-token"));
    ASSERT_TRUE(m_.run_until([&] { return text_of("secret_missing").contains("token is not there"); }));
    vault_.write("token", "the-token", 0644);
    ASSERT_TRUE(m_.run_until([&] { return text_of("secret_unreadable").contains("chmod 600"); }));
    EXPECT_TRUE(m_.containers().empty());
    vault_.write("token", "the-token", 0600);
    ASSERT_TRUE(is_live(1));
}

TEST_F(secret_values, are_taken_out_of_what_a_program_prints)
{
    vault_.set(m_, 1, "first-line\nsecond-line");
    m_.start();
    m_.release(web_with_secret(), "1");
    ASSERT_TRUE(is_live(1));
    m_.docker.write_log(m_.id_of("shop-web-1-1"), "login with first-line failed");
    m_.docker.write_log(m_.id_of("shop-web-1-1"), "second-line");
    m_.docker.die(m_.id_of("shop-web-1-1"), 1);
    ASSERT_TRUE(m_.run_until([&] { return m_.serving() == names{"shop-web-1-2"}; }));
    m_.run_for(2s);
    const auto told = all_told(m_);
    EXPECT_TRUE(told.contains("login with (DB_PASSWORD) failed"));
    EXPECT_FALSE(told.contains("first-line") || told.contains("second-line"));
}

TEST_F(secret_values, that_cannot_be_read_any_more_cost_a_programs_last_words)
{
    vault_.write("token", "first-token");
    m_.start();
    m_.release(vault_.web_with_file("token"), "1", vault_.held("token", "first-token"));
    ASSERT_TRUE(is_live(1));
    vault_.write("token", "second-token");
    m_.docker.write_log(m_.id_of("shop-web-1-1"), "login with first-token failed");
    m_.docker.die(m_.id_of("shop-web-1-1"), 1);
    ASSERT_TRUE(m_.run_until([&] { return m_.reason("secret_changed").has_value(); }));
    m_.run_for(2s);
    EXPECT_TRUE(all_told(m_).contains("(withheld, for a secret could be in it"));
    EXPECT_FALSE(all_told(m_).contains("first-token"));
}

TEST(secrets_of_a_fleet, are_asked_for_on_every_machine_before_one_is_touched)
{
    const vault keys;
    fleet f(3);
    for (std::size_t i = 1; i <= f.size(); ++i)
        f.at(i).secret_key_file = keys.path_of(i == 3 ? "missing" : "key");
    f.start_all();
    f.make_live("1");
    const auto before = f.changes();
    keys.set(f.at(1), 1, "hunter2-hunter2");
    const auto two = f.release(web_with_secret(), "2");
    f.run_for(30s);
    EXPECT_EQ(f.changes(), before) << "no machine is touched";
    ASSERT_TRUE(f.at(3).reason("secret_missing")) << f.describe();
    EXPECT_TRUE(f.at(1)
            .reason("waiting_preflight")
            ->text.contains("host-m3 (m3): DB_PASSWORD: secret db, version 1: there is no key file"));
    keys.write("missing", std::string(32, 'k'));
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(two) == release_outcome::live; })) << f.describe();
    for (std::size_t i = 1; i <= f.size(); ++i)
        EXPECT_EQ(environment_of(f.at(i), fmt::format("shop-web-{}-1", two)).front(),
            "DB_PASSWORD=hunter2-hunter2");
}

TEST(secrets_of_a_fleet, are_known_while_the_store_is_away)
{
    const vault keys;
    fleet f(1);
    f.may_stop_serving = true;
    f.at(1).secret_key_file = keys.path_of("key");
    f.start_all();
    keys.set(f.at(1), 1, "hunter2-hunter2");
    const auto one = f.release(web_with_secret(), "1");
    ASSERT_TRUE(f.run_until([&] { return f.outcome_of(one) == release_outcome::live; })) << f.describe();
    f.run_for(1s);
    f.crash(1);
    f.link(1).cut();
    f.at(1).start();
    auto& m = f.at(1);
    ASSERT_TRUE(f.run_until([&] { return m.serving() == names{"shop-web-1-1"}; }));
    m.docker.die(m.id_of("shop-web-1-1"), 1);
    ASSERT_TRUE(f.run_until([&] { return m.serving() == names{"shop-web-1-2"}; })) << f.describe();
    EXPECT_EQ(environment_of(m, "shop-web-1-2").front(), "DB_PASSWORD=hunter2-hunter2");
}

}  // namespace
}  // namespace gantryd::daemon
