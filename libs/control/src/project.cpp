#include <gantryd/control/project.hpp>

#include "races.hpp"

#include <gantryd/project_file/reader.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

namespace gantryd::control {

boost::asio::awaitable<base::result<std::optional<stored_config>>> read_config(
    store::store& from, model::project_name project, runtime::time_point deadline)
{
    using found = std::optional<stored_config>;
    auto pair = co_await from.get(records::config_key(project), deadline);
    if (!pair)
        co_return std::unexpected(pair.error());
    if (!*pair)
        co_return found();
    auto meaning = project_file::read_project((*pair)->value, project_file::syntax::json);
    if (!meaning)
        co_return base::fail(base::errc::malformed,
            project_file::text_of(meaning.error().front(), "stored config of " + project.text()));
    co_return found(stored_config{std::move((*pair)->value), std::move(*meaning)});
}

boost::asio::awaitable<base::result<void>> store_config(
    store::store& to, model::project_name project, std::string document, runtime::time_point deadline)
{
    store::transaction write;
    write.operations.push_back(
        {store::operation::kind::put, records::config_key(project), std::move(document), {}});
    auto done = co_await to.commit(std::move(write), deadline);
    if (!done)
        co_return std::unexpected(done.error());
    co_return base::result<void>();
}

boost::asio::awaitable<base::result<void>> set_intent(store::store& to, model::project_name project,
    std::vector<model::component_name> components, model::intent intent, runtime::time_point deadline)
{
    for (int attempt = 1;; ++attempt) {
        store::transaction write;
        for (const auto& component : components) {
            const auto key = records::state_key(project, component);
            auto present = co_await to.get(key, deadline);
            if (!present)
                co_return std::unexpected(present.error());
            model::component_state state;
            store::revision seen{};
            if (*present) {
                seen = (*present)->modified;
                auto known = records::decode_component_state((*present)->value);
                if (known)
                    state = std::move(*known);
            }
            state.status = intent;
            write.conditions.push_back({key, store::compare::target::modified, seen});
            write.operations.push_back({store::operation::kind::put, key, records::encode(state), {}});
        }
        auto done = co_await to.commit(std::move(write), deadline);
        if (done)
            co_return base::result<void>();
        if (done.error() != base::errc::conflict || attempt == most_races)
            co_return std::unexpected(done.error());
    }
}

}  // namespace gantryd::control
