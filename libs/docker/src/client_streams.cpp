// The calls whose answers are streams: exec, logs, pull, events.
#include "decode.hpp"
#include "encode.hpp"
#include "frames.hpp"
#include "http_engine.hpp"
#include "image_reference.hpp"
#include "log_lines.hpp"
#include "pull_progress.hpp"
#include "refusal.hpp"
#include "registry_login.hpp"
#include "text.hpp"

#include <gantryd/http/line_splitter.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace gantryd::docker {
namespace {

constexpr std::size_t most_exec_output = 64UL * 1024;
constexpr std::size_t most_record_bytes = 1024UL * 1024;  // one event, with all of a container's labels
constexpr int most_log_lines = 10'000;
constexpr auto exec_poll = 20ms;
constexpr auto time_to_connect = 30s;

http::request post_json(std::string target, std::string body)
{
    http::request what;
    what.method = "POST";
    what.target = std::move(target);
    what.headers.emplace_back("Content-Type", "application/json");
    what.body = std::move(body);
    return what;
}

std::unexpected<base::error> refusal_of(const open_answer& answer)
{
    return std::unexpected(as_error(answer.header.status, answer.header.body));
}

/// Hands every payload of a stream of frames to `to`.
asio::awaitable<base::result<void>> read_frames(open_answer& answer, frame_splitter::sink to)
{
    frame_splitter frames;
    for (;;) {
        auto bytes = co_await answer.reader->read_body();
        if (!bytes)
            co_return std::unexpected(bytes.error());
        if (bytes->empty())
            break;
        auto fed = frames.feed(*bytes, to);
        if (!fed)
            co_return fed;
    }
    if (!frames.at_boundary())
        co_return base::fail(base::errc::unavailable, "the engine closed the stream inside a frame");
    co_return base::result<void>{};
}

/// Hands a stream without frames to `to`.
asio::awaitable<base::result<void>> read_raw(open_answer& answer, frame_splitter::sink to)
{
    for (;;) {
        auto bytes = co_await answer.reader->read_body();
        if (!bytes)
            co_return std::unexpected(bytes.error());
        if (bytes->empty())
            co_return base::result<void>{};
        to(output_stream::out, *bytes);
    }
}

}  // namespace

asio::awaitable<base::result<exec_outcome>> http_engine::exec(
    model::container_id id, std::vector<std::string> command, runtime::time_point deadline)
{
    auto task = "docker exec in " + shown(id.text());
    return bounded(std::move(task), deadline, ask_exec(std::move(id), std::move(command), deadline));
}

asio::awaitable<base::result<exec_outcome>> http_engine::ask_exec(
    model::container_id id, std::vector<std::string> command, runtime::time_point deadline)
{
    auto make = post_json(container_target(id, "exec"), encode_exec(command));
    const auto exec_id = co_await query(std::move(make), decode_created, deadline);
    if (!exec_id)
        co_return std::unexpected(exec_id.error());

    const auto path = "/exec/" + http::percent_encode(*exec_id);
    auto start = post_json(path + "/start", R"({"Detach":false,"Tty":false})");
    auto answer = co_await api_.open(std::move(start), deadline);
    if (!answer)
        co_return std::unexpected(answer.error());
    if (!is_success(answer->header.status))
        co_return refusal_of(*answer);
    exec_outcome outcome;
    // What is beyond the limit is read all the same: the command would block on a full pipe.
    const auto keep = [&outcome](output_stream, std::string_view bytes) {
        outcome.output += bytes.substr(0, most_exec_output - outcome.output.size());
    };
    auto read = co_await read_frames(*answer, keep);
    if (!read)
        co_return std::unexpected(read.error());
    const auto code = co_await wait_for_exec(path + "/json", deadline);
    if (!code)
        co_return std::unexpected(code.error());
    outcome.exit_code = *code;
    co_return outcome;
}

asio::awaitable<base::result<int>> http_engine::wait_for_exec(
    std::string target, runtime::time_point deadline)
{
    // The output may end a moment before the engine knows the exit code; there is no call that waits for it.
    for (;;) {
        http::request ask;
        ask.target = target;
        const auto state = co_await query(std::move(ask), decode_exec_exit, deadline);
        if (!state)
            co_return std::unexpected(state.error());
        if (state->has_value())
            co_return **state;
        co_await clk_.sleep_until(clk_.now() + exec_poll);
    }
}

asio::awaitable<base::result<std::vector<std::string>>> http_engine::logs(
    model::container_id id, int lines, runtime::time_point deadline)
{
    auto task = "docker logs of " + shown(id.text());
    return bounded(std::move(task), deadline, ask_logs(std::move(id), lines, deadline));
}

asio::awaitable<base::result<bool>> http_engine::has_terminal(
    const open_answer& logs, model::container_id id, runtime::time_point deadline)
{
    // Engines since 23.0 say it in the answer.
    const auto type = logs.header.header("Content-Type");
    if (type.contains("multiplexed-stream"))
        co_return false;
    if (type.contains("raw-stream"))
        co_return true;
    http::request ask;
    ask.target = container_target(id, "json");
    co_return co_await query(std::move(ask), decode_has_terminal, deadline);
}

