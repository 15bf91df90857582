#include <gantryd/base/temporary_directory.hpp>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <sys/stat.h>

namespace gantryd::base {

temporary_directory::temporary_directory()
    : path_((std::filesystem::temp_directory_path() / "gantryd-test-XXXXXX").string())
{
    if (::mkdtemp(path_.data()) == nullptr)
        throw std::runtime_error("mkdtemp " + path_);
}

temporary_directory::~temporary_directory()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

mode_t mode_of(const std::string& path)
{
    struct stat found{};
    if (::lstat(path.c_str(), &found) != 0)
        throw std::runtime_error("lstat " + path);
    return found.st_mode & 07777;
}

}  // namespace gantryd::base
