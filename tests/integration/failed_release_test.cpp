#include "daemon_test.hpp"

namespace json = boost::json;

namespace gantryd::integration {
namespace {

/// A release that cannot live, over one that serves: the old one must not notice.
class failed_release : public daemon_test {
protected:
    void SetUp() override
    {
        daemon_test::SetUp();
        if (!HasFatalFailure())
            deploy_web();
        if (!HasFatalFailure())
            before_ = containers().at(0).id;
    }

    /// Expects that the first release still serves, in its old container, alone.
    void expect_old_one_alone()
    {
        EXPECT_EQ(version_at(port_), "v1");
        const auto serving = running();
        ASSERT_EQ(serving.size(), 1U);
        EXPECT_EQ(serving[0].id, before_);
    }

    std::string before_;
};

TEST_F(failed_release, that_exits_at_once_is_reverted_and_explained)
{
    background_load load(port_);
    make_image("v2", {{"EXIT_CODE", "3"}, {"LOG", "cannot read /etc/secret: no such file"}});
    const auto done = update();
    EXPECT_TRUE(ended_with(4, done));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1"}));
    expect_old_one_alone();
    const auto reason = why();
    EXPECT_TRUE(has(reason, "code 3"));
    EXPECT_TRUE(has(reason, "cannot read /etc/secret: no such file"));
}

TEST_F(failed_release, that_never_becomes_ready_is_reverted_at_its_deadline)
{
    auto web = component("web", port_);
    web["readyTimeout"] = "2s";
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    background_load load(port_);
    make_image("v2", {{"UNHEALTHY", "1"}});
    const auto done = update();
    EXPECT_TRUE(ended_with(4, done));
    EXPECT_GE(done.took, 2s);
    EXPECT_LT(done.took, 20s);
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1"}));
    expect_old_one_alone();
    EXPECT_TRUE(has(why(), "503"));
}

TEST_F(failed_release, is_not_tried_again)
{
    make_image("v2", {{"EXIT_CODE", "3"}});
    ASSERT_TRUE(ended_with(4, update()));
    EXPECT_TRUE(holds_for(3s, [&] { return running().size() == 1 && running()[0].id == before_; }));
}

TEST_F(failed_release, is_followed_by_a_good_one)
{
    make_image("v2", {{"EXIT_CODE", "3"}});
    ASSERT_TRUE(ended_with(4, update()));
    background_load load(port_);
    ASSERT_NO_FATAL_FAILURE(deploy("v3"));
    EXPECT_TRUE(lost_nothing(load.finish(), {"v1", "v3"}));
}

TEST_F(failed_release, whose_container_cannot_be_started_is_reverted_and_explained)
{
    auto web = component("web", port_);
    web["user"] = "no-such-user";
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    EXPECT_TRUE(ended_with(4, update()));
    EXPECT_TRUE(has(why(), "no-such-user"));
    expect_old_one_alone();
}

TEST_F(failed_release, of_a_missing_image_is_refused_and_changes_nothing)
{
    auto web = component("web", port_);
    web["tag"] = "never-made";
    ASSERT_NO_FATAL_FAILURE(configure({web}));
    const auto listed = gantryd({"list", project_});
    const auto done = update();
    EXPECT_TRUE(ended_with(1, done));
    EXPECT_TRUE(has(done.err, "never-made"));
    EXPECT_EQ(gantryd({"list", project_}).out, listed.out);
    EXPECT_EQ(version_at(port_), "v1");
}

TEST_F(failed_release, of_an_unknown_component_is_refused)
{
    const auto done = update("nobody");
    EXPECT_TRUE(ended_with(1, done));
    EXPECT_TRUE(has(done.err, "nobody"));
    expect_old_one_alone();
}

}  // namespace
}  // namespace gantryd::integration
