#pragma once
#include <gantryd/base/log.hpp>
#include <gantryd/daemon/daemon.hpp>
#include <gantryd/docker/fake_engine.hpp>
#include <gantryd/haproxy/fake_proxy.hpp>
#include <gantryd/health/fake_prober.hpp>
#include <gantryd/model/event.hpp>
#include <gantryd/model/report.hpp>
#include <gantryd/runtime/simulation.hpp>
#include <gantryd/runtime/task_scope.hpp>
#include <gantryd/socket_table/fake_table.hpp>
#include <gantryd/store/memory_store.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace gantryd::daemon {

using namespace std::chrono_literals;

using names = std::set<std::string>;

/// Keeps the lines of a log as text.
class kept_log final : public base::log_sink {
public:
    void write(
        base::log_level level, std::string_view what, std::span<const base::log_field> fields) override;
    /// How many lines of that level begin with `text`.
    std::size_t count(base::log_level level, std::string_view text) const;

private:
    std::vector<std::pair<base::log_level, std::string>> lines_;
};

/// One machine with a whole daemon on it, in virtual time. Docker, HAProxy and the stores live on when the
/// daemon ends, as the real ones do.
class machine {
    std::unique_ptr<runtime::simulation> own_time_;

public:
    machine();
    /// One of several machines in the same time.
    machine(runtime::simulation& time, std::string name, unsigned seed);
    ~machine();
    machine(const machine&) = delete;
    machine& operator=(const machine&) = delete;

    const model::project_name project{"shop"};
    runtime::simulation& sim;
    std::string id = "m1";  ///< of the next start
    std::string host = "alpha";
    docker::fake_engine docker{sim.clock};
    haproxy::fake_proxy proxy{sim.clock};
    socket_table::fake_table sockets;
    health_testing::fake_prober prober{sim.clock};
    std::unique_ptr<store::store> desired = store::make_memory_store(sim.clock);
    std::unique_ptr<store::store> ledger = store::make_memory_store(sim.clock);
    store::store* books = nullptr;           ///< what the operator works on; null: `desired`
    docker::engine* engine = nullptr;        ///< the daemon's way to `docker`; null: itself
    haproxy::proxy* way_to_proxy = nullptr;  ///< the same of `proxy`
    observer* watcher = nullptr;             ///< of the next start
    kept_log log_lines;
    std::string boot_id = "boot-1";                       ///< of the next start
    std::string secret_key_file = "/nonexistent";         ///< of the next start
    std::set<std::string> store_members{"http://store"};  ///< of the next start
    std::optional<std::int64_t> disk_free;                ///< in bytes, where Docker keeps its images
    /// What has to hold after each step of time from now on, in place of what had to hold before. The step in
    /// which it does not throws std::logic_error.
    void always(std::string what, std::function<bool()> holds);

    // ---- the daemon -------------------------------------------------------------------------------------
    void start();
    /// Ends the daemon in the middle of whatever it does. Calls under way have their effect or not, as the
    /// fakes have it; nothing is cleaned up.
    void crash();

    /// That the daemon has not ended by itself, and that what has to hold holds: else throws
    /// std::logic_error.
    void check();

    void run_for(runtime::duration time, runtime::duration step = 5ms);
    /// Steps time until `done`; false when that takes longer than `limit`.
    bool run_until(const std::function<bool()>& done, runtime::duration limit = 60s);
    /// Every answer of Docker and HAProxy takes a while, so that there is a "meanwhile".
    void make_slow();

    // ---- the operator -----------------------------------------------------------------------------------
    /// A component "web" behind port 8888, with a ready check "up" and a health check "ok".
    static model::component_spec web();
    /// The same under another name and port.
    static model::component_spec named(const std::string& name, std::uint16_t port);
    /// The id of the image of that tag.
    static model::image_id image(const model::component_spec& spec, const std::string& tag);
    /// An image that runs what `release()` of that tag wants.
    void add_image(const model::component_spec& spec, const std::string& tag);
    /// Releases the component with the image of that tag, which is made where it is missing.
    model::release_number release(model::component_spec spec, const std::string& tag);
    model::release_number release(const std::string& tag) { return release(web(), tag); }
    /// The same holding those secrets, beside those that are in the store.
    model::release_number release(
        model::component_spec spec, const std::string& tag, model::held_secrets held);
    /// The same with an image that no machine and no registry has.
    model::release_number release_missing(const std::string& tag) { return store_release(web(), tag); }
    /// The same with an image that only the registry has, by its tag or as well by its digest.
    model::release_number release_published(const std::string& tag, bool with_digest = false);
    /// The image of "web" with that tag.
    static model::image_id image_of_web(const std::string& tag);
    void set_intent(const std::string& component, model::intent intent);
    void put(const std::string& key, const std::string& value);
    /// Releases and waits until that is live and alone. Throws std::logic_error when it does not come to
    /// that.
    void make_live(const std::string& tag);
    /// Takes a started container into Docker that no daemon of this project made.
    void add_foreign(const std::string& name, const docker::labels& labels);

    // ---- what can be seen -------------------------------------------------------------------------------
    std::optional<std::string> value_of(const std::string& key);
    model::release release_in_store(int number, const std::string& component = "web");
    model::release_outcome outcome_of(int number, const std::string& component = "web");
    /// As `history` shows it.
    model::release_outcome shown_outcome_of(int number, const std::string& component = "web");
    std::optional<model::component_report> report_on(const std::string& component = "web");
    /// The machine's history, and the sentences of the events with that code.
    std::vector<model::event> events();
    std::vector<std::string> told(const std::string& code);
    /// What the report on the component gives as this reason: what `why` shows.
    std::optional<model::condition> reason(const std::string& code, const std::string& component = "web");
    /// Running containers that a serving slot of the component's route points to.
    names serving(const std::string& component = "web");
    names draining(const std::string& component = "web");
    /// Containers there are, running or not.
    names containers();
    bool is_running(const std::string& name);
    model::container_id id_of(const std::string& name);
    /// "10.0.0.1:80", as HAProxy names the container's port.
    std::string endpoint_of(const std::string& name);
    /// True when only this container is there, and it serves.
    bool is_alone(const std::string& name, const std::string& component = "web");
    /// Calls since the first `from` ones that change containers, except those for `except`.
    std::vector<std::string> changes_since(std::size_t from, const std::string& except = "nothing");

private:
    model::release_number store_release(model::component_spec spec, const std::string& tag,
        const std::string& digest = {}, model::held_secrets held = {});
    names in_slots(const std::string& component, haproxy_config::slot_mode mode);
    void step(runtime::duration time);
    template <class T>
    T ask(boost::asio::awaitable<T> op);

    std::string rule_;
    std::function<bool()> holds_;
    store::store& operators_store() { return books == nullptr ? *desired : *books; }
    std::mt19937 random_{4711};
    base::logger log_{log_lines, base::log_level::debug};
    std::unique_ptr<runtime::task_scope> daemon_;
};

}  // namespace gantryd::daemon
