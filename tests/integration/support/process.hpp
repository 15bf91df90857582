#pragma once
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace gantryd::integration {

using environment = std::map<std::string, std::string>;

/// Our own environment with `added` over it, as lines for exec.
std::vector<std::string> environment_with(const environment& added);

/// The words with a null pointer after them, as exec wants them. They point into `words`.
std::vector<char*> pointers_to(std::vector<std::string>& words);

/// A program that ended. `exit_code` is 128 plus the signal's number when a signal ended it, and 124 when it
/// was killed because it took longer than it may.
struct finished {
    int exit_code = -1;
    std::string out;
    std::string err;
    std::chrono::milliseconds took{};

    std::string both() const { return out + err; }
};

/// Runs a program to its end with `added` over our own environment. A relative name is looked up in PATH.
finished run(std::vector<std::string> words, const environment& added = {},
    std::chrono::seconds limit = std::chrono::seconds(60));

/// A program in the background, its output in a file. It does not outlive us: the kernel kills it when we
/// die, and the destructor does before that.
class program {
public:
    program(std::vector<std::string> words, std::filesystem::path output, const environment& added = {});
    program(const program&) = delete;
    program& operator=(const program&) = delete;
    ~program();

    pid_t pid() const { return pid_; }
    bool running();
    void send(int signal);

    /// Its exit code, as in finished; none when it still runs after `limit`.
    std::optional<int> wait(std::chrono::milliseconds limit);

    /// Everything it has written so far.
    std::string output() const;

private:
    std::filesystem::path output_;
    pid_t pid_ = -1;
    int pidfd_ = -1;
    std::optional<int> exit_code_;
};

/// Whether a process of that id runs; a zombie does not.
bool process_runs(pid_t pid);

/// The processes with `text` in their command line.
std::vector<pid_t> processes_with(const std::string& text);

/// The number in the file; none when there is no such file, or no number in it.
std::optional<pid_t> pid_in_file(const std::filesystem::path& file);

std::string text_of_file(const std::filesystem::path& file);

}  // namespace gantryd::integration
