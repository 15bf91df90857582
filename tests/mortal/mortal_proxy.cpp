#include "mortal_proxy.hpp"

namespace gantryd::mortal {

boost::asio::awaitable<base::result<haproxy::proxy_view>> mortal_proxy::update(
    std::vector<haproxy_config::route> routes, runtime::time_point deadline)
{
    const std::string action = routes.empty() ? "stop of HAProxy" : "change of HAProxy";
    return when_.around(action, there_.update(std::move(routes), deadline));
}

boost::asio::awaitable<base::result<haproxy::proxy_view>> mortal_proxy::look(runtime::time_point deadline)
{
    return there_.look(deadline);
}

boost::asio::awaitable<base::result<haproxy::proxy_view>> mortal_proxy::look_closely(
    runtime::time_point deadline)
{
    return there_.look_closely(deadline);
}

bool mortal_proxy::is_free(const std::string& address, std::uint16_t port) const
{
    return there_.is_free(address, port);
}

std::optional<std::string> mortal_proxy::why_taken(const std::string& address, std::uint16_t port) const
{
    return there_.why_taken(address, port);
}

boost::asio::awaitable<void> mortal_proxy::wait_for_exit() { return there_.wait_for_exit(); }

boost::asio::awaitable<health::probe_result> mortal_prober::signal(
    model::signal_spec signal, health::probe_target target)
{
    return when_.around("termination signal", there_.signal(std::move(signal), std::move(target)));
}

boost::asio::awaitable<health::probe_result> mortal_prober::probe(
    model::check_spec check, health::probe_target target)
{
    return there_.probe(std::move(check), std::move(target));
}

}  // namespace gantryd::mortal
