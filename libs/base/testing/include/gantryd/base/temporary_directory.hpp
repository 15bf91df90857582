#pragma once
#include <string>

#include <sys/types.h>

namespace gantryd::base {

/// Makes ROOT/NAME.XXXXXX, with the X replaced so that it is new. ROOT is GANTRYD_TEST_ROOT, else /tmp:
/// short, since the path of a socket below it is limited to 107 characters. Throws std::runtime_error.
std::string make_test_directory(const std::string& name);
/// The same in a directory that is there.
std::string make_directory_in(const std::string& root, const std::string& name);

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
