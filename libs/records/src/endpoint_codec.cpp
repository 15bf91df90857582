#include <gantryd/records/codec.hpp>

#include "json_access.hpp"

namespace json = boost::json;

namespace gantryd::records {

using namespace detail;

namespace {

std::uint16_t port_in(const json::object& from, std::string_view key)
{
    const auto number = integer_of(from, key).value_or(0);
    return number > 0 && number <= 65535 ? static_cast<std::uint16_t>(number) : std::uint16_t{0};
}

}  // namespace

std::string encode(const model::endpoint& endpoint)
{
    json::array ports;
    for (const auto& port : endpoint.ports)
        ports.emplace_back(json::object{
            {"external", port.external}, {"container", port.container}, {"kind", model::text_of(port.kind)}});
    return json::serialize(json::object{{"release", model::value_of(endpoint.release)},
        {"address", endpoint.address}, {"container", endpoint.container}, {"ports", std::move(ports)}});
}

base::result<model::endpoint> decode_endpoint(std::string_view text)
{
    const auto object = parse_object(text, "endpoint");
    if (!object)
        return std::unexpected(object.error());
    model::endpoint out;
    out.release = static_cast<model::release_number>(integer_of(*object, "release").value_or(0));
    out.address = string_of(*object, "address");
    out.container = string_of(*object, "container");
    for (const auto* port : objects_of(*object, "ports"))
        out.ports.push_back({port_in(*port, "external"), port_in(*port, "container"),
            string_of(*port, "kind") == "http" ? model::port_kind::http : model::port_kind::tcp});
    return out;
}

}  // namespace gantryd::records