asio::awaitable<base::result<std::vector<std::string>>> http_engine::ask_logs(
    model::container_id id, int lines, runtime::time_point deadline)
{
    const auto most = std::clamp(lines, 0, most_log_lines);
    http::request ask;
    ask.target = container_target(id, fmt::format("logs?stdout=1&stderr=1&tail={}", most));
    auto answer = co_await api_.open(std::move(ask), deadline);
    if (!answer)
        co_return std::unexpected(answer.error());
    if (!is_success(answer->header.status))
        co_return refusal_of(*answer);
    const auto raw = co_await has_terminal(*answer, std::move(id), deadline);
    if (!raw)
        co_return std::unexpected(raw.error());

    log_lines kept(static_cast<std::size_t>(most));
    const auto keep = [&kept](output_stream from, std::string_view bytes) { kept.feed(from, bytes); };
    auto reading = *raw ? read_raw(*answer, keep) : read_frames(*answer, keep);
    auto read = co_await std::move(reading);
    if (!read)
        co_return std::unexpected(read.error());
    co_return kept.take();
}

asio::awaitable<base::result<void>> http_engine::pull(
    std::string reference, std::function<void(std::string)> progress, runtime::time_point deadline)
{
    auto task = "docker pull " + reference;
    return bounded(std::move(task), deadline, ask_pull(std::move(reference), std::move(progress), deadline));
}

namespace {

base::error pull_failure(int status, std::string message, const login_lookup& lookup)
{
    if (lookup.login)
        message = hide_secrets(std::move(message), *lookup.login);
    auto why = as_pull_error(status, std::move(message));
    // A repository that we may not see is "not found" to some registries, which then mention the denial.
    const bool refused = why == base::errc::rejected || why.context().contains("denied");
    if (!refused || lookup.login || lookup.note.empty())
        return why;
    return base::error(why.code(), why.context() + " (" + lookup.note + ")");
}

/// Reads the records of a pull to the end, or to the one that says why it failed.
asio::awaitable<base::result<void>> read_pull(
    open_answer& answer, const login_lookup& lookup, const std::function<void(std::string)>& progress)
{
    http::line_splitter splitter(most_record_bytes);
    std::string last;
    for (bool more = true; more;) {
        auto bytes = co_await answer.reader->read_body();
        if (!bytes)
            co_return std::unexpected(bytes.error());
        // The last record may come without its newline.
        more = !bytes->empty();
        std::vector<std::string> records;
        auto fed = splitter.feed(more ? *bytes : "\n", records);
        if (!fed)
            co_return fed;
        for (const auto& record : records) {
            if (record.empty())
                continue;
            auto step = decode_pull_step(record);
            if (!step)
                co_return std::unexpected(step.error());
            if (step->error)
                co_return std::unexpected(pull_failure(200, std::move(*step->error), lookup));
            if (step->line.empty() || step->line == last)
                continue;
            last = step->line;
            if (progress)
                progress(std::move(step->line));
        }
    }
    co_return base::result<void>{};
}

}  // namespace

asio::awaitable<base::result<void>> http_engine::ask_pull(
    std::string reference, std::function<void(std::string)> progress, runtime::time_point deadline)
{
    const auto image = parse_image_reference(reference);
    if (!image)
        co_return std::unexpected(image.error());
    const auto lookup = co_await look_up_login(clk_, config_file_, image->registry, deadline);
    http::request ask;
    ask.method = "POST";
    ask.target = pull_target(*image);
    if (lookup.login)
        ask.headers.emplace_back("X-Registry-Auth", encode_registry_auth(*lookup.login));
    auto answer = co_await api_.open(std::move(ask), deadline);
    if (!answer)
        co_return std::unexpected(answer.error());
    const auto& header = answer->header;
    if (!is_success(header.status))
        co_return std::unexpected(pull_failure(header.status, decode_refusal(header.body), lookup));
    co_return co_await read_pull(*answer, lookup, progress);
}

asio::awaitable<base::error> http_engine::follow_events(labels wanted, std::optional<std::int64_t> since,
    std::function<void()> connected, std::function<void(container_event)> on_event)
{
    auto why = co_await read_events(std::move(wanted), since, std::move(connected), std::move(on_event));
    co_return base::error(why.code(), "docker events: " + why.context());
}

asio::awaitable<base::error> http_engine::read_events(labels wanted, std::optional<std::int64_t> since,
    std::function<void()> connected, std::function<void(container_event)> on_event)
{
    // The engine sends its header a moment before it subscribes us. Asking for everything since now closes
    // that gap; a clock that differs from the engine's costs at most some events twice.
    const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(clk_.wall_now().time_since_epoch());
    const auto deadline = clk_.now() + time_to_connect;
    http::request ask;
    ask.target = events_target(wanted, since.value_or(now.count()));
    auto opening = api_.open(std::move(ask), deadline);
    auto answer = co_await runtime::with_deadline(clk_, deadline, "no answer in time", std::move(opening));
    if (!answer)
        co_return answer.error();
    if (!is_success(answer->header.status))
        co_return as_error(answer->header.status, answer->header.body);
    if (connected)
        connected();

    http::line_splitter splitter(most_record_bytes);
    for (;;) {
        auto bytes = co_await answer->reader->read_body();
        if (!bytes)
            co_return bytes.error();
        if (bytes->empty())
            co_return base::error(base::errc::unavailable, "the engine closed the stream");
        std::vector<std::string> records;
        auto fed = splitter.feed(*bytes, records);
        if (!fed)
            co_return fed.error();
        for (const auto& record : records) {
            if (record.empty())
                continue;
            auto event = decode_event(record);
            if (!event)
                co_return event.error();
            on_event(std::move(*event));
        }
    }
}

}  // namespace gantryd::docker
