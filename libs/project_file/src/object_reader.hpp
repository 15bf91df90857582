#pragma once
#include "problem_list.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string_view>

namespace gantryd::project_file {

using field_names = std::span<const std::string_view>;

/// The members of one object by name. Complains about names it does not know and names that come twice.
class object_reader {
public:
    /// `what` names the object where it is something else: "expected {what}, found 8"; `owner` ends "unknown
    /// field". When `known` is empty any name may stand in the object.
    object_reader(const cursor& at, std::string_view what, field_names known, std::string_view owner = {});

    /// False when there is no object here at all; everything is absent then, and nothing more is missing.
    bool is_object() const noexcept { return at_.is(node_kind::object); }

    const cursor& at() const noexcept { return at_; }

    std::optional<cursor> find(std::string_view name) const;

    /// As find(); complains when it is absent: "expected {what} (required)".
    std::optional<cursor> require(std::string_view name, std::string_view what) const;

private:
    void check_names(field_names known, std::string_view owner) const;
    void report_unknown(node& member, field_names known, std::string_view owner) const;

    cursor at_;
};

/// Calls `each` for every item of a list; complains when it is no list: "expected {what}, found ..".
void for_each_item(const cursor& at, std::string_view what, const std::function<void(const cursor&)>& each);

/// The number of characters to insert, remove or replace to turn one into the other; at most `limit` + 1.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

/// The known name that is at most two edits away, or nothing.
std::optional<std::string_view> nearest(std::string_view name, field_names known);

/// "a, b, c".
std::string joined(field_names names);

}  // namespace gantryd::project_file
