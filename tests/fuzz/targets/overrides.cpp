#include "../fuzz.hpp"

#include <gantryd/base/names.hpp>
#include <gantryd/project_file/overrides.hpp>
#include <gantryd/project_file/reader.hpp>

#include <boost/json.hpp>

namespace gantryd::fuzz {

/// One assignment per line, all for one component; then the component is read.
void overrides(std::string_view input)
{
    boost::json::value component{{"name", "web"}, {"repo", "web"}};
    while (!input.empty()) {
        const auto end = input.find('\n');
        const auto before = component;
        const auto done =
            project_file::apply_override(component.as_object(), std::string(input.substr(0, end)));
        if (!done) {
            require(!done.error().context().empty(), "a refusal has a sentence");
            require(component == before, "what is refused changes nothing");
        }
        input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    }
    const auto read = project_file::read_component(boost::json::serialize(component));
    if (!read)
        require(!read.error().empty() && read.error().front().line >= 1, "a problem has a place");
}

}  // namespace gantryd::fuzz
