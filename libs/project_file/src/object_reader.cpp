#include "object_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

namespace gantryd::project_file {
namespace {

constexpr std::size_t most_edits = 2;

}  // namespace

object_reader::object_reader(
    const cursor& at, std::string_view what, field_names known, std::string_view owner)
    : at_(at)
{
    if (is_object())
        check_names(known, owner);
    else
        at_.refuse(what);
}

void object_reader::check_names(field_names known, std::string_view owner) const
{
    std::set<std::string_view> seen;
    for (auto& member : at_.value().children) {
        if (!known.empty() && std::ranges::find(known, member.key) == known.end())
            report_unknown(member, known, owner);
        else if (!seen.insert(member.key).second)
            at_.problems().add(
                member.key_at, at_.member(member).field(), "duplicate field; it may stand here only once");
    }
}

void object_reader::report_unknown(node& member, field_names known, std::string_view owner) const
{
    auto text = fmt::format("unknown field{}; expected one of: {}", owner, joined(known));
    if (const auto meant = nearest(member.key, known))
        text += fmt::format("; did you mean \"{}\"?", *meant);
    // In a secret object even a name may be somebody's value that slipped.
    auto path = at_.field();
    if (!at_.secret() || nearest(member.key, known))
        path = at_.member(member).field();
    at_.problems().add(member.key_at, std::move(path), std::move(text));
}

std::optional<cursor> object_reader::find(std::string_view name) const
{
    const auto found = std::ranges::find(at_.value().children, name, &node::key);
    if (!is_object() || found == at_.value().children.end())
        return std::nullopt;
    return at_.member(*found);
}

std::optional<cursor> object_reader::require(std::string_view name, std::string_view what) const
{
    auto found = find(name);
    if (!found && is_object())
        at_.problems().add(at_.at(), fmt::format("{}{}{}", at_.field(), at_.field().empty() ? "" : ".", name),
            fmt::format("expected {} (required)", what));
    return found;
}

void for_each_item(const cursor& at, std::string_view what, const std::function<void(const cursor&)>& each)
{
    if (!at.is(node_kind::list)) {
        at.refuse(what);
        return;
    }
    for (std::size_t i = 0; i < at.value().children.size(); ++i)
        each(at.item(i));
}

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit)
{
    const auto difference = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
    if (difference > limit)
        return limit + 1;
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            const auto replaced = diagonal + (a[i] == b[j] ? 0U : 1U);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
        }
    }
    return std::min(row.back(), limit + 1);
}

std::optional<std::string_view> nearest(std::string_view name, field_names known)
{
    std::optional<std::string_view> best;
    std::size_t least = most_edits + 1;
    for (const auto candidate : known) {
        const auto edits = edit_distance(name, candidate, most_edits);
        // Two edits make anything of a name of two letters.
        if (edits < least && edits < candidate.size()) {
            least = edits;
            best = candidate;
        }
    }
    return best;
}

std::string joined(field_names names)
{
    std::string out;
    for (const auto name : names)
        out.append(out.empty() ? "" : ", ").append(name);
    return out;
}

}  // namespace gantryd::project_file
