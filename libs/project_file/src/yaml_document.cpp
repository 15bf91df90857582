#include "document.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

namespace gantryd::project_file {
namespace {

/// Leaves yaml-cpp's parser in the middle of an event; caught in this file only.
struct unacceptable {
    problem what;
};

constexpr std::string_view text_tag = "tag:yaml.org,2002:str";

/// How much a value holds, and how deep it goes.
struct extent {
    std::size_t nodes = 1;
    std::size_t bytes = 0;
    std::size_t depth = 0;
};

extent extent_of(const node& value)
{
    const bool scalar = value.kind != node_kind::list && value.kind != node_kind::object;
    extent all{.nodes = 1, .bytes = value.text.size() + value.key.size(), .depth = scalar ? 0U : 1U};
    for (const auto& child : value.children) {
        const auto inner = extent_of(child);
        all.nodes += inner.nodes;
        all.bytes += inner.bytes;
        all.depth = std::max(all.depth, inner.depth + 1);
    }
    return all;
}

/// Builds the tree while yaml-cpp reads, so that every limit holds before anything grows.
class tree_builder : public YAML::EventHandler {
public:
    explicit tree_builder(const text_positions& positions) : positions_(&positions) {}

    node take_root() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override
    {
        finish(make(node_kind::null, mark), anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override
    {
        const auto target = anchors_.find(anchor);
        if (target == anchors_.end())
            stop(mark, "expected an alias of a finished value, found one that contains itself");
        const auto size = pay_for_copy(target->second);
        if (open_.size() + size.depth > deepest_nesting)
            stop(mark, too_deep());
        attach(target->second);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
        const std::string& value) override
    {
        const bool plain = tag == "?" || tag.empty();
        if (!plain && tag != "!" && tag != text_tag)
            stop(mark, "expected a value without a tag; only !!str is known");
        auto scalar = make(node_kind::text, mark);
        scalar.text = value;
        if (plain && (value == "true" || value == "false"))
            scalar.kind = node_kind::boolean;
        else if (plain && is_json_number(value))
            scalar.kind = node_kind::number;
        finish(std::move(scalar), anchor);
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
        YAML::EmitterStyle::value) override
    {
        open(node_kind::list, mark, tag, anchor);
    }

    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
        YAML::EmitterStyle::value) override
    {
        open(node_kind::object, mark, tag, anchor);
    }
    void OnMapEnd() override { close(); }

private:
    /// A list or an object whose end has not come yet.
    struct unfinished {
        node value;
        YAML::anchor_t anchor = 0;
        bool has_key = false;  ///< of an object: the next value belongs to `key`
        std::string key;
        place key_at;
    };

    static std::string too_deep()
    {
        return fmt::format("expected at most {} levels of nesting", deepest_nesting);
    }

    place place_of(const YAML::Mark& mark)
    {
        return positions_->at(static_cast<std::size_t>(std::max(mark.pos, 0)));
    }

    [[noreturn]] void stop(const YAML::Mark& mark, std::string expected)
    {
        throw unacceptable{problem_at(place_of(mark), std::move(expected))};
    }

    /// Anchors and aliases copy values: a few lines could otherwise ask for any amount of memory.
    extent pay_for_copy(const node& value)
    {
        const auto size = extent_of(value);
        nodes_ += size.nodes;
        copied_bytes_ += size.bytes;
        if (nodes_ > most_nodes || copied_bytes_ > longest_text)
            throw unacceptable{problem_at(value.at,
                fmt::format("expected at most {} values and {} bytes in the document, aliases counted",
                    most_nodes, longest_text))};
        return size;
    }

    node make(node_kind kind, const YAML::Mark& mark)
    {
        if (++nodes_ > most_nodes)
            stop(mark, fmt::format("expected at most {} values in the document", most_nodes));
        node out;
        out.kind = kind;
        out.at = place_of(mark);
        return out;
    }

    void open(node_kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor)
    {
        if (tag != "?" && tag != "!" && !tag.empty())
            stop(mark, "expected a value without a tag; only !!str is known");
        if (open_.size() == deepest_nesting)
            stop(mark, too_deep());
        open_.push_back({.value = make(kind, mark), .anchor = anchor, .key = {}, .key_at = {}});
    }

    void close()
    {
        auto done = std::move(open_.back());
        open_.pop_back();
        finish(std::move(done.value), done.anchor);
    }

    void finish(node value, YAML::anchor_t anchor)
    {
        if (anchor != 0) {
            pay_for_copy(value);
            anchors_.insert_or_assign(anchor, value);
        }
        attach(std::move(value));
    }

    void attach(node value)
    {
        if (open_.empty()) {
            root_ = std::move(value);
            return;
        }
        auto& parent = open_.back();
        if (parent.value.kind == node_kind::object && !parent.has_key) {
            if (value.kind == node_kind::null || value.kind == node_kind::list ||
                value.kind == node_kind::object)
                throw unacceptable{problem_at(value.at, "expected the name of a field")};
            parent.has_key = true;
            parent.key = std::move(value.text);
            parent.key_at = value.at;
            return;
        }
        parent.has_key = false;
        // yaml-cpp gives a value that is not there the place of something else.
        if (value.kind == node_kind::null)
            value.at = parent.key_at;
        value.key = std::exchange(parent.key, {});
        value.key_at = parent.key_at;
        parent.value.children.push_back(std::move(value));
    }

    const text_positions* positions_;
    std::vector<unfinished> open_;
    std::map<YAML::anchor_t, node> anchors_;
    std::size_t nodes_ = 0;
    std::size_t copied_bytes_ = 0;
    node root_;
};

/// Refuses whatever follows the first document.
class no_more_documents : public YAML::EventHandler {
public:
    explicit no_more_documents(const text_positions& positions) : positions_(&positions) {}

    void OnDocumentStart(const YAML::Mark& mark) override
    {
        throw unacceptable{problem_at(positions_->at(static_cast<std::size_t>(std::max(mark.pos, 0))),
            "expected one YAML document, found a second one")};
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
    void OnSequenceStart(
        const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override
    {
    }
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override
    {
    }
    void OnMapEnd() override {}

private:
    const text_positions* positions_;
};

/// A tab where YAML wants spaces makes sentences that nobody understands.
bool is_indented_with_tab(std::string_view text, std::size_t offset)
{
    offset = std::min(offset, text.size());
    const auto before = text.substr(0, offset).rfind('\n');
    const auto line = text.substr(before == std::string_view::npos ? 0 : before + 1);
    return line.substr(0, line.find_first_not_of(" \t")).contains('\t');
}

}  // namespace

std::expected<node, problem> read_yaml_document(std::string_view text)
{
    const text_positions positions(text);
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        tree_builder builder(positions);
        if (!parser.HandleNextDocument(builder))
            return std::unexpected(
                problem_at({}, "expected an object with \"components\", found an empty text"));
        no_more_documents rest(positions);
        parser.HandleNextDocument(rest);
        return builder.take_root();
    } catch (const unacceptable& why) {
        return std::unexpected(why.what);
    } catch (const YAML::Exception& why) {
        // Some of the library's sentences end with text of the file after a colon; it may be a secret.
        const auto sentence = why.msg.substr(0, why.msg.find(':'));
        const auto offset = static_cast<std::size_t>(std::max(why.mark.pos, 0));
        return std::unexpected(problem_at(positions.at(offset),
            fmt::format("expected valid YAML ({}){}", sentence,
                is_indented_with_tab(text, offset) ? "; indent with spaces, not with tabs" : "")));
    }
}

}  // namespace gantryd::project_file
