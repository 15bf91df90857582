#include "transport_error.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <cctype>

namespace gantryd::http {

std::string reason_of(const boost::system::error_code& why)
{
    auto text = why.message();
    if (!text.empty())
        text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    return text;
}

std::string place_of(std::string_view host, std::uint16_t port)
{
    std::string out(host);
    if (host.find(':') != std::string_view::npos)
        out = "[" + out + "]";
    return out + ":" + std::to_string(port);
}

void throw_if_cancelled(const boost::system::error_code& ec)
{
    if (ec == boost::asio::error::operation_aborted)
        throw boost::system::system_error(ec);
}

}  // namespace gantryd::http
