#pragma once
#include "document.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::project_file {

/// Most problems that are reported in full.
inline constexpr std::size_t most_problems = 100;

/// Collects what is wrong, in any order, in bounded memory.
class problem_list {
public:
    void add(place where, std::string field, std::string expected);

    bool empty() const noexcept { return found_.empty(); }

    /// How many have been added so far: tells whether a part of the file was clean.
    std::size_t count() const noexcept { return count_; }

    /// In the order of the file; the first `most_problems`, then one that says how many more there are.
    std::vector<problem> take();

private:
    struct numbered {
        problem what;
        std::size_t order = 0;  ///< keeps problems at one place in the order they were found in
    };

    void keep_first();

    std::vector<numbered> found_;
    std::size_t count_ = 0;
};

/// One value on its way from the file into the model: where it stands, and where to say what is wrong with
/// it.
class cursor {
public:
    /// Whether messages may quote the file. An environment variable's value must never be repeated.
    enum class quoting { allowed, never };

    cursor(node& value, std::string field, problem_list& problems, quoting quotes = quoting::allowed)
        : value_(&value),
          field_(std::move(field)),
          problems_(&problems),
          quotes_(quotes)
    {
    }

    node& value() const noexcept { return *value_; }
    const std::string& field() const noexcept { return field_; }
    problem_list& problems() const noexcept { return *problems_; }
    place at() const noexcept { return value_->at; }
    bool is(node_kind kind) const noexcept { return value_->kind == kind; }
    bool secret() const noexcept { return quotes_ == quoting::never; }

    /// The same value as something whose content must not be repeated in messages.
    cursor kept_secret() const { return {*value_, field_, *problems_, quoting::never}; }

    /// The value under a key of this object, of which `child` is one of the children.
    cursor member(node& child) const;
    /// The item `index` of this list.
    cursor item(std::size_t index) const;

    /// "expected {what}, found {the value}" at the value.
    void refuse(std::string_view what) const;
    /// `sentence` at the value.
    void complain(std::string sentence) const;

private:
    node* value_;
    std::string field_;
    problem_list* problems_;
    quoting quotes_;
};

/// "a list", "nothing", "8", "\"http\"": long texts are cut, control characters escaped.
std::string found_text(const node& value, bool may_quote);

/// `text` in quotes, cut after 40 characters, without control characters.
std::string quoted(std::string_view text);

}  // namespace gantryd::project_file
