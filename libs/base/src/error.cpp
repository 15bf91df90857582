#include <gantryd/base/error.hpp>

namespace gantryd::base {

std::string_view text_of(errc code) noexcept
{
    switch (code) {  // no default: -Wswitch names the enumerator we forgot
    case errc::timed_out: return "timed out";
    case errc::unavailable: return "unavailable";
    case errc::not_found: return "not found";
    case errc::conflict: return "conflict";
    case errc::rejected: return "rejected";
    case errc::malformed: return "malformed reply";
    case errc::limit_exceeded: return "limit exceeded";
    case errc::compacted: return "history compacted";
    }
    return "unknown error";
}

}  // namespace gantryd::base
