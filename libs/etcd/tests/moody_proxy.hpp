#pragma once
#include <gantryd/runtime/task_scope.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string>

namespace gantryd::etcd {

/// Stands between a client and one port of this machine. It can swallow what the connections of now carry,
/// without closing them, or close all and refuse new ones.
class moody_proxy {
public:
    moody_proxy(boost::asio::any_io_executor ex, std::uint16_t to)
        : acceptor_(ex, {boost::asio::ip::address_v4::loopback(), 0}),
          to_(to),
          tasks_(ex)
    {
        tasks_.spawn("accept", accept());
    }

    std::string endpoint() const
    {
        return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    }

    int connections = 0;              ///< so far
    std::size_t bytes_to_client = 0;  ///< so far

    /// The connections of now stay open, and nothing comes through any more. New ones are fine.
    void swallow()
    {
        for (const auto& one : links_)
            one->swallows = true;
    }

    void cut()
    {
        is_cut_ = true;
        for (const auto& one : links_)
            one->close();
    }
    void heal() { is_cut_ = false; }

    boost::asio::awaitable<void> end()
    {
        tasks_.stop();
        co_await tasks_.join();
    }

private:
    using tcp = boost::asio::ip::tcp;

    struct link {
        explicit link(const boost::asio::any_io_executor& ex) : client(ex), server(ex) {}
        void close()
        {
            boost::system::error_code ignored;
            client.close(ignored);
            server.close(ignored);
        }
        tcp::socket client;
        tcp::socket server;
        bool swallows = false;
    };

    boost::asio::awaitable<void> accept()
    {
        for (;;) {
            auto one = std::make_shared<link>(acceptor_.get_executor());
            co_await acceptor_.async_accept(one->client, boost::asio::use_awaitable);
            ++connections;
            if (is_cut_)
                continue;  // closed with the link
            const tcp::endpoint to(boost::asio::ip::address_v4::loopback(), to_);
            const auto [failed] =
                co_await one->server.async_connect(to, boost::asio::as_tuple(boost::asio::use_awaitable));
            if (failed)
                continue;
            links_.insert(one);
            tasks_.spawn("up", pump(one, one->client, one->server));
            tasks_.spawn("down", pump(one, one->server, one->client));
        }
    }

    boost::asio::awaitable<void> pump(std::shared_ptr<link> of, tcp::socket& from, tcp::socket& to)
    {
        std::array<char, 16384> buffer{};
        for (;;) {
            const auto [failed, n] = co_await from.async_read_some(
                boost::asio::buffer(buffer), boost::asio::as_tuple(boost::asio::use_awaitable));
            if (failed)
                break;
            if (of->swallows)
                continue;
            if (&to == &of->client)
                bytes_to_client += n;
            const auto [refused, written] = co_await boost::asio::async_write(
                to, boost::asio::buffer(buffer.data(), n), boost::asio::as_tuple(boost::asio::use_awaitable));
            if (refused)
                break;
        }
        of->close();
        links_.erase(of);
    }

    tcp::acceptor acceptor_;
    std::uint16_t to_;
    bool is_cut_ = false;
    std::set<std::shared_ptr<link>> links_;
    runtime::task_scope tasks_;
};

}  // namespace gantryd::etcd
