#include "../fuzz.hpp"

#include <gantryd/model/component_json.hpp>
#include <gantryd/project_file/reader.hpp>

#include <boost/json.hpp>

namespace gantryd::fuzz {
namespace {

namespace pf = project_file;

void check_problems(const std::vector<pf::problem>& problems)
{
    require(!problems.empty() && problems.size() <= 101, "what is refused has from 1 to 101 reasons");
    for (const auto& each : problems) {
        require(each.line >= 1 && each.column >= 1, "a problem has a place");
        require(!each.expected.empty(), "a problem has a sentence");
        const auto text = pf::text_of(each, "file");
        require(
            text.find_first_of("\n\r\x1b") == std::string::npos, "a problem is one line, safe on a terminal");
    }
}

void read_as(std::string_view text, pf::syntax as)
{
    const auto read = pf::read_project(text, as);
    if (!read)
        return check_problems(read.error());
    const auto stored = boost::json::serialize(pf::to_document(text, as));
    const auto again = pf::read_project(stored, pf::syntax::json);
    require(again && *again == *read, "the stored document means what the file means");
    const auto printed = model::pretty(model::to_json(*read));
    const auto echo = pf::read_project(printed, pf::syntax::json);
    require(echo && *echo == *read, "what is printed means the same");
}

}  // namespace

void project_file(std::string_view input)
{
    read_as(input, pf::syntax::json);
    read_as(input, pf::syntax::yaml);
    const auto component = pf::read_component(input);
    if (!component)
        return check_problems(component.error());
    const auto again = pf::read_component(boost::json::serialize(model::to_json(*component)));
    require(again && *again == *component, "a component read back from its JSON is the same");
    require(model::spec_hash(*again) == model::spec_hash(*component), "and so is its hash");
    const auto taken = pf::component_of(model::to_json(*component));
    require(taken && *taken == *component, "and so is what its JSON says without a text");
}

}  // namespace gantryd::fuzz
