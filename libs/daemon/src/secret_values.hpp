#pragma once
#include "image_fetch.hpp"

#include <gantryd/secrets/secret_key.hpp>

#include <map>
#include <optional>
#include <string>

namespace gantryd::daemon {

/// Finds out what the containers of a release get for the variables that are secrets. Reads the key file when
/// it is first needed, and forgets it with everything else.
class secret_reader {
public:
    explicit secret_reader(const options& what) : what_(what) {}

    /// The value of one variable, which is a secret.
    /// Obstacles: secret_missing, secret_unreadable, secret_changed (a file has another value than the
    /// release was made with). They name the variable and where its value should be, and nothing of the
    /// value.
    attempt<secrets::secret_text> value_of(
        const model::release& release, const model::environment_variable& variable);

    /// Those of all of them, by variable; the first obstacle, if there is one.
    attempt<std::map<std::string, secrets::secret_text>> values_of(const model::release& release);

private:
    const base::result<secrets::secret_key>& key();

    const options& what_;
    std::optional<base::result<secrets::secret_key>> key_;
};

/// True when a variable of the release is a secret.
bool has_secrets(const model::release& release);

}  // namespace gantryd::daemon
