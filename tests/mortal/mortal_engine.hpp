#pragma once
#include "deaths.hpp"

#include <gantryd/docker/engine.hpp>

namespace gantryd::mortal {

/// A Docker Engine whose user dies before and after each call that changes something, or that gathers
/// evidence.
class mortal_engine final : public docker::engine {
public:
    mortal_engine(docker::engine& there, deaths& when) : there_(there), when_(when) {}

    boost::asio::awaitable<base::result<model::container_id>> create(
        docker::create_request what, runtime::time_point deadline) override
    {
        return when_.around("create", there_.create(std::move(what), deadline));
    }
    boost::asio::awaitable<base::result<void>> start(
        model::container_id id, runtime::time_point deadline) override
    {
        return when_.around("start", there_.start(std::move(id), deadline));
    }
    boost::asio::awaitable<base::result<void>> stop(
        model::container_id id, std::chrono::seconds grace, runtime::time_point deadline) override
    {
        return when_.around("stop", there_.stop(std::move(id), grace, deadline));
    }
    boost::asio::awaitable<base::result<void>> kill(
        model::container_id id, std::string signal, runtime::time_point deadline) override
    {
        return when_.around("kill", there_.kill(std::move(id), std::move(signal), deadline));
    }
    boost::asio::awaitable<base::result<void>> remove(
        model::container_id id, bool force, runtime::time_point deadline) override
    {
        return when_.around("remove", there_.remove(std::move(id), force, deadline));
    }
    boost::asio::awaitable<base::result<std::vector<std::string>>> logs(
        model::container_id id, int lines, runtime::time_point deadline) override
    {
        return when_.around("logs", there_.logs(std::move(id), lines, deadline));
    }
    boost::asio::awaitable<base::result<void>> pull(std::string reference,
        std::function<void(std::string)> progress, runtime::time_point deadline) override
    {
        return when_.around("pull", there_.pull(std::move(reference), std::move(progress), deadline));
    }

    // Questions, and the commands of checks.
    boost::asio::awaitable<base::result<docker::engine_info>> info(runtime::time_point deadline) override
    {
        return there_.info(deadline);
    }
    boost::asio::awaitable<base::result<std::vector<docker::container_summary>>> list(
        docker::labels wanted, runtime::time_point deadline) override
    {
        return there_.list(std::move(wanted), deadline);
    }
    boost::asio::awaitable<base::result<docker::container_details>> inspect(
        model::container_id id, runtime::time_point deadline) override
    {
        return there_.inspect(std::move(id), deadline);
    }
    boost::asio::awaitable<base::result<int>> wait(
        model::container_id id, runtime::time_point deadline) override
    {
        return there_.wait(std::move(id), deadline);
    }
    boost::asio::awaitable<base::result<docker::exec_outcome>> exec(
        model::container_id id, std::vector<std::string> command, runtime::time_point deadline) override
    {
        return there_.exec(std::move(id), std::move(command), deadline);
    }
    boost::asio::awaitable<base::result<docker::image_details>> inspect_image(
        std::string reference, runtime::time_point deadline) override
    {
        return there_.inspect_image(std::move(reference), deadline);
    }
    boost::asio::awaitable<base::error> follow_events(docker::labels wanted,
        std::optional<std::int64_t> since, std::function<void()> connected,
        std::function<void(docker::container_event)> on_event) override
    {
        return there_.follow_events(std::move(wanted), since, std::move(connected), std::move(on_event));
    }

private:
    docker::engine& there_;
    deaths& when_;
};

}  // namespace gantryd::mortal
