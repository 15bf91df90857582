#include "commands.hpp"
#include "common/output.hpp"

#include <gantryd/model/component_json.hpp>
#include <gantryd/project_file/reader.hpp>

#include <boost/json.hpp>

namespace gantryd::app {
namespace {

boost::json::value problems_json(const std::vector<project_file::problem>& problems, const std::string& file)
{
    boost::json::array out;
    for (const auto& p : problems)
        out.emplace_back(boost::json::object{{"file", file}, {"line", p.line}, {"column", p.column},
            {"field", p.field}, {"expected", p.expected}});
    return boost::json::object{{"problems", std::move(out)}};
}

}  // namespace

boost::asio::awaitable<exit_code> validate(invocation what, runtime::clock&)
{
    const auto file = read_file(what.file);
    if (!file.error.empty())
        co_return refuse(file.error);
    const auto syntax = project_file::syntax_of(what.file, file.text);
    const auto meaning = project_file::read_project(file.text, syntax);
    if (meaning) {
        print_json(model::to_json(*meaning));
        co_return exit_code::done;
    }
    if (what.with.json())
        print_json(problems_json(meaning.error(), what.file));
    else
        for (const auto& problem : meaning.error())
            print(project_file::text_of(problem, what.file) + "\n");
    co_return exit_code::refused;
}

}  // namespace gantryd::app
