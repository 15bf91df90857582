#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/model/ids.hpp>
#include <gantryd/runtime/clock.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::docker {

using labels = std::map<std::string, std::string>;

enum class container_status { created, running, paused, restarting, removing, exited, dead };
std::string_view text_of(container_status status) noexcept;

/// One row of `docker ps -a`.
struct container_summary {
    model::container_id id;
    std::string name;   ///< without the leading slash
    std::string image;  ///< as it was named at creation
    model::image_id image_id;
    container_status status = container_status::created;
    std::string status_text;  ///< Docker's own words: "Up 17 seconds"
    docker::labels labels;
    std::string address;  ///< on the default bridge or the first network; empty when it has none
    std::chrono::system_clock::time_point created{};
};

/// `docker inspect` of a container: what gantryd needs of it.
struct container_details {
    model::container_id id;
    std::string name;
    model::image_id image;
    container_status status = container_status::created;
    std::int64_t pid = 0;  ///< 0 when it does not run
    int exit_code = 0;
    bool oom_killed = false;
    std::string error;  ///< Docker's own words when a start failed
    std::chrono::system_clock::time_point started_at{};
    std::chrono::system_clock::time_point finished_at{};
    std::string address;
    std::string gateway;
    docker::labels labels;
};

/// What `POST /containers/create` is told. The restart policy is always "no": gantryd is the only restarter.
struct create_request {
    std::string name;
    model::image_id image;
    std::vector<std::string> command;  ///< empty: the image's own
    std::string user;
    std::vector<std::string> environment;  ///< "NAME=value"
    docker::labels labels;
    std::vector<std::uint16_t> exposed_ports;  ///< tcp; exposed, not published
    std::vector<std::string> binds;            ///< "/on/the/machine:/in/the/container"
    std::vector<std::string> volumes_from;
    bool privileged = false;
    std::int64_t memory_bytes = 0;
    std::int64_t nano_cpus = 0;
    std::int64_t pids_limit = 0;
    std::string stop_signal;
};

struct image_details {
    model::image_id id;
    std::vector<std::string> repo_tags;
    std::vector<std::string> repo_digests;
    std::vector<std::string> command;
    std::vector<std::string> entrypoint;
    std::string architecture;
};

/// By which the registry of `repository` knows the image: "host:5000/web@sha256:..". Empty when Docker knows
/// of none, as of an image that was built here and not pushed.
std::string digest_of(const image_details& image, const std::string& repository);

struct exec_outcome {
    int exit_code = 0;
    std::string output;  ///< stdout and stderr as they came, the first 64 KiB
};

/// A container event: a reason to look again, never the truth itself.
struct container_event {
    std::string action;  ///< start, die, oom, destroy, ..
    model::container_id id;
    docker::labels attributes;          ///< the container's labels and, for die, exitCode
    std::int64_t time_nanoseconds = 0;  ///< since 1970
};

struct engine_info {
    std::string version;      ///< "20.10.24"
    std::string api_version;  ///< in use: the newest that both sides know, "1.41"
    bool live_restore = false;
    std::string architecture;  ///< of its machine, as images name it: "amd64"; empty: not told
    std::string data_root;     ///< where it keeps images and containers; empty: not told
};

/// The Docker Engine's API, as much of it as gantryd needs. Every call has its deadline; one connection each.
///
/// Common errors: timed_out (the engine may still do it: look again), unavailable (no engine there now),
/// malformed. Refusals carry the engine's own message. Cancellation is terminal everywhere; what was asked
/// for may still happen.
class engine {
public:
    virtual ~engine() = default;

    /// Also negotiates the API version again; the other calls negotiate by themselves when needed.
    virtual boost::asio::awaitable<base::result<engine_info>> info(runtime::time_point deadline) = 0;

    /// All containers, running or not, that carry every one of `wanted` ("key=value" semantics).
    virtual boost::asio::awaitable<base::result<std::vector<container_summary>>> list(
        labels wanted, runtime::time_point deadline) = 0;

    /// Errors: not_found.
    virtual boost::asio::awaitable<base::result<container_details>> inspect(
        model::container_id id, runtime::time_point deadline) = 0;

    /// Errors: conflict (the name is taken), not_found (no such image), rejected.
    virtual boost::asio::awaitable<base::result<model::container_id>> create(
        create_request what, runtime::time_point deadline) = 0;

    /// Starting a running container is success. Errors: not_found, rejected (bad command, port taken).
    virtual boost::asio::awaitable<base::result<void>> start(
        model::container_id id, runtime::time_point deadline) = 0;

    /// Its stop signal, then SIGKILL after `grace`. Stopping a stopped container is success.
    /// The deadline must lie behind the grace. Errors: not_found.
    virtual boost::asio::awaitable<base::result<void>> stop(
        model::container_id id, std::chrono::seconds grace, runtime::time_point deadline) = 0;

    /// Killing one that does not run is success. Errors: not_found.
    virtual boost::asio::awaitable<base::result<void>> kill(
        model::container_id id, std::string signal, runtime::time_point deadline) = 0;

    /// Suspends until the container is not running; its exit code. Errors: not_found.
    virtual boost::asio::awaitable<base::result<int>> wait(
        model::container_id id, runtime::time_point deadline) = 0;

    /// With its anonymous volumes; removing what is gone is success. Errors: conflict (it runs, no `force`).
    virtual boost::asio::awaitable<base::result<void>> remove(
        model::container_id id, bool force, runtime::time_point deadline) = 0;

    /// Runs a command inside the container to its end. Errors: not_found, conflict (it does not run),
    /// rejected.
    virtual boost::asio::awaitable<base::result<exec_outcome>> exec(
        model::container_id id, std::vector<std::string> command, runtime::time_point deadline) = 0;

    /// The last `lines` lines of stdout and stderr, oldest first. Errors: not_found.
    virtual boost::asio::awaitable<base::result<std::vector<std::string>>> logs(
        model::container_id id, int lines, runtime::time_point deadline) = 0;

    /// `reference` is a name with tag or digest, or an id. Errors: not_found.
    virtual boost::asio::awaitable<base::result<image_details>> inspect_image(
        std::string reference, runtime::time_point deadline) = 0;

    /// Pulls with the credentials of the Docker CLI's config file, if it has some for that registry.
    /// `progress` gets one line per step ("abc123: Downloading 12.1 MB of 30.0 MB").
    /// Errors: not_found (no such image or tag), rejected (credentials), unavailable (the registry).
    virtual boost::asio::awaitable<base::result<void>> pull(
        std::string reference, std::function<void(std::string)> progress, runtime::time_point deadline) = 0;

    /// Container events of containers that carry every one of `wanted`, from `since` (nanoseconds since 1970,
    /// inclusive) or from now on. `connected` is called once the engine has accepted: list after that and
    /// nothing is missed. Never returns a value: it ends with the error that ended the stream.
    virtual boost::asio::awaitable<base::error> follow_events(labels wanted,
        std::optional<std::int64_t> since, std::function<void()> connected,
        std::function<void(container_event)> on_event) = 0;
};

}  // namespace gantryd::docker
