#include "commands.hpp"
#include "common/machine.hpp"
#include "common/output.hpp"
#include "common/secret_files.hpp"
#include "common/state_directory.hpp"

#include <gantryd/control/secrets.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/secrets/secret_key.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <utility>

namespace gantryd::app {
namespace {

boost::json::array uses_json(const std::vector<control::secret_use>& uses)
{
    boost::json::array out;
    for (const auto& use : uses) {
        boost::json::object one{{"component", use.component.text()}, {"configured", use.configured}};
        if (use.release) {
            one["release"] = model::value_of(*use.release);
            one["version"] = use.version;
        }
        out.emplace_back(std::move(one));
    }
    return out;
}

std::string text_of(const control::secret_use& use)
{
    if (!use.release)
        return use.component.text() + " (config)";
    return fmt::format("{} (release {}, version {}{})", use.component.text(), model::value_of(*use.release),
        use.version, use.configured ? "" : ", not in the config any more");
}

std::string joined(const std::vector<control::secret_use>& uses)
{
    std::string out;
    for (const auto& use : uses)
        out += (out.empty() ? "" : ", ") + text_of(use);
    return out.empty() ? "-" : out;
}

void show_set(const invocation& what, const control::secret_set& set)
{
    if (what.with.json()) {
        print_json(boost::json::object{
            {"secret", what.secret}, {"version", set.version}, {"uses", uses_json(set.uses)}});
        return;
    }
    print(fmt::format(
        "Secret {} is version {} now; nothing that runs was changed\n", what.secret, set.version));
    for (const auto& use : set.uses)
        if (use.configured)
            print(fmt::format(
                "{} takes it with: {}\n", text_of(use), command_line("update", what.project, use.component)));
}

}  // namespace

boost::asio::awaitable<exit_code> set_secret(invocation what, runtime::clock& clk)
{
    auto key = secrets::read_key_file(what.with.secret_key_file);
    if (!key)
        co_return refuse(key.error());
    auto store = open_store(what.with, clk, false);
    if (!store)
        co_return refuse(store.error());
    auto config = co_await require_config(**store, what, clk);
    if (!config)
        co_return refuse(config.error());
    auto value = read_value(what.from);
    if (!value)
        co_return refuse(value.error());
    auto seal = [&](std::int64_t version) {
        return key->seal({what.project, what.secret, version}, value->view());
    };
    auto done = co_await control::set_secret(**store, what.project_name(), what.secret, std::move(seal),
        user_at_host(), clk, clk.now() + store_limit);
    if (!done)
        co_return refuse(unanswered(done.error()));
    show_set(what, *done);
    co_return exit_code::done;
}

boost::asio::awaitable<exit_code> list_secrets(invocation what, runtime::clock& clk)
{
    auto project = co_await look_at_project(what, clk);
    if (!project)
        co_return refuse(project.error());
    boost::json::array out;
    std::vector<std::vector<std::string>> rows{{"SECRET", "VERSION", "SET", "BY", "USED BY"}};
    for (const auto& [name, secret] : project->all.secrets) {
        const auto uses = control::uses_of(project->all, name);
        auto one = records::to_json(secret.what);
        one["secret"] = name;
        one["uses"] = uses_json(uses);
        out.emplace_back(std::move(one));
        if (secret.what.version == 0)
            rows.push_back({name, "unreadable", "-", "-", joined(uses)});
        else
            rows.push_back({name, std::to_string(secret.what.version), base::rfc3339(secret.what.set_at),
                secret.what.set_by, joined(uses)});
    }
    if (what.with.json())
        print_json(boost::json::object{{"secrets", std::move(out)}});
    else
        print(columns(rows));
    co_return told(*project);
}

boost::asio::awaitable<exit_code> remove_secret(invocation what, runtime::clock& clk)
{
    auto store = open_store(what.with, clk, false);
    if (!store)
        co_return refuse(store.error());
    auto done = co_await control::remove_secret(
        **store, what.project_name(), what.secret, what.force, clk.now() + store_limit);
    if (!done)
        co_return refuse(unanswered(done.error()));
    print(fmt::format("Secret {} is removed; releases that were made with it keep it\n", what.secret));
    co_return exit_code::done;
}

}  // namespace gantryd::app
