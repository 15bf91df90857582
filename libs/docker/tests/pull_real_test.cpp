// Pulls by a real Docker engine from a real registry (docker-registry) on this machine.
#include "real_docker.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <utility>

namespace asio = boost::asio;

namespace gantryd::docker {
namespace {

using base::errc;
using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

std::uint16_t free_port(asio::io_context& loop)
{
    const asio::ip::tcp::acceptor probe(loop, {asio::ip::make_address("127.0.0.1"), 0});
    return probe.local_endpoint().port();
}

/// A registry in a directory of its own, with the user "robot" and the password "tr0ub4dor" when asked for.
class registry {
public:
    registry(real_docker& docker, bool with_users) : port_(free_port(docker.loop())), docker_(docker)
    {
        std::ofstream config(files_ / "config.yml");
        config << "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: " << files_ / "data"
               << "\nhttp:\n  addr: 127.0.0.1:" << port_ << "\n";
        if (with_users) {
            std::ofstream(files_ / "users") << run_program({"htpasswd", "-nbB", "robot", "tr0ub4dor"});
            config << "auth:\n  htpasswd:\n    realm: test\n    path: " << files_ / "users" << "\n";
        }
        config.close();
        process_ = std::make_unique<background_program>(
            std::vector<std::string>{"docker-registry", "serve", files_ / "config.yml"});
        wait_until_it_listens();
    }
    ~registry()
    {
        try {
            (void)run_program(
                {"/bin/sh", "-c", "docker images -q " + host() + "/app | sort -u | xargs -r docker rmi -f"});
        } catch (const std::exception& e) {
            ADD_FAILURE() << e.what();
        }
    }

    std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
    std::string config_directory() const { return files_ / "docker"; }
    std::string config_file() const { return files_ / "docker/config.json"; }

    void log_in()
    {
        (void)run_program(
            {"docker", "--config", config_directory(), "login", "-u", "robot", "-p", "tr0ub4dor", host()});
    }
    /// Puts the test's image there as "app:1" and forgets it here.
    void push()
    {
        const auto name = host() + "/app:1";
        (void)run_program({"docker", "tag", docker_.prefix(), name});
        (void)run_program({"docker", "--config", config_directory(), "push", "-q", name});
        (void)run_program({"docker", "rmi", name});
    }
    /// Puts another image there under the same name, and forgets it here.
    void move_tag()
    {
        const auto name = host() + "/app:1";
        (void)run_program({"/bin/sh", "-c",
            "c=$(docker create " + docker_.prefix() + ") && docker commit -m moved $c " + name +
                " && docker rm $c && docker push -q " + name + " && docker rmi " + name});
    }

private:
    void wait_until_it_listens()
    {
        const auto wait = [](runtime::clock& clk, asio::io_context& loop, std::uint16_t port,
                              runtime::time_point deadline) -> asio::awaitable<bool> {
            while (clk.now() < deadline) {
                asio::ip::tcp::socket probe(loop);
                boost::system::error_code failed;
                probe.connect({asio::ip::make_address("127.0.0.1"), port}, failed);
                if (!failed)
                    co_return true;
                co_await clk.sleep_until(clk.now() + 10ms);
            }
            co_return false;
        };
        auto& clk = docker_.clock();
        if (!docker_.run(wait(clk, docker_.loop(), port_, clk.now() + 20s)))
            throw std::runtime_error("docker-registry does not listen");
    }

    base::temporary_directory files_;
    std::uint16_t port_;
    real_docker& docker_;
    std::unique_ptr<background_program> process_;
};

class pull : public testing::Test {
protected:
    base::result<void> pull_with(engine& by, const std::string& reference)
    {
        const auto keep = [this](std::string line) { lines_.push_back(std::move(line)); };
        return docker_.run(by.pull(reference, keep, docker_.clock().now() + 30s));
    }

    real_docker docker_;
    std::vector<std::string> lines_;
};

TEST_F(pull, from_an_open_registry_by_tag_and_by_digest)
{
    registry open(docker_, false);
    open.push();
    const auto name = open.host() + "/app:1";
    const auto engine = docker_.engine_with_config("/no/such/config.json");
    const auto done = pull_with(*engine, name);
    ASSERT_TRUE(done) << done.error().context();
    EXPECT_THAT(lines_, Contains(HasSubstr("Pulling from app")));
    EXPECT_THAT(lines_, Contains(HasSubstr("Digest: sha256:")));
    const auto image = docker_.run(engine->inspect_image(name, docker_.clock().now() + 10s));
    ASSERT_TRUE(image) << image.error().context();
    EXPECT_EQ(image->id, docker_.image());
    ASSERT_EQ(image->repo_digests.size(), 1u);

    const auto pinned = image->repo_digests[0];
    EXPECT_THAT(pinned, HasSubstr("/app@sha256:"));
    const auto by_digest = pull_with(*engine, pinned);
    EXPECT_TRUE(by_digest) << by_digest.error().context();
    EXPECT_EQ(digest_of(*image, open.host() + "/app"), pinned);

    open.move_tag();
    ASSERT_TRUE(pull_with(*engine, pinned)) << "the registry has it still";
    ASSERT_TRUE(pull_with(*engine, name));
    const auto recorded = docker_.run(engine->inspect_image(pinned, docker_.clock().now() + 10s));
    const auto moved = docker_.run(engine->inspect_image(name, docker_.clock().now() + 10s));
    ASSERT_TRUE(recorded && moved);
    EXPECT_EQ(recorded->id, docker_.image());
    EXPECT_NE(moved->id, docker_.image());
}

TEST_F(pull, of_what_is_not_there)
{
    registry open(docker_, false);
    const auto engine = docker_.engine_with_config("/no/such/config.json");
    const auto missing = pull_with(*engine, open.host() + "/nothing:1");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error(), errc::not_found) << missing.error().context();
    EXPECT_THAT(missing.error().context(), HasSubstr("docker pull " + open.host() + "/nothing:1: "));
}

TEST_F(pull, with_the_login_of_the_docker_cli)
{
    registry closed(docker_, true);
    closed.log_in();
    closed.push();
    const auto name = closed.host() + "/app:1";

    const auto stranger = docker_.engine_with_config("/no/such/config.json");
    const auto refused = pull_with(*stranger, name);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), errc::rejected) << refused.error().context();
    EXPECT_THAT(refused.error().context(), HasSubstr("(no login: /no/such/config.json cannot be read)"));

    const auto known = docker_.engine_with_config(closed.config_file());
    const auto done = pull_with(*known, name);
    EXPECT_TRUE(done) << done.error().context();

    // "robot:wrong-secret"
    std::ofstream(closed.config_file())
        << R"({"auths":{")" << closed.host() << R"(":{"auth":"cm9ib3Q6d3Jvbmctc2VjcmV0"}}})";
    const auto wrong = pull_with(*known, name);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error(), errc::rejected) << wrong.error().context();
    EXPECT_THAT(wrong.error().context(), Not(HasSubstr("wrong-secret")));
}

TEST_F(pull, from_a_registry_that_is_away)
{
    const auto name = "127.0.0.1:" + std::to_string(free_port(docker_.loop())) + "/app:1";
    const auto engine = docker_.engine_with_config("/no/such/config.json");
    const auto lost = pull_with(*engine, name);
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error(), errc::unavailable) << lost.error().context();
}

}  // namespace
}  // namespace gantryd::docker
