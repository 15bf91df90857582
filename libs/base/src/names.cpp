#include <gantryd/base/names.hpp>

#include <algorithm>

namespace gantryd::base {
namespace {

bool is_alphanumeric(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool is_name(std::string_view text) noexcept
{
    if (text.empty() || text.size() > longest_name || !is_alphanumeric(text.front()))
        return false;
    return std::ranges::all_of(
        text, [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

std::vector<std::string> split_words(std::string_view text)
{
    std::vector<std::string> words;
    std::string word;
    bool in_word = false;
    char quote = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
            word += text[++i];
            in_word = true;
        } else if (quote != 0) {
            if (c == quote)
                quote = 0;
            else
                word += c;
        } else if (c == '\'' || c == '"') {
            quote = c;
            in_word = true;
        } else if (c == ' ' || c == '\t' || c == '\n') {
            if (in_word)
                words.push_back(std::move(word));
            word.clear();
            in_word = false;
        } else {
            word += c;
            in_word = true;
        }
    }
    if (in_word)
        words.push_back(std::move(word));
    return words;
}

std::string short_id(std::string_view id)
{
    constexpr std::string_view algorithm = "sha256:";
    if (id.starts_with(algorithm))
        id.remove_prefix(algorithm.size());
    return std::string(id.substr(0, 12));
}

}  // namespace gantryd::base
