#include "progress_view.hpp"

#include "common/output.hpp"

#include <gantryd/base/text.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace gantryd::app {

progress_view::progress_view(const wait_style& style)
    : to_(style.to),
      json_(style.json),
      every_machine_(style.every_machine),
      terminal_(!style.json && ::isatty(::fileno(style.to)) != 0)
{
}

std::vector<progress_view::line> progress_view::lines_of(
    const model::component_name& name, const progress& seen) const
{
    std::vector<line> out{{name.text(), seen.text}};
    if (seen.machines.size() < 2 && !every_machine_)
        return out;
    std::size_t widest = 0;
    if (terminal_)
        for (const auto& machine : seen.machines)
            widest = std::max(widest, machine.name.size());
    for (const auto& machine : seen.machines) {
        const auto standing = text_of(machine.standing);
        const auto key =
            terminal_ ? fmt::format("  {:<{}}", machine.name, widest) : name.text() + " on " + machine.name;
        const auto padded = terminal_ ? fmt::format("{:<10}", standing) : std::string(standing);
        out.push_back({key, machine.text.empty() ? padded : padded + ": " + machine.text});
    }
    return out;
}

void progress_view::print_changes(const std::vector<line>& before, const std::vector<line>& now) const
{
    for (const auto& one : now)
        if (std::ranges::find(before, one) == before.end())
            std::fprintf(to_, "%s: %s\n", one.key.c_str(), one.text.c_str());
    flush(to_);
}

void progress_view::show(const model::component_name& name, const progress& seen)
{
    if (json_) {
        auto text = boost::json::serialize(seen.as_json);
        auto& last = last_json_[name.text()];
        if (last != text)
            std::fprintf(to_, "%s\n", text.c_str());
        flush(to_);
        last = std::move(text);
        return;
    }
    auto lines = lines_of(name, seen);
    for (auto& one : lines)  // in the words of other machines
        one = {base::printable(std::move(one.key)), base::printable(std::move(one.text))};
    if (!terminal_)
        print_changes(shown_[name.text()], lines);
    shown_[name.text()] = std::move(lines);
}

void progress_view::note(const std::string& text)
{
    auto clean = base::printable(text);
    if (note_ == clean)
        return;
    note_ = std::move(clean);
    if (!terminal_ && !note_.empty())
        std::fprintf(stderr, "gantryd: %s\n", note_.c_str());
}

std::string progress_view::fitted(const std::string& text) const
{
    struct winsize size{};
    if (::ioctl(::fileno(to_), TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || text.size() < size.ws_col)
        return text;
    auto end = static_cast<std::size_t>(size.ws_col) - 1;  // a line that wraps cannot be painted over
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
        --end;
    return text.substr(0, end);
}

void progress_view::paint()
{
    if (!terminal_)
        return;
    std::string out;
    std::size_t height = 0;
    const auto add = [&](const std::string& text) {
        out += "\033[K" + fitted(text) + "\n";
        ++height;
    };
    for (const auto& [name, lines] : shown_)
        for (const auto& one : lines)
            add(one.key + ": " + one.text);
    if (!note_.empty())
        add(note_);
    if (out == painted_)
        return;
    const auto up = height_ > 0 ? fmt::format("\033[{}A", height_) : std::string();
    std::fprintf(to_, "%s%s\033[J", up.c_str(), out.c_str());
    flush(to_);
    painted_ = std::move(out);
    height_ = height;
}

}  // namespace gantryd::app
