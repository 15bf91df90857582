#pragma once
#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace gantryd::base {

/// A string identifier that cannot be mixed up with another kind of identifier.
///
/// A class with a constructor on purpose, never an aggregate: older g++ destroys aggregate temporaries
/// twice when they appear in a co_await expression.
template <class Tag>
class strong_id {
public:
    strong_id() = default;
    explicit strong_id(std::string text) : text_(std::move(text)) {}

    const std::string& text() const noexcept { return text_; }
    bool empty() const noexcept { return text_.empty(); }

    friend auto operator<=>(const strong_id&, const strong_id&) = default;

private:
    std::string text_;
};

}  // namespace gantryd::base

template <class Tag>
struct std::hash<gantryd::base::strong_id<Tag>> {
    std::size_t operator()(const gantryd::base::strong_id<Tag>& id) const noexcept
    {
        return std::hash<std::string>{}(id.text());
    }
};
