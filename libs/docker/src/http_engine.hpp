#pragma once
#include "api.hpp"

#include <gantryd/docker/engine.hpp>
#include <gantryd/runtime/with_deadline.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantryd::docker {

/// The engine behind its HTTP API. The public functions name what is done and bound it; the work is in the
/// private ones of the same name.
class http_engine final : public engine {
public:
    http_engine(endpoint where, std::shared_ptr<http::tls_context> tls, runtime::clock& clk);

    boost::asio::awaitable<base::result<engine_info>> info(runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<std::vector<container_summary>>> list(
        labels wanted, runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<container_details>> inspect(
        model::container_id id, runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<model::container_id>> create(
        create_request what, runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<void>> start(
        model::container_id id, runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<void>> stop(
        model::container_id id, std::chrono::seconds grace, runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<void>> kill(
        model::container_id id, std::string signal, runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<int>> wait(
        model::container_id id, runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<void>> remove(
        model::container_id id, bool force, runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<exec_outcome>> exec(
        model::container_id id, std::vector<std::string> command, runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<std::vector<std::string>>> logs(
        model::container_id id, int lines, runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<image_details>> inspect_image(
        std::string reference, runtime::time_point deadline) override;
    boost::asio::awaitable<base::result<void>> pull(std::string reference,
        std::function<void(std::string)> progress, runtime::time_point deadline) override;
    boost::asio::awaitable<base::error> follow_events(labels wanted, std::optional<std::int64_t> since,
        std::function<void()> connected, std::function<void(container_event)> on_event) override;

private:
    /// `op` within the deadline; a failure's sentence begins with `task`.
    template <class T>
    boost::asio::awaitable<base::result<T>> bounded(
        std::string task, runtime::time_point deadline, boost::asio::awaitable<base::result<T>> op)
    {
        auto done = co_await runtime::with_deadline(clk_, deadline, "no answer in time", std::move(op));
        if (!done)
            co_return base::fail(task, done.error());
        co_return done;
    }

    /// A call whose answer `decode` turns into what the caller wants.
    template <class T>
    boost::asio::awaitable<base::result<T>> query(
        http::request what, base::result<T> (*decode)(std::string_view), runtime::time_point deadline)
    {
        auto answer = co_await api_.call(std::move(what), deadline);
        if (!answer)
            co_return std::unexpected(answer.error());
        co_return decode(answer->body);
    }

    /// A call of which only the success matters.
    boost::asio::awaitable<base::result<void>> command(http::request what, runtime::time_point deadline);

    boost::asio::awaitable<base::result<engine_info>> ask_info(runtime::time_point deadline);
    boost::asio::awaitable<base::result<model::container_id>> ask_create(
        create_request what, runtime::time_point deadline);
    boost::asio::awaitable<base::result<void>> ask_kill(http::request what, runtime::time_point deadline);
    boost::asio::awaitable<base::result<void>> ask_remove(
        model::container_id id, bool force, runtime::time_point deadline);
    boost::asio::awaitable<base::result<exec_outcome>> ask_exec(
        model::container_id id, std::vector<std::string> command, runtime::time_point deadline);
    boost::asio::awaitable<base::result<int>> wait_for_exec(
        std::string exec_id, runtime::time_point deadline);
    boost::asio::awaitable<base::result<std::vector<std::string>>> ask_logs(
        model::container_id id, int lines, runtime::time_point deadline);
    boost::asio::awaitable<base::result<bool>> has_terminal(
        const open_answer& logs, model::container_id id, runtime::time_point deadline);
    boost::asio::awaitable<base::result<void>> ask_pull(
        std::string reference, std::function<void(std::string)> progress, runtime::time_point deadline);
    boost::asio::awaitable<base::error> read_events(labels wanted, std::optional<std::int64_t> since,
        std::function<void()> connected, std::function<void(container_event)> on_event);

    std::string config_file_;
    runtime::clock& clk_;
    api api_;
};

}  // namespace gantryd::docker
