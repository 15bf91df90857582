#include <gantryd/runtime/process.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <csignal>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
namespace runtime = gantryd::runtime;
namespace base = gantryd::base;
using namespace std::chrono_literals;

namespace {

using outcome = base::result<runtime::process_outcome>;

std::optional<outcome> run(std::vector<std::string> command, runtime::duration limit)
{
    asio::io_context loop(1);
    const auto clock = runtime::make_system_clock();
    std::optional<outcome> out;
    auto keep = [](std::optional<outcome>& to, asio::awaitable<outcome> op) -> asio::awaitable<void> {
        to = co_await std::move(op);
    };
    std::exception_ptr failure;
    asio::co_spawn(loop, keep(out, runtime::run_process(*clock, std::move(command), clock->now() + limit)),
        [&](std::exception_ptr e) { failure = e; });
    loop.run();
    EXPECT_FALSE(failure);
    return out;
}

/// A program that sleeps until it is killed.
pid_t start_sleeper()
{
    std::string name = "sleep";
    std::string time = "600";
    std::vector<char*> words{name.data(), time.data(), nullptr};
    pid_t pid = -1;
    EXPECT_EQ(::posix_spawnp(&pid, name.c_str(), nullptr, nullptr, words.data(), environ), 0);
    return pid;
}

/// Two descriptors become ready at the same moment. Whose turn is first closes the other one, and waits for a
/// process: asio gives that wait the place of the closed one, whose event is still on its way.
class successor {
public:
    successor(asio::io_context& loop, pid_t process) : loop_(loop), process_(process)
    {
        for (auto& each : events_) {
            each = std::make_unique<asio::posix::stream_descriptor>(loop, ::eventfd(1, EFD_CLOEXEC));
            each->async_wait(asio::posix::stream_descriptor::wait_read, [this, &each](auto failed) {
                if (!failed)
                    take_over(each.get());
            });
        }
    }
    bool ended = false;

private:
    void take_over(const asio::posix::stream_descriptor* mine)
    {
        for (auto& each : events_)
            if (each.get() != mine)
                each.reset();
        asio::co_spawn(loop_, runtime::wait_for_exit(process_), [this](std::exception_ptr) { ended = true; });
    }

    asio::io_context& loop_;
    pid_t process_;
    std::vector<std::unique_ptr<asio::posix::stream_descriptor>> events_{2};
};

TEST(wait_for_exit, is_not_misled_by_the_event_of_another_descriptor)
{
    asio::io_context loop(1);
    const auto process = start_sleeper();
    successor waiting(loop, process);
    while (loop.poll_one() > 0) {
    }
    EXPECT_FALSE(waiting.ended) << "it still runs";
    ::kill(process, SIGKILL);
    loop.run_for(20s);
    EXPECT_TRUE(waiting.ended);
    ::waitpid(process, nullptr, 0);
}

}  // namespace

TEST(process, output_and_exit_code)
{
    const auto got = run({"/bin/sh", "-c", "echo out; echo err >&2; exit 7"}, 10s);
    ASSERT_TRUE(got && *got);
    EXPECT_EQ((*got)->exit_code, 7);
    EXPECT_EQ((*got)->output, "out\nerr\n");
}

TEST(process, more_output_than_a_pipe_holds_does_not_stop_it)
{
    const auto got = run({"/bin/sh", "-c", "head -c 3000000 /dev/zero; exit 5"}, 20s);
    ASSERT_TRUE(got && *got);
    EXPECT_EQ((*got)->exit_code, 5);
    EXPECT_EQ((*got)->output.size(), 65536u);
}

TEST(process, a_child_that_it_leaves_behind_does_not_hold_us_up)
{
    const auto got = run({"/bin/sh", "-c", "(exec /bin/sleep 3) & echo started"}, 2s);
    ASSERT_TRUE(got && *got);
    EXPECT_EQ((*got)->output, "started\n");
}

TEST(process, arguments_are_words_not_shell_text)
{
    const auto got = run({"/bin/echo", "a b; exit 3", "$HOME"}, 10s);
    ASSERT_TRUE(got && *got);
    EXPECT_EQ((*got)->output, "a b; exit 3 $HOME\n");
}

TEST(process, a_missing_program_is_an_error)
{
    const auto got = run({"/no/such/program"}, 10s);
    ASSERT_TRUE(got);
    ASSERT_FALSE(*got);
    EXPECT_EQ(got->error(), base::errc::not_found);
}

TEST(process, one_that_does_not_end_is_killed_at_the_deadline)
{
    const auto got = run({"/bin/sleep", "600"}, 50ms);
    ASSERT_TRUE(got);
    ASSERT_FALSE(*got);
    EXPECT_EQ(got->error(), base::errc::timed_out);
}

TEST(process, a_signal_is_128_plus_its_number)
{
    const auto got = run({"/bin/sh", "-c", "kill -9 $$"}, 10s);
    ASSERT_TRUE(got && *got);
    EXPECT_EQ((*got)->exit_code, 137);
}

TEST(process, is_alive_knows_the_living_from_the_dead)
{
    EXPECT_TRUE(runtime::is_alive(::getpid()));
    EXPECT_FALSE(runtime::is_alive(4194305));  // above the kernel's largest pid
}
