#include <gantryd/base/environment.hpp>

#include <cstdlib>

namespace gantryd::base {

std::string environment_variable(const char* name)
{
    const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): the caller's promise
    return value == nullptr ? std::string() : std::string(value);
}

}  // namespace gantryd::base
