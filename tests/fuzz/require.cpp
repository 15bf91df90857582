#include "fuzz.hpp"

#include <cstdio>
#include <cstdlib>

namespace gantryd::fuzz {

void require(bool holds, std::string_view promise)
{
    if (holds)
        return;
    std::fprintf(stderr, "broken promise: %.*s\n", static_cast<int>(promise.size()), promise.data());
    std::abort();  // libFuzzer keeps the input
}

}  // namespace gantryd::fuzz
