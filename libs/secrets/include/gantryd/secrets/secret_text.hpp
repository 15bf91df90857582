#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::secrets {

/// The longest value of a secret, in bytes. A release keeps what is stored of it, and so do the labels of its
/// containers.
inline constexpr std::size_t longest_value = 16UL * 1024;

/// Bytes that nobody may see. They are overwritten when it ends, and never copied by accident.
class secret_text {
public:
    secret_text() = default;
    /// So many bytes, all zero, to be filled.
    explicit secret_text(std::size_t size) : bytes_(size) {}
    explicit secret_text(std::string_view text) : bytes_(text.begin(), text.end()) {}
    secret_text(secret_text&&) noexcept = default;
    secret_text& operator=(secret_text&& other) noexcept;
    ~secret_text() { wipe(); }

    std::string_view view() const noexcept { return {bytes_.data(), bytes_.size()}; }
    std::span<char> bytes() noexcept { return bytes_; }
    std::size_t size() const noexcept { return bytes_.size(); }
    /// Forgets what stands behind the first `size` bytes.
    void shorten(std::size_t size);

private:
    void wipe() noexcept;

    std::vector<char> bytes_;
};

/// The text as a value: without the one newline that editors and `echo` put at the end.
void drop_last_newline(secret_text& text);

/// Why the text can be no value of a variable: "it is empty"; empty when it can.
std::string_view problem_with_value(std::string_view text);

/// Overwrites the text, and leaves it empty.
void wipe(std::string& text) noexcept;

}  // namespace gantryd::secrets
