#pragma once
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>
#include <stdexcept>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

namespace gantryd::sqlite_store {

/// A copy of the test program that runs one function and exits with what it returns. To be made before the
/// parent opens a store: neither SQLite nor a loop may be taken across a fork.
class child_process {
public:
    explicit child_process(const std::function<int()>& body)
    {
        pid_ = ::fork();
        if (pid_ < 0)
            throw std::runtime_error("fork");
        if (pid_ > 0)
            return;
        int code = 99;
        try {
            code = body();
        } catch (const std::exception& e) {
            std::fprintf(stderr, "child: %s\n", e.what());
        }
        ::_exit(code);
    }
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;
    child_process(child_process&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
    child_process& operator=(child_process&&) = delete;
    ~child_process() { (void)kill(); }

    /// Its exit code, 128 + the signal that ended it.
    int wait()
    {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }

    int kill()
    {
        if (pid_ < 0)
            return -1;
        ::kill(pid_, SIGKILL);
        return wait();
    }

private:
    pid_t pid_ = -1;
};

/// A pipe for a child that tells its parent something.
class pipe_between {
public:
    pipe_between()
    {
        if (::pipe(ends_) != 0)
            throw std::runtime_error("pipe");
    }
    pipe_between(const pipe_between&) = delete;
    pipe_between& operator=(const pipe_between&) = delete;
    ~pipe_between()
    {
        ::close(ends_[0]);
        close_writing_end();
    }

    void close_writing_end()
    {
        if (ends_[1] >= 0)
            ::close(std::exchange(ends_[1], -1));
    }

    template <class T>
    bool write(const T& what)
    {
        return ::write(ends_[1], &what, sizeof what) == static_cast<ssize_t>(sizeof what);
    }

    /// False at the end of the stream.
    template <class T>
    bool read(T& what)
    {
        ssize_t n = 0;
        while ((n = ::read(ends_[0], &what, sizeof what)) < 0 && errno == EINTR) {
        }
        return n == static_cast<ssize_t>(sizeof what);
    }

private:
    int ends_[2]{-1, -1};
};

}  // namespace gantryd::sqlite_store
