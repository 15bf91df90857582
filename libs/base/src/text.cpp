#include <gantryd/base/text.hpp>

#include <cstddef>

namespace gantryd::base {

std::string printable(std::string text)
{
    std::size_t kept = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool c1 = byte == 0xC2 && i + 1 < text.size() &&
                        static_cast<unsigned char>(text[i + 1]) >= 0x80 &&
                        static_cast<unsigned char>(text[i + 1]) < 0xA0;
        const bool control = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F || c1;
        text[kept++] = control ? '?' : text[i];
        i += c1 ? 1 : 0;
    }
    text.resize(kept);
    return text;
}

}  // namespace gantryd::base
