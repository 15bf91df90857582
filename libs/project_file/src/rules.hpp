#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// What the texts of a project file must look like. Every rule is at least as strict as what Docker, HAProxy
// and HTTP ask for, so that a file that is accepted does not fail at the first container.
namespace gantryd::project_file {

/// "my/app", "registry.example.com:5000/team/app": an image's name without tag and digest.
bool is_repository(std::string_view text) noexcept;
bool is_tag(std::string_view text) noexcept;

/// A name that a shell can use: links' aliases become parts of environment variables.
bool is_alias(std::string_view text) noexcept;

/// What docker's --user takes, or nothing.
bool is_user(std::string_view text) noexcept;

/// An absolute path of printable ASCII: it goes into a request line.
bool is_http_path(std::string_view text) noexcept;

/// A title without control characters.
bool is_title(std::string_view text) noexcept;

/// An absolute path of the machine or a volume's name, both without ':'.
bool is_volume_source(std::string_view text) noexcept;
/// An absolute path in a container, not its root.
bool is_volume_target(std::string_view text) noexcept;
/// A container's name, with ":ro" or ":rw" behind it if need be.
bool is_volumes_from(std::string_view text) noexcept;

bool is_environment_name(std::string_view text) noexcept;
bool is_label_key(std::string_view text) noexcept;
bool has_no_nul(std::string_view text) noexcept;

/// An IP address in its binary form; IPv4 uses the first four bytes.
struct address {
    bool v6 = false;
    std::array<unsigned char, 16> bytes{};

    bool is_any() const noexcept { return bytes == std::array<unsigned char, 16>{}; }
    friend bool operator==(const address&, const address&) = default;
};
std::optional<address> address_of(std::string_view text);
bool is_address(std::string_view text);

/// "SIGQUIT" from "SIGQUIT", "QUIT" or "3"; real-time signals as "SIGRTMIN+3".
std::optional<std::string> signal_name(std::string_view text);
bool is_stop_signal(std::string_view text);

/// A JSON number, or nothing.
std::optional<double> decimal_of(std::string_view text);
/// A JSON number without a fraction.
std::optional<std::int64_t> integer_of(std::string_view text);
/// Digits only, no leading zero: the one way to write a number in quotes.
bool is_digits(std::string_view text) noexcept;

/// Milliseconds of "30s", "1500ms", "1.5h", not rounded yet.
std::optional<double> milliseconds_of(std::string_view text);
/// Bytes of "64m", "64MiB", "1.5g", "67108864".
std::optional<double> bytes_of(std::string_view text);

}  // namespace gantryd::project_file
