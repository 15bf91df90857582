#pragma once
#include <gantryd/project_file/reader.hpp>

#include <boost/json/fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::project_file {

/// Limits of a text from outside: far above any project file, low enough that nothing can be blown up.
inline constexpr std::size_t longest_text = std::size_t{1024} * 1024;
inline constexpr std::size_t deepest_nesting = 32;
inline constexpr std::size_t most_nodes = 50'000;

/// Where something stands in the text, both from 1; columns count characters, not bytes.
struct place {
    int line = 1;
    int column = 1;

    friend auto operator<=>(const place&, const place&) = default;
};

enum class node_kind { null, boolean, number, text, list, object };

/// One value of the document, the same for both syntaxes.
struct node {
    node_kind kind = node_kind::null;
    place at;
    std::string text;  ///< of a scalar; a number and a boolean as they are written
    std::string key;   ///< of a member of an object
    place key_at;
    std::vector<node> children;  ///< of a list or an object, in the order of the file
    /// Set while reading where the field is a text and the file has a bare number or boolean: what matters
    /// then is how it is written (1.10 is not 1.1), so it has to stay a string in the stored document.
    bool taken_as_text = false;
};

/// The document as written, or the first thing that makes it unreadable.
/// Never holds an object with a key twice as an error: the reader of the fields reports those.
std::expected<node, problem> read_document(std::string_view text, syntax as);

/// The same of JSON that is parsed already. Everything in it stands at 1:1.
std::expected<node, problem> document_of(const boost::json::value& parsed);

/// True for what JSON calls a number; nothing else is one in either syntax.
bool is_json_number(std::string_view text) noexcept;

/// Turns offsets into places, in any order: yaml-cpp gives some of them backwards.
class text_positions {
public:
    explicit text_positions(std::string_view text);

    place at(std::size_t offset) const;
    static void step(place& from, char over) noexcept;

private:
    std::string_view text_;
    std::vector<place> milestones_;  ///< of every 256th byte
};

/// The two syntaxes. `text` is UTF-8 without control characters and without a byte order mark.
std::expected<node, problem> read_json_document(std::string_view text);
std::expected<node, problem> read_yaml_document(std::string_view text);

problem problem_at(place where, std::string expected);

}  // namespace gantryd::project_file
