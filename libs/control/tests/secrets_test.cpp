// Secrets in the store: versions, who uses them, and what a release holds on to.
#include "control_fixture.hpp"

#include <gantryd/control/rollouts.hpp>
#include <gantryd/control/secrets.hpp>
#include <gantryd/control/update_plan.hpp>

namespace gantryd::control {
namespace {

using made = std::pair<std::int64_t, bool>;

class secrets_in_the_store : public control_test {
protected:
    /// As an operator would, with something that stands for a sealed value.
    base::result<secret_set> set(const std::string& value, const std::string& name = "db")
    {
        sealer seal = [&](std::int64_t version) -> base::result<std::string> {
            return "sealed " + value + " " + std::to_string(version);
        };
        return ask(
            set_secret(store_, shop_, name, std::move(seal), "ann@alpha", sim_.clock, sim_.clock.now() + 5s));
    }
    std::int64_t version_after(const std::string& value)
    {
        const auto done = set(value);
        return done ? done->version : -1;
    }
    std::string removal(bool also_used = false)
    {
        const auto done = ask(remove_secret(store_, shop_, "db", also_used, sim_.clock.now() + 5s));
        return done ? std::string() : done.error().context();
    }
    void configure()
    {
        const std::string document =
            R"({"components":[{"name":"web","repo":"web","tag":"1","terminationChecks":[],)"
            R"("environmentVariables":[{"name":"DB_PASSWORD","secret":"db"}]}]})";
        ASSERT_TRUE(ask(store_config(store_, shop_, document, sim_.clock.now() + 5s)));
    }
    /// {0, false} when it was refused.
    made release_with_secret(model::held_secrets held = {})
    {
        auto what = request("web", "1");
        what.spec = configured();
        what.secrets = std::move(held);
        std::vector<release_request> requests{std::move(what)};
        const auto done = release(std::move(requests));
        return done ? made(model::value_of(done->front().number), done->front().is_new) : made(0, false);
    }
    project_overview all() { return *ask(read_overview(store_, shop_, sim_.clock.now() + 5s)); }
    model::component_spec configured() { return *all().find(web_)->configured; }
};

TEST_F(secrets_in_the_store, have_versions_that_never_come_again)
{
    configure();
    EXPECT_EQ(version_after("a"), 1);
    EXPECT_EQ(version_after("b"), 2);
    const auto stored = all().secrets.at("db").what;
    EXPECT_EQ(stored.version, 2);
    EXPECT_EQ(stored.sealed, "sealed b 2");
    EXPECT_EQ(stored.set_by, "ann@alpha");
    EXPECT_EQ(release_with_secret(), made(1, true));
    EXPECT_EQ(removal(true), "");
    EXPECT_EQ(version_after("c"), 3) << "a release holds version 2";
}

TEST_F(secrets_in_the_store, are_held_by_the_release_that_is_made)
{
    configure();
    EXPECT_EQ(release_with_secret(), made(0, false)) << "there is no such secret yet";
    ASSERT_TRUE(set("a"));
    EXPECT_EQ(release_with_secret(), made(1, true));
    EXPECT_EQ(stored_release(1).secrets.at("DB_PASSWORD"), (model::held_secret{1, "sealed a 1", {}}));
    EXPECT_EQ(release_with_secret(), made(1, false));
    EXPECT_FALSE(all().find(web_)->config_differs());

    ASSERT_TRUE(set("b"));
    EXPECT_TRUE(all().find(web_)->config_differs()) << "an update would make another release";
    EXPECT_EQ(stored_release(1).secrets.at("DB_PASSWORD").version, 1);
    EXPECT_EQ(release_with_secret(), made(2, true));
    EXPECT_EQ(stored_release(2).secrets.at("DB_PASSWORD").version, 2);
    EXPECT_FALSE(all().find(web_)->config_differs());
}

TEST_F(secrets_in_the_store, go_back_with_a_rollback)
{
    configure();
    ASSERT_TRUE(set("a"));
    EXPECT_EQ(release_with_secret(), made(1, true));
    settle(1, model::release_outcome::live);
    ASSERT_TRUE(set("b"));
    EXPECT_EQ(release_with_secret(), made(2, true));
    settle(2, model::release_outcome::live);
    ASSERT_EQ(removal(true), "");
    const auto back = ask(
        roll_back(store_, shop_, web_, std::nullopt, false, "bob@beta", sim_.clock, sim_.clock.now() + 5s));
    ASSERT_TRUE(back) << back.error().context();
    EXPECT_EQ(stored_release(3).secrets, stored_release(1).secrets) << "though the secret is gone";
}

TEST_F(secrets_in_the_store, are_not_removed_while_the_config_uses_them)
{
    EXPECT_TRUE(removal().contains("has no secret db"));
    configure();
    ASSERT_TRUE(set("a"));
    EXPECT_TRUE(removal().contains("the stored config of web uses it")) << removal();
    EXPECT_EQ(removal(true), "");
    EXPECT_TRUE(all().secrets.empty());
}

TEST_F(secrets_in_the_store, tell_who_uses_them)
{
    configure();
    const auto first = set("a");
    ASSERT_TRUE(first);
    EXPECT_EQ(first->uses, (std::vector<secret_use>{{web_, true, std::nullopt, 0}}));
    EXPECT_EQ(release_with_secret(), made(1, true));
    const auto second = set("b");
    ASSERT_TRUE(second);
    EXPECT_EQ(second->uses, (std::vector<secret_use>{{web_, true, model::release_number(1), 1}}));
    EXPECT_TRUE(uses_of(all(), "other").empty());
}

TEST_F(secrets_in_the_store, are_set_once_when_two_operators_meet)
{
    configure();
    ASSERT_TRUE(set("a"));
    rival_writes(records::secret_key(shop_, "db"),
        records::encode(model::stored_secret{7, "sealed rival 7", {}, "bob@beta"}));
    store_.rivals = 1;
    EXPECT_EQ(version_after("b"), 8);
}

TEST_F(secrets_in_the_store, that_cannot_be_read_are_no_value)
{
    configure();
    put(records::secret_key(shop_, "db"), "nonsense");
    EXPECT_EQ(release_with_secret(), made(0, false));
    EXPECT_EQ(version_after("a"), 1) << "a new one takes its place";
    EXPECT_EQ(release_with_secret(), made(1, true));
}

TEST_F(secrets_in_the_store, show_in_a_plan_without_their_values)
{
    configure();
    ASSERT_TRUE(set("a"));
    EXPECT_EQ(release_with_secret(), made(1, true));
    ASSERT_TRUE(set("b"));
    const auto plan = plan_update(all(), configured(), model::image_id("sha256:1"));
    EXPECT_EQ(plan.is_new, true);
    EXPECT_EQ(plan.changes, (std::vector<field_change>{{"environmentVariables.DB_PASSWORD",
                                "secret db, version 1", "secret db, version 2"}}));
    ASSERT_EQ(removal(true), "");
    const auto refused = plan_update(all(), configured(), model::image_id("sha256:1"));
    ASSERT_FALSE(refused.notes.empty());
    EXPECT_TRUE(refused.notes.front().contains("the store has no secret db")) << refused.notes.front();
}

TEST_F(secrets_in_the_store, leave_it_to_files_to_have_another_value)
{
    const std::string document =
        R"({"components":[{"name":"web","repo":"web","tag":"1","terminationChecks":[],)"
        R"("environmentVariables":[{"name":"TOKEN","secret":{"file":"/etc/token"}}]}]})";
    ASSERT_TRUE(ask(store_config(store_, shop_, document, sim_.clock.now() + 5s)));
    model::held_secrets first{{"TOKEN", {0, {}, "aaaaaaaaaaaa"}}};
    model::held_secrets second{{"TOKEN", {0, {}, "bbbbbbbbbbbb"}}};
    EXPECT_EQ(release_with_secret(first), made(1, true));
    EXPECT_EQ(release_with_secret(first), made(1, false));
    EXPECT_FALSE(all().find(web_)->config_differs()) << "who asks the store alone cannot know";
    const auto plan = plan_update(all(), configured(), model::image_id("sha256:1"), second);
    EXPECT_EQ(plan.changes,
        (std::vector<field_change>{{"environmentVariables.TOKEN", "file /etc/token (fingerprint aaaaaaaa)",
            "file /etc/token (fingerprint bbbbbbbb)"}}));
    EXPECT_EQ(release_with_secret(second), made(2, true));
}

}  // namespace
}  // namespace gantryd::control
