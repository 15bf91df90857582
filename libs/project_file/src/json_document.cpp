#include "document.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace json = boost::json;

namespace gantryd::project_file {
namespace {

std::string sentence(const json::error_code& why)
{
    if (why == json::error::too_deep)
        return fmt::format("expected at most {} levels of nesting", deepest_nesting);
    if (why == json::error::incomplete)
        return "expected the rest of the JSON document, found the end of the text";
    if (why == json::error::extra_data)
        return "expected the end of the text after the JSON document";
    return fmt::format("expected valid JSON ({})", why.message());
}

/// Finds the first syntax error: YAML's ways of writing, comments and trailing commas are not JSON.
std::expected<void, problem> check_syntax(std::string_view text)
{
    json::parse_options strict;
    strict.max_depth = deepest_nesting;
    json::parser parser({}, strict);
    json::error_code why;
    std::size_t offset = parser.write_some(text.data(), text.size(), why);
    if (!why && text.find_first_not_of(" \t\r\n", offset) != std::string_view::npos) {
        offset = text.find_first_not_of(" \t\r\n", offset);
        why = json::error::extra_data;
    }
    if (why)
        return std::unexpected(problem_at(text_positions(text).at(offset), sentence(why)));
    return {};
}

/// Builds the tree from a text that is known to be JSON, so no branch here meets a syntax error.
class tree_builder {
public:
    explicit tree_builder(std::string_view text) : text_(text) {}

    bool too_many() const noexcept { return nodes_ > most_nodes; }

    node value()
    {
        skip_space();
        node out;
        out.at = here();
        if (++nodes_ > most_nodes)
            return out;
        switch (text_[at_]) {
        case '{': object(out); break;
        case '[': list(out); break;
        case '"':
            out.kind = node_kind::text;
            out.text = string();
            break;
        default: word(out);
        }
        return out;
    }

private:
    /// Asked for in the order of the text.
    place here()
    {
        for (; passed_ < at_; ++passed_)
            text_positions::step(place_, text_[passed_]);
        return place_;
    }

    void skip_space()
    {
        while (text_.substr(at_, 1).find_first_of(" \t\r\n") == 0)
            ++at_;
    }

    /// Steps over `c` if it is next.
    bool skip(char c)
    {
        skip_space();
        if (text_[at_] != c)
            return false;
        ++at_;
        return true;
    }

    void object(node& out)
    {
        out.kind = node_kind::object;
        ++at_;
        while (!too_many() && !skip('}')) {
            (void)skip(',');
            skip_space();
            const auto key_at = here();
            auto key = string();
            (void)skip(':');
            auto member = value();
            member.key = std::move(key);
            member.key_at = key_at;
            out.children.push_back(std::move(member));
        }
    }

    void list(node& out)
    {
        out.kind = node_kind::list;
        ++at_;
        while (!too_many() && !skip(']')) {
            (void)skip(',');
            out.children.push_back(value());
        }
    }

    std::string string()
    {
        const auto from = at_++;
        while (text_[at_] != '"')
            at_ += text_[at_] == '\\' ? 2 : 1;
        ++at_;
        const auto quoted = text_.substr(from, at_ - from);
        if (!quoted.contains('\\'))
            return std::string(quoted.substr(1, quoted.size() - 2));
        return json::value_to<std::string>(json::parse(quoted));
    }

    void word(node& out)
    {
        const auto end = text_.find_first_of(" \t\r\n,]}", at_);
        out.text = text_.substr(at_, end - at_);
        at_ = end == std::string_view::npos ? text_.size() : end;
        if (out.text == "null")
            out.kind = node_kind::null;
        else if (out.text == "true" || out.text == "false")
            out.kind = node_kind::boolean;
        else
            out.kind = node_kind::number;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t passed_ = 0;  ///< up to there `place_` has come
    place place_;
    std::size_t nodes_ = 0;
};

/// Takes a parsed document over value by value.
class tree_copier {
public:
    bool too_many() const noexcept { return nodes_ > most_nodes; }

    node copy(const json::value& from)
    {
        node out;
        if (++nodes_ > most_nodes)
            return out;
        switch (from.kind()) {
        case json::kind::null: out.text = "null"; break;
        case json::kind::string:
            out.kind = node_kind::text;
            out.text = std::string_view(from.get_string());
            break;
        case json::kind::bool_:
            out.kind = node_kind::boolean;
            out.text = from.get_bool() ? "true" : "false";
            break;
        case json::kind::int64:
        case json::kind::uint64:
        case json::kind::double_:
            out.kind = node_kind::number;
            out.text = json::serialize(from);
            break;
        case json::kind::array: list(from.get_array(), out); break;
        case json::kind::object: object(from.get_object(), out); break;
        }
        return out;
    }

private:
    void list(const json::array& from, node& out)
    {
        out.kind = node_kind::list;
        out.children.reserve(std::min(from.size(), most_nodes));
        for (const auto& item : from) {
            if (too_many())
                return;
            out.children.push_back(copy(item));
        }
    }

    void object(const json::object& from, node& out)
    {
        out.kind = node_kind::object;
        out.children.reserve(std::min(from.size(), most_nodes));
        for (const auto& [key, value] : from) {
            if (too_many())
                return;
            out.children.push_back(copy(value));
            out.children.back().key = std::string_view(key);
        }
    }

    std::size_t nodes_ = 0;
};

problem too_many_values()
{
    return problem_at({}, fmt::format("expected at most {} values in the document", most_nodes));
}

}  // namespace

std::expected<node, problem> document_of(const json::value& parsed)
{
    tree_copier copier;
    auto root = copier.copy(parsed);
    if (copier.too_many())
        return std::unexpected(too_many_values());
    return root;
}

std::expected<node, problem> read_json_document(std::string_view text)
{
    if (auto valid = check_syntax(text); !valid)
        return std::unexpected(std::move(valid.error()));
    tree_builder builder(text);
    auto root = builder.value();
    if (builder.too_many())
        return std::unexpected(too_many_values());
    return root;
}

}  // namespace gantryd::project_file
