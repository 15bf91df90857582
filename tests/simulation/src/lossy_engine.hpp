#pragma once
#include "fate.hpp"

#include <gantryd/docker/engine.hpp>

namespace gantryd::simulation {

/// A way to a Docker Engine on which calls are slow, are lost, or lose their answers.
class lossy_engine final : public docker::engine {
public:
    lossy_engine(runtime::clock& clk, docker::engine& there) : clk_(clk), there_(there) {}

    judge decides;  ///< asked at each call: "create shop-web-1-1", "list"; events are not asked about

    boost::asio::awaitable<base::result<docker::engine_info>> info(runtime::time_point deadline) override
    {
        return make("info", there_.info(deadline), deadline);
    }
    boost::asio::awaitable<base::result<std::vector<docker::container_summary>>> list(
        docker::labels wanted, runtime::time_point deadline) override
    {
        return make("list", there_.list(std::move(wanted), deadline), deadline);
    }
    boost::asio::awaitable<base::result<docker::container_details>> inspect(
        model::container_id id, runtime::time_point deadline) override
    {
        return make("inspect", there_.inspect(std::move(id), deadline), deadline);
    }
    boost::asio::awaitable<base::result<model::container_id>> create(
        docker::create_request what, runtime::time_point deadline) override
    {
        return make("create", there_.create(std::move(what), deadline), deadline);
    }
    boost::asio::awaitable<base::result<void>> start(
        model::container_id id, runtime::time_point deadline) override
    {
        return make("start", there_.start(std::move(id), deadline), deadline);
    }
    boost::asio::awaitable<base::result<void>> stop(
        model::container_id id, std::chrono::seconds grace, runtime::time_point deadline) override
    {
        return make("stop", there_.stop(std::move(id), grace, deadline), deadline);
    }
    boost::asio::awaitable<base::result<void>> kill(
        model::container_id id, std::string signal, runtime::time_point deadline) override
    {
        return make("kill", there_.kill(std::move(id), std::move(signal), deadline), deadline);
    }
    boost::asio::awaitable<base::result<int>> wait(
        model::container_id id, runtime::time_point deadline) override
    {
        return there_.wait(std::move(id), deadline);
    }
    boost::asio::awaitable<base::result<void>> remove(
        model::container_id id, bool force, runtime::time_point deadline) override
    {
        return make("remove", there_.remove(std::move(id), force, deadline), deadline);
    }
    boost::asio::awaitable<base::result<docker::exec_outcome>> exec(
        model::container_id id, std::vector<std::string> command, runtime::time_point deadline) override
    {
        return make("exec", there_.exec(std::move(id), std::move(command), deadline), deadline);
    }
    boost::asio::awaitable<base::result<std::vector<std::string>>> logs(
        model::container_id id, int lines, runtime::time_point deadline) override
    {
        return make("logs", there_.logs(std::move(id), lines, deadline), deadline);
    }
    boost::asio::awaitable<base::result<docker::image_details>> inspect_image(
        std::string reference, runtime::time_point deadline) override
    {
        return make("inspect_image", there_.inspect_image(std::move(reference), deadline), deadline);
    }
    boost::asio::awaitable<base::result<void>> pull(std::string reference,
        std::function<void(std::string)> progress, runtime::time_point deadline) override
    {
        return make("pull", there_.pull(std::move(reference), std::move(progress), deadline), deadline);
    }
    boost::asio::awaitable<base::error> follow_events(docker::labels wanted,
        std::optional<std::int64_t> since, std::function<void()> connected,
        std::function<void(docker::container_event)> on_event) override
    {
        return there_.follow_events(std::move(wanted), since, std::move(connected), std::move(on_event));
    }

private:
    template <class R>
    boost::asio::awaitable<R> make(
        std::string call, boost::asio::awaitable<R> op, runtime::time_point deadline)
    {
        const auto becomes = decides ? decides(call) : fate();
        return meet(clk_, becomes, "docker " + call, std::move(op), deadline);
    }

    runtime::clock& clk_;
    docker::engine& there_;
};

}  // namespace gantryd::simulation
