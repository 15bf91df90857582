#pragma once
#include <gantryd/docker/engine.hpp>
#include <gantryd/runtime/clock.hpp>

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantryd::docker {

/// How one run of a container goes.
struct fake_run {
    std::string start_error;                       ///< not empty: the start is refused in these words
    std::optional<runtime::duration> exits_after;  ///< by itself, with `exit_code`
    int exit_code = 0;
    bool oom_killed = false;         ///< the exit of `exits_after` is the kernel's doing: code 137
    std::vector<std::string> log;    ///< what it writes when it starts
    bool ignores_stop = false;       ///< only SIGKILL ends it
    runtime::duration stop_takes{};  ///< from its stop signal to its exit
    int stop_exit_code = 0;
};

/// A container as the fake keeps it.
struct fake_container {
    struct planned_exit {
        runtime::time_point when;
        int code = 0;
        bool oom_killed = false;
        bool stopped = false;     ///< because of a stop: the event "stop" follows
        bool kill_first = false;  ///< because the grace ran out: the event "kill" comes before
    };

    create_request request;
    container_details details;
    std::chrono::system_clock::time_point created{};
    fake_run run;                      ///< of the last start
    std::vector<std::string> log;      ///< of all its runs
    std::vector<std::string> signals;  ///< that it got, by name, from stop and kill
    int starts = 0;
    std::optional<planned_exit> exit;

    bool is_running() const noexcept { return details.status == container_status::running; }
};

/// A Docker engine in memory and in the time of its clock, for tests and the simulator.
///
/// A call takes effect when it is made; its answer comes `latency` later, so that a call that times out or is
/// cancelled has its effect all the same (a pull has its effect at its end, as with Docker). What is due by
/// itself (exits, the end of a grace) happens when anybody looks or waits; no task runs in the background.
class fake_engine final : public engine {
public:
    explicit fake_engine(runtime::clock& clk);
    ~fake_engine() override;

    // ---- the script -------------------------------------------------------------------------------------
    /// Decides how a run goes; asked at each start. Unset: it runs until it is stopped.
    std::function<fake_run(const fake_container&)> on_start;
    /// Runs a command in a container. Unset: exit code 0 and no output.
    std::function<base::result<exec_outcome>(const fake_container&, const std::vector<std::string>&)> on_exec;
    /// Fails a call before it has an effect; gets it as it stands in `calls`.
    std::function<std::optional<base::error>(const std::string& call)> on_call;
    /// How often a follower gets an event: 0 loses it, 2 duplicates it. Unset: once.
    std::function<int(const container_event&)> event_copies;
    /// How long the answer to a call takes, by the first word of the call ("pull"). Default none.
    std::map<std::string, runtime::duration> latency;
    /// What a pull fails with, whatever its reference.
    std::optional<base::error> registry_error;
    bool live_restore = false;
    std::string version = "20.10.24";
    std::string architecture = "amd64";
    std::string data_root = "/var/lib/docker";

    /// Every call, also those that failed: "create shop-web-1-1", "stop shop-web-1-1", "list", "events",
    /// "pull web:2", "exec shop-web-1-1 nginx -s quit", "kill shop-web-1-1 SIGTERM".
    std::vector<std::string> calls;

    // ---- the world --------------------------------------------------------------------------------------
    /// An image on the machine. A reference that was at another image moves; that image stays.
    void add_image(
        const std::string& reference, const model::image_id& id, std::vector<std::string> command = {"/app"});
    void remove_image(const model::image_id& id);
    /// An image that a pull finds in the registry, also by digest: see digest_in_registry(). A reference that
    /// was at another image moves; that one is still found by its digest.
    void publish(
        const std::string& reference, const model::image_id& id, std::vector<std::string> command = {"/app"});
    /// "web@sha256:.." of "web:2".
    static std::string digest_in_registry(const std::string& reference, const model::image_id& id);
    /// The processor that an image is for, where it is not "amd64".
    std::map<model::image_id, std::string> architectures;

    /// False: every call fails with `unavailable`, those under way and the event streams end. What happens to
    /// containers meanwhile leaves no event behind.
    void set_reachable(bool reachable);
    bool reachable() const noexcept { return reachable_; }

    /// dockerd stops and starts again in no time: streams end and its events are forgotten. Without
    /// `live_restore` what ran has exited, without an event.
    void restart();

    /// The container's process ends. Precondition: it runs.
    void die(const model::container_id& id, int exit_code);
    /// The kernel kills it for its memory. Precondition: it runs.
    void oom(const model::container_id& id);
    void write_log(const model::container_id& id, std::string line);

    /// By id or name; null when there is none. Valid until the container is removed.
    const fake_container* find(const std::string& id_or_name);
    /// All there are, in the order of their creation.
    const std::map<model::container_id, fake_container>& containers();
    /// Another number whenever a container has been made, started or removed, or has ended. Only a
    /// call notices what time has brought: ask for containers() first.
    std::uint64_t changes() const noexcept { return changes_; }
    /// How many of `calls` begin with `prefix`.
    std::size_t count_calls(std::string_view prefix) const;

    // ---- engine -----------------------------------------------------------------------------------------
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
    class connection;
    template <class T>
    boost::asio::awaitable<base::result<T>> answer(
        std::string call, base::result<T> outcome, runtime::time_point deadline);
    boost::asio::awaitable<base::result<void>> take_time(std::string call, runtime::time_point deadline);
    boost::asio::awaitable<base::result<int>> wait_until_stopped(
        std::string call, model::container_id id, runtime::time_point deadline);
    boost::asio::awaitable<void> rest(connection& of, runtime::time_point until);

    base::result<void> begin(const std::string& call);
    std::string name_of(const model::container_id& id);
    base::result<fake_container*> find_container(const model::container_id& id);
    base::result<model::container_id> make_container(create_request what);
    base::result<void> start_container(fake_container& which);
    void stop_container(fake_container& which, runtime::duration grace);
    void signal_container(fake_container& which, const std::string& signal);
    base::result<void> remove_container(fake_container& which, bool force);
    void finish(fake_container& which, const fake_container::planned_exit& how);
    void mark_exited(fake_container& which, const fake_container::planned_exit& how);

    void settle();
    runtime::time_point next_due() const;
    std::chrono::system_clock::time_point wall_time_of(runtime::time_point when) const;
    std::string free_address() const;
    std::string status_text_of(const fake_container& which) const;
    void publish_event(const fake_container& of, std::string action, labels extra, runtime::time_point when);
    void wake_all();
    void cut_all();

    runtime::clock& clk_;
    bool reachable_ = true;
    std::map<model::container_id, fake_container> containers_;
    std::map<model::container_id, int> exit_codes_of_removed_;  ///< for those who wait for them
    std::map<std::string, model::image_id> references_;
    std::map<model::image_id, image_details> images_;
    std::map<std::string, image_details> registry_;
    std::shared_ptr<std::list<connection*>> connections_;  ///< shared with calls that nobody finishes
    std::deque<container_event> recent_events_;
    std::uint64_t changes_ = 0;
    std::uint64_t containers_made_ = 0;
    std::int64_t processes_made_ = 0;
};

}  // namespace gantryd::docker
