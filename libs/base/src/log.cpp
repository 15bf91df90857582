#include <gantryd/base/log.hpp>

#include <algorithm>
#include <iterator>

namespace gantryd::base {
namespace {

bool needs_quotes(std::string_view value)
{
    return value.empty() || std::ranges::any_of(value, [](unsigned char c) {
        return c <= ' ' || c == '"' || c == '\\' || c == 0x7f;
    });
}

void append_quoted(std::string& line, std::string_view value)
{
    line += '"';
    for (const char c : value) {
        if (c == '"' || c == '\\')
            (line += '\\') += c;
        else if (c == '\n')
            line += "\\n";
        else if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
            fmt::format_to(std::back_inserter(line), "\\x{:02x}", static_cast<unsigned char>(c));
        else
            line += c;
    }
    line += '"';
}

}  // namespace

std::string_view text_of(log_level level) noexcept
{
    switch (level) {
    case log_level::debug: return "debug";
    case log_level::info: return "info";
    case log_level::warning: return "warning";
    case log_level::error: return "error";
    }
    return "unknown";
}

std::string as_text(std::string_view what, std::span<const log_field> fields)
{
    std::string line(what);
    for (const auto& field : fields) {
        ((line += ' ') += field.key()) += '=';
        if (needs_quotes(field.value()))
            append_quoted(line, field.value());
        else
            line += field.value();
    }
    return line;
}

void logger::put(log_level level, std::string_view what, std::initializer_list<log_field> fields) const
{
    if (level >= threshold_)
        to_->write(level, what, std::span(fields.begin(), fields.size()));
}

}  // namespace gantryd::base
