#pragma once
#include <gantryd/base/error.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace gantryd::docker {

/// What a registry is shown. Never in a log line or a sentence: see hide_secrets().
struct registry_login {
    std::string username;
    std::string password;
    std::string identity_token;  ///< instead of a password, from an OAuth login
    std::string server;
};

/// Where the Docker CLI's config file says that the login for a registry is.
struct login_source {
    std::optional<registry_login> login;  ///< in the file itself
    std::string helper;                   ///< or what program to ask: docker-credential-<helper>
    std::string helper_key;               ///< the registry as the helper knows it
};

/// Empty members when the file says nothing about this registry.
/// Errors: malformed (no JSON, base64 that is none, ..); without a piece of the file in the sentence.
base::result<login_source> find_login(std::string_view config_json, std::string_view registry);

/// What a credential helper wrote. Errors: malformed.
base::result<registry_login> decode_helper_output(std::string_view json);

/// The header X-Registry-Auth.
std::string encode_registry_auth(const registry_login& login);

/// `sentence` with every occurrence of a secret of `login` replaced by "***".
std::string hide_secrets(std::string sentence, const registry_login& login);

}  // namespace gantryd::docker
