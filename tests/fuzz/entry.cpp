// What libFuzzer calls; GANTRYD_FUZZ_TARGET is one of the functions in fuzz.hpp.
#include "fuzz.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    gantryd::fuzz::GANTRYD_FUZZ_TARGET(
        {reinterpret_cast<const char*>(data), size});  // NOLINT: bytes are bytes
    return 0;
}
