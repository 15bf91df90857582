#include <gantryd/base/number.hpp>
#include <gantryd/haproxy_config/config.hpp>

#include <optional>
#include <ranges>
#include <sstream>

namespace gantryd::haproxy_config {
namespace {

struct endpoint {
    std::string address;
    std::uint16_t port = 0;
};

std::optional<endpoint> endpoint_in(std::string_view text)
{
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    auto address = text.substr(0, colon);
    if (address.starts_with('[') && address.ends_with(']'))
        address = address.substr(1, address.size() - 2);
    endpoint out{.address = canonical_address(address)};
    const auto port = base::number_in<decltype(out.port)>(text.substr(colon + 1));
    if (out.address.empty() || !port)
        return std::nullopt;
    out.port = *port;
    return out;
}

/// Words of one line, one line after the other: frontend, its mode and bind, backend, its servers.
class reader {
public:
    void take(const std::vector<std::string>& words)
    {
        const auto& key = words.front();
        if (key == "frontend" || key == "global" || key == "defaults")
            in_frontend_ = false;
        if (words.size() < 2)
            return;
        if (key == "frontend" && words[1].starts_with("fe_")) {
            in_frontend_ = true;
            out.push_back(route{.id = model::route_id(words[1].substr(3))});
        } else if (key == "backend") {
            in_frontend_ = false;
        } else if (in_frontend_ && key == "mode") {
            out.back().kind = words[1] == "http" ? model::port_kind::http : model::port_kind::tcp;
        } else if (in_frontend_ && key == "bind") {
            take_bind(words[1]);
        } else if (!in_frontend_ && key == "server" && words.size() >= 3 && !out.empty()) {
            take_server(words);
        }
    }

    std::vector<route> out;

private:
    void take_bind(const std::string& text)
    {
        if (const auto at = endpoint_in(text)) {
            out.back().bind = at->address;
            out.back().port = at->port;
        }
    }

    void take_server(const std::vector<std::string>& words)
    {
        const auto at = endpoint_in(words[2]);
        if (!at)
            return;
        slot s{.mode = slot_mode::serving, .address = at->address, .port = at->port};
        if (words.size() > 3 && words[3] == "disabled")
            s.mode =
                s.address == slot{}.address && s.port == slot{}.port ? slot_mode::empty : slot_mode::draining;
        out.back().slots.push_back(std::move(s));
    }

    bool in_frontend_ = false;
};

std::vector<std::string> words_of(std::string_view line)
{
    std::istringstream in{std::string(line)};
    std::vector<std::string> words;
    for (std::string word; in >> word;)
        words.push_back(word);
    return words;
}

}  // namespace

std::vector<route> routes_in(std::string_view config_text)
{
    reader r;
    for (const auto line : config_text | std::views::split('\n')) {
        const auto words = words_of(std::string_view(line));
        if (!words.empty())
            r.take(words);
    }
    return std::move(r.out);
}

}  // namespace gantryd::haproxy_config
