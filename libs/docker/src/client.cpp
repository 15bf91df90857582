#include <gantryd/docker/client.hpp>

#include "decode.hpp"
#include "encode.hpp"
#include "http_engine.hpp"
#include "refusal.hpp"
#include "text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace asio = boost::asio;

namespace gantryd::docker {
namespace {

http::request get(std::string target)
{
    http::request what;
    what.target = std::move(target);
    return what;
}

http::request post(std::string target, std::string json = {})
{
    http::request what;
    what.method = "POST";
    what.target = std::move(target);
    if (!json.empty())
        what.headers.emplace_back("Content-Type", "application/json");
    what.body = std::move(json);
    return what;
}

std::string task_for(std::string_view verb, const model::container_id& id)
{
    return fmt::format("docker {} {}", verb, shown(id.text()));
}

}  // namespace

http_engine::http_engine(endpoint where, std::shared_ptr<http::tls_context> tls, runtime::clock& clk)
    : config_file_(where.config_file),
      clk_(clk),
      api_(std::move(where), std::move(tls), clk)
{
}

asio::awaitable<base::result<void>> http_engine::command(http::request what, runtime::time_point deadline)
{
    auto answer = co_await api_.call(std::move(what), deadline);
    if (!answer)
        co_return std::unexpected(answer.error());
    co_return base::result<void>{};
}

asio::awaitable<base::result<engine_info>> http_engine::info(runtime::time_point deadline)
{
    return bounded("docker info", deadline, ask_info(deadline));
}

asio::awaitable<base::result<engine_info>> http_engine::ask_info(runtime::time_point deadline)
{
    const auto version = co_await api_.negotiate(deadline);
    if (!version)
        co_return std::unexpected(version.error());
    auto info = co_await query(get("/info"), decode_info, deadline);
    if (info)
        info->api_version = text_of(*version);
    co_return info;
}

asio::awaitable<base::result<std::vector<container_summary>>> http_engine::list(
    labels wanted, runtime::time_point deadline)
{
    return bounded("docker list", deadline, query(get(list_target(wanted)), decode_containers, deadline));
}

asio::awaitable<base::result<container_details>> http_engine::inspect(
    model::container_id id, runtime::time_point deadline)
{
    return bounded(task_for("inspect", id), deadline,
        query(get(container_target(id, "json")), decode_container, deadline));
}

asio::awaitable<base::result<model::container_id>> http_engine::create(
    create_request what, runtime::time_point deadline)
{
    auto task = "docker create " + what.name;
    return bounded(std::move(task), deadline, ask_create(std::move(what), deadline));
}

asio::awaitable<base::result<model::container_id>> http_engine::ask_create(
    create_request what, runtime::time_point deadline)
{
    auto request = post("/containers/create?name=" + http::percent_encode(what.name), encode_create(what));
    auto id = co_await query(std::move(request), decode_created, deadline);
    if (id)
        co_return model::container_id(std::move(*id));
    // Newer engines answer 404 for a container in volumes_from too: only a missing image is "not found" here.
    if (id.error() == base::errc::not_found && !id.error().context().contains("mage"))
        co_return base::fail(base::errc::rejected, id.error().context());
    co_return std::unexpected(id.error());
}

asio::awaitable<base::result<void>> http_engine::start(model::container_id id, runtime::time_point deadline)
{
    return bounded(task_for("start", id), deadline, command(post(container_target(id, "start")), deadline));
}

asio::awaitable<base::result<void>> http_engine::stop(
    model::container_id id, std::chrono::seconds grace, runtime::time_point deadline)
{
    // A negative time means "for ever" to the engine.
    const auto seconds = std::max<std::int64_t>(grace.count(), 0);
    auto request = post(container_target(id, fmt::format("stop?t={}", seconds)));
    return bounded(task_for("stop", id), deadline, command(std::move(request), deadline));
}

asio::awaitable<base::result<void>> http_engine::kill(
    model::container_id id, std::string signal, runtime::time_point deadline)
{
    auto request = post(container_target(id, "kill?signal=" + http::percent_encode(signal)));
    return bounded(task_for("kill", id), deadline, ask_kill(std::move(request), deadline));
}

asio::awaitable<base::result<void>> http_engine::ask_kill(http::request what, runtime::time_point deadline)
{
    auto done = co_await command(std::move(what), deadline);
    if (!done && says_not_running(done.error()))
        co_return base::result<void>{};
    co_return done;
}

asio::awaitable<base::result<int>> http_engine::wait(model::container_id id, runtime::time_point deadline)
{
    auto request = post(container_target(id, "wait?condition=not-running"));
    return bounded(task_for("wait for", id), deadline, query(std::move(request), decode_wait, deadline));
}

asio::awaitable<base::result<void>> http_engine::remove(
    model::container_id id, bool force, runtime::time_point deadline)
{
    auto task = task_for("remove", id);
    return bounded(std::move(task), deadline, ask_remove(std::move(id), force, deadline));
}

asio::awaitable<base::result<void>> http_engine::ask_remove(
    model::container_id id, bool force, runtime::time_point deadline)
{
    http::request request;
    request.method = "DELETE";
    request.target = container_target(id, "") + (force ? "?v=1&force=1" : "?v=1");
    auto done = co_await command(std::move(request), deadline);
    if (!done && says_removal_in_progress(done.error())) {
        // Somebody else's removal: success means that it is gone, so that its name is free.
        auto gone = post(container_target(id, "wait?condition=removed"));
        done = co_await command(std::move(gone), deadline);
    }
    if (!done && done.error() == base::errc::not_found)
        co_return base::result<void>{};
    co_return done;
}

asio::awaitable<base::result<image_details>> http_engine::inspect_image(
    std::string reference, runtime::time_point deadline)
{
    auto request = get("/images/" + http::percent_encode(reference) + "/json");
    return bounded(
        "docker inspect image " + reference, deadline, query(std::move(request), decode_image, deadline));
}

base::result<std::unique_ptr<engine>> make_engine(endpoint where, runtime::clock& clk)
{
    std::shared_ptr<http::tls_context> tls;
    if (where.transport == endpoint::kind::tls) {
        const std::filesystem::path directory(where.certificate_directory);
        http::tls_options options;
        options.ca_file = directory / "ca.pem";
        options.verify_peer = where.verify_peer;
        std::error_code ignored;
        // An engine that checks no clients needs no pair of ours.
        if (std::filesystem::exists(directory / "cert.pem", ignored) ||
            std::filesystem::exists(directory / "key.pem", ignored)) {
            options.certificate_file = directory / "cert.pem";
            options.key_file = directory / "key.pem";
        }
        auto made = http::make_tls_context(options);
        if (!made)
            return base::fail("TLS for " + text_of(where), made.error());
        tls = std::move(*made);
    }
    return std::make_unique<http_engine>(std::move(where), std::move(tls), clk);
}

}  // namespace gantryd::docker
