#include "secret_values.hpp"

#include <gantryd/secrets/private_file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gantryd::daemon {
namespace {

using planner::reason;

reason reason_of(const base::error& why)
{
    return why == base::errc::not_found ? reason::secret_missing : reason::secret_unreadable;
}

std::string release_name(const model::release& release)
{
    return fmt::format("release {}", model::value_of(release.number));
}

}  // namespace

bool has_secrets(const model::release& release)
{
    return std::ranges::any_of(
        release.spec.environment_variables, [](const auto& variable) { return variable.secret.has_value(); });
}

const base::result<secrets::secret_key>& secret_reader::key()
{
    if (!key_)
        key_ = secrets::read_key_file(what_.secret_key_file);
    return *key_;
}

attempt<secrets::secret_text> secret_reader::value_of(
    const model::release& release, const model::environment_variable& variable)
{
    const auto& source = *variable.secret;
    const auto found = release.secrets.find(variable.name);
    const auto held = found == release.secrets.end() ? model::held_secret() : found->second;
    const auto subject = source.file.empty() ? fmt::format("{}: secret {}, version {}: ", variable.name,
                                                   source.name, held.version)
                                             : variable.name + ": ";
    if (source.file.empty() && held.sealed.empty())
        return blocked(reason::secret_missing, fmt::format("{}: {} has no value of secret {}", variable.name,
                                                   release_name(release), source.name));
    const bool needs_key = source.file.empty() || !held.fingerprint.empty();
    if (needs_key && !key())
        return blocked(reason_of(key().error()), subject + key().error().context());
    auto value = source.file.empty()
                     ? key()->open({what_.project.text(), source.name, held.version}, held.sealed)
                     : secrets::read_value_file(source.file);
    if (!value)
        return blocked(reason_of(value.error()), subject + value.error().context());
    if (!held.fingerprint.empty() &&
        key()->fingerprint(what_.project.text(), source.file, value->view()) != held.fingerprint)
        return blocked(reason::secret_changed,
            fmt::format("{}: {} has another value on this machine than {} was made with", variable.name,
                source.file, release_name(release)));
    return std::move(*value);
}

attempt<std::map<std::string, secrets::secret_text>> secret_reader::values_of(const model::release& release)
{
    std::map<std::string, secrets::secret_text> out;
    for (const auto& variable : release.spec.environment_variables) {
        if (!variable.secret)
            continue;
        auto value = value_of(release, variable);
        if (!value)
            return std::unexpected(value.error());
        out.emplace(variable.name, std::move(*value));
    }
    return out;
}

}  // namespace gantryd::daemon
