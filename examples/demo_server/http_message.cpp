#include "http_message.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace demo {
namespace {

constexpr std::size_t most_bytes = 64UL * 1024;

bool equal_without_case(std::string_view a, std::string_view b)
{
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trimmed(std::string_view text)
{
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

template <class Number>
std::optional<Number> number_of(std::string_view text)
{
    Number value{};
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

/// What the header lines of either direction say about the rest of the message.
struct header_facts {
    std::optional<std::size_t> length;
    bool length_is_malformed = false;
    bool chunked = false;
    std::optional<bool> keep_alive;
    std::string upgrade;
};

header_facts read_headers(std::string_view lines)
{
    header_facts facts;
    while (!lines.empty()) {
        const auto end = lines.find("\r\n");
        const auto line = lines.substr(0, end);
        lines = end == std::string_view::npos ? std::string_view{} : lines.substr(end + 2);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos)
            continue;
        const auto name = line.substr(0, colon);
        const auto value = trimmed(line.substr(colon + 1));
        if (equal_without_case(name, "content-length")) {
            facts.length = number_of<std::size_t>(value);
            facts.length_is_malformed = !facts.length || *facts.length > most_bytes;
        } else if (equal_without_case(name, "transfer-encoding")) {
            facts.chunked = true;
        } else if (equal_without_case(name, "upgrade")) {
            facts.upgrade = value;
        } else if (equal_without_case(name, "connection") && equal_without_case(value, "close")) {
            facts.keep_alive = false;
        } else if (equal_without_case(name, "connection") && equal_without_case(value, "keep-alive")) {
            facts.keep_alive = true;
        }
    }
    return facts;
}

std::string_view reason_of(int status)
{
    constexpr std::array<std::pair<int, std::string_view>, 7> reasons{
        {{200, "OK"}, {101, "Switching Protocols"}, {400, "Bad Request"}, {404, "Not Found"},
            {405, "Method Not Allowed"}, {500, "Internal Server Error"}, {503, "Service Unavailable"}}};
    for (const auto& [code, text] : reasons)
        if (code == status)
            return text;
    return "Unknown";
}

/// The start line and the header lines in front of the empty line, or none when that has not come.
struct head {
    std::string_view start_line;
    std::string_view lines;
    std::size_t size;
};

std::optional<head> head_of(std::string_view bytes)
{
    const auto end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos)
        return std::nullopt;
    const auto text = bytes.substr(0, end);
    const auto first = text.find("\r\n");
    const auto lines = first == std::string_view::npos ? std::string_view{} : text.substr(first + 2);
    return head{text.substr(0, first), lines, end + 4};
}

}  // namespace

parse_status parse_request(std::string_view bytes, request& out)
{
    const auto head = head_of(bytes);
    if (!head)
        return bytes.size() > most_bytes ? parse_status::malformed : parse_status::incomplete;
    const auto first_space = head->start_line.find(' ');
    const auto last_space = head->start_line.rfind(' ');
    if (first_space == std::string_view::npos || first_space == last_space)
        return parse_status::malformed;
    const auto version = head->start_line.substr(last_space + 1);
    if (!version.starts_with("HTTP/1."))
        return parse_status::malformed;
    const auto facts = read_headers(head->lines);
    if (facts.chunked || facts.length_is_malformed)
        return parse_status::malformed;

    const auto size = head->size + facts.length.value_or(0);
    if (bytes.size() < size)
        return parse_status::incomplete;
    const auto target = head->start_line.substr(first_space + 1, last_space - first_space - 1);
    const auto mark = target.find('?');
    out.method = head->start_line.substr(0, first_space);
    out.path = target.substr(0, mark);
    out.query = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
    out.upgrade = facts.upgrade;
    out.keep_alive = facts.keep_alive.value_or(version != "HTTP/1.0");
    out.size = size;
    return parse_status::complete;
}

std::string response_text(int status, std::string_view body, bool keep_alive, std::string_view extra_headers)
{
    std::string text = "HTTP/1.1 " + std::to_string(status) + " ";
    text.append(reason_of(status)).append("\r\n").append(extra_headers);
    text += "Content-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    text += keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
    return text.append(body);
}

parse_status parse_response(std::string_view bytes, bool ended, response& out)
{
    const auto unfinished = ended ? parse_status::malformed : parse_status::incomplete;
    const auto head = head_of(bytes);
    if (!head)
        return unfinished;
    const auto status = number_of<int>(head->start_line.size() < 12 ? "" : head->start_line.substr(9, 3));
    const auto facts = read_headers(head->lines);
    if (!status || !head->start_line.starts_with("HTTP/1.") || facts.chunked || facts.length_is_malformed)
        return parse_status::malformed;
    if (!facts.length && !ended)
        return parse_status::incomplete;
    const auto size = facts.length ? head->size + *facts.length : bytes.size();
    if (bytes.size() < size)
        return unfinished;
    out.status = *status;
    out.keep_alive = facts.length && facts.keep_alive.value_or(!head->start_line.starts_with("HTTP/1.0"));
    out.body = bytes.substr(head->size, size - head->size);
    out.size = size;
    return parse_status::complete;
}

std::optional<int> number_in_query(std::string_view query, std::string_view name)
{
    while (!query.empty()) {
        const auto end = query.find('&');
        const auto item = query.substr(0, end);
        query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
        const auto equals = item.find('=');
        if (equals != std::string_view::npos && item.substr(0, equals) == name)
            return number_of<int>(item.substr(equals + 1));
    }
    return std::nullopt;
}

}  // namespace demo
