#pragma once
#include <string>

#include <sys/types.h>

namespace gantryd::base {

/// A directory of the test's own, removed with everything in it. Throws std::runtime_error when none can be
/// made.
class temporary_directory {
public:
    temporary_directory();
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory();

    const std::string& path() const noexcept { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

/// The permission bits of what is there; of a link its own. Throws std::runtime_error when nothing is.
mode_t mode_of(const std::string& path);

}  // namespace gantryd::base
