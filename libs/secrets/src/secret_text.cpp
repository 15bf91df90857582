#include <gantryd/secrets/secret_text.hpp>

#include <openssl/crypto.h>

#include <utility>

namespace gantryd::secrets {

secret_text& secret_text::operator=(secret_text&& other) noexcept
{
    if (this != &other) {
        wipe();
        bytes_ = std::exchange(other.bytes_, {});
    }
    return *this;
}

void secret_text::wipe() noexcept { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

void secret_text::shorten(std::size_t size)
{
    if (size >= bytes_.size())
        return;
    OPENSSL_cleanse(bytes_.data() + size, bytes_.size() - size);
    bytes_.resize(size);
}

void drop_last_newline(secret_text& text)
{
    if (text.view().ends_with("\r\n"))
        text.shorten(text.size() - 2);
    else if (text.view().ends_with('\n'))
        text.shorten(text.size() - 1);
}

std::string_view problem_with_value(std::string_view text)
{
    if (text.empty())
        return "it is empty";
    if (text.size() > longest_value)
        return "it is longer than 16 KiB";
    return text.contains('\0') ? "there is a NUL in it, which no variable can have" : "";
}

void wipe(std::string& text) noexcept
{
    OPENSSL_cleanse(text.data(), text.size());
    text.clear();
}

}  // namespace gantryd::secrets
