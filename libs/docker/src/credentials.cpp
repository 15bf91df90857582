#include "credentials.hpp"
#include "json_fields.hpp"

#include <gantryd/base/base64.hpp>

#include <boost/json/serialize.hpp>

namespace json = boost::json;

namespace gantryd::docker {
namespace {

constexpr std::string_view hub_key = "https://index.docker.io/v1/";

/// The host of "https://registry.example/v1/", or of "registry.example". Docker Hub has several names.
std::string host_of(std::string_view server)
{
    for (const std::string_view scheme : {"https://", "http://"})
        if (server.starts_with(scheme))
            server.remove_prefix(scheme.size());
    const auto host = server.substr(0, server.find('/'));
    return host == "index.docker.io" || host == "registry-1.docker.io" ? "docker.io" : std::string(host);
}

base::result<registry_login> read_login(json_fields entry, std::string server)
{
    registry_login login;
    login.server = std::move(server);
    login.identity_token = entry.text("identitytoken");
    login.username = entry.text("username");
    login.password = entry.text("password");
    const auto encoded = entry.text("auth");
    if (encoded.empty())
        return login;
    const auto pair = base::decode_base64(encoded);
    const auto colon = pair ? pair->find(':') : std::string::npos;
    if (colon == std::string::npos)
        return base::fail(
            base::errc::malformed, "the login for " + login.server + " is no base64 of user:password");
    login.username = pair->substr(0, colon);
    login.password = pair->substr(colon + 1);
    while (login.password.ends_with('\0'))  // old versions of the Docker CLI padded with them
        login.password.pop_back();
    return login;
}

}  // namespace

base::result<login_source> find_login(std::string_view config_json, std::string_view registry)
{
    // The parser's own sentence would not quote the file, but it says nothing of use either.
    const auto value = parse_json(config_json, "config.json");
    if (!value)
        return base::fail(base::errc::malformed, "it is no JSON");
    std::string fault;
    json_fields config(*value, "config.json", fault);

    login_source found;
    const auto wanted = host_of(registry);
    found.helper_key = wanted == "docker.io" ? std::string(hub_key) : std::string(registry);
    for (const auto& [server, helper] : config.text_map("credHelpers"))
        if (host_of(server) == wanted)
            found.helper = helper;
    if (found.helper.empty())
        found.helper = config.text("credsStore");
    for (auto& [server, entry] : config.object("auths").objects()) {
        if (host_of(server) != wanted || found.login)
            continue;
        auto login = read_login(entry, server);
        if (!login)
            return std::unexpected(login.error());
        if (!login->username.empty() || !login->identity_token.empty())
            found.login = std::move(*login);
    }
    if (!fault.empty())
        return base::fail(base::errc::malformed, std::move(fault));
    return found;
}

base::result<registry_login> decode_helper_output(std::string_view text)
{
    const auto value = parse_json(text, "answer");
    if (!value)
        return base::fail(base::errc::malformed, "its answer is no JSON");
    std::string fault;
    json_fields in(*value, "answer", fault);
    registry_login login;
    login.server = in.text("ServerURL");
    login.username = in.text("Username");
    login.password = in.text("Secret");
    if (fault.empty() && login.username.empty())
        fault = "its answer has no Username";
    if (!fault.empty())
        return base::fail(base::errc::malformed, std::move(fault));
    if (login.username == "<token>") {
        login.identity_token = std::exchange(login.password, {});
        login.username.clear();
    }
    return login;
}

std::string encode_registry_auth(const registry_login& login)
{
    json::object body;
    if (login.identity_token.empty()) {
        body["username"] = login.username;
        body["password"] = login.password;
    } else {
        body["identitytoken"] = login.identity_token;
    }
    body["serveraddress"] = login.server;
    const auto text = json::serialize(body);
    return base::encode_base64url({text.data(), text.size()});
}

std::string hide_secrets(std::string sentence, const registry_login& login)
{
    for (const auto& secret : {login.password, login.identity_token}) {
        if (secret.empty())
            continue;
        for (auto at = sentence.find(secret); at != std::string::npos; at = sentence.find(secret, at + 3))
            sentence.replace(at, secret.size(), "***");
    }
    return sentence;
}

}  // namespace gantryd::docker
