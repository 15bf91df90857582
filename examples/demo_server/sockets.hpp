#pragma once
#include <cstdint>

namespace demo {

/// A listening socket, that does not block, on every address of the machine. -1, with errno, when there is
/// none.
int listen_on(std::uint16_t port);

/// The next connection that waits, without blocking and without Nagle's delay; -1 when none waits.
int accept_from(int listener);

}  // namespace demo
