#include <gantryd/base/temporary_directory.hpp>

#include <gantryd/base/environment.hpp>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <sys/stat.h>

namespace gantryd::base {

std::string make_test_directory(const std::string& name)
{
    const auto root = environment_variable("GANTRYD_TEST_ROOT");
    return make_directory_in(root.empty() ? "/tmp" : root, name);
}

std::string make_directory_in(const std::string& root, const std::string& name)
{
    auto path = root + "/" + name + ".XXXXXX";
    if (::mkdtemp(path.data()) == nullptr)
        throw std::runtime_error("cannot make a directory like " + path);
    return path;
}

temporary_directory::temporary_directory() : path_(make_test_directory("gantryd")) {}

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
