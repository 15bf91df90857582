#pragma once
#include "scripted_server.hpp"
#include "support.hpp"

#include <gantryd/docker/client.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <utility>

namespace gantryd::docker {

inline const model::container_id some_id("e3744ab8da533e578c19e6827c5a7427c5c474a6df09cc94cc1b994f83b019f7");

/// The client connected to a server that answers by a script.
class client_fixture : public testing::Test {
protected:
    client_fixture()
    {
        endpoint where;
        where.address = files_ / "docker.sock";
        where.config_file = files_ / "config.json";
        engine_ = std::move(*make_engine(where, *clock_));
        server_ = std::make_unique<scripted_server>(loop_, where.address);
    }

    /// Answers every request the same way.
    void always(scripted_answer answer)
    {
        server_->answer = [answer](const received_request&) { return answer; };
    }
    template <class T>
    T run(boost::asio::awaitable<T> op)
    {
        return run_in_real_time(loop_, std::move(op));
    }
    runtime::time_point soon() const { return clock_->now() + std::chrono::seconds(10); }
    const received_request& only_request() const { return server_->requests.at(0); }

    base::temporary_directory files_;
    boost::asio::io_context loop_{1};
    std::unique_ptr<runtime::clock> clock_ = runtime::make_system_clock();
    std::unique_ptr<engine> engine_;
    std::unique_ptr<scripted_server> server_;
};

}  // namespace gantryd::docker
