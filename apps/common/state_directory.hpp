#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/model/ids.hpp>

#include <memory>
#include <string>

namespace gantryd::app {

/// The state directory, held by one process at a time. Released when it is destroyed, or when we die.
class state_directory {
public:
    virtual ~state_directory() = default;
    /// Stable over restarts: made at the first use, kept in the directory.
    virtual const model::machine_id& machine() const = 0;
};

/// Makes the directory (mode 0700) when it is missing and takes its lock.
/// Errors: conflict ("state directory D is used by gantryd with pid N"), rejected (no permission, no
/// directory, that of another user, or one that everybody may write to).
base::result<std::unique_ptr<state_directory>> hold_state_directory(const std::string& path);

/// Errors: rejected where the directory is there and may not be used, as above.
base::result<void> check_state_directory(const std::string& path);

/// True while a process holds the directory.
bool is_held(const std::string& path);

/// This boot of the machine; empty when the kernel does not tell.
std::string boot_id();
/// The kernel's range of ports for outgoing connections: "32768\t60999".
std::string ephemeral_ports();
/// This machine's name, for people.
std::string host_name();
/// "root@box".
std::string user_at_host();

}  // namespace gantryd::app
