#include <gantryd/daemon/machine.hpp>

#include <gantryd/control/events.hpp>
#include <gantryd/control/overview.hpp>
#include <gantryd/control/project.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>

namespace gantryd::daemon {
namespace {

model::image_id image_of(const std::string& repo, const std::string& tag)
{
    const auto number = std::hash<std::string>()(repo + ":" + tag);
    return model::image_id(fmt::format("sha256:{:064x}", number));
}

boost::asio::awaitable<bool> joined(runtime::task_scope& tasks)
{
    co_await tasks.join();
    co_return true;
}

/// A simulation in which this does not hold tells nothing.
void require(bool holds, const std::string& what)
{
    if (!holds)
        throw std::logic_error(what);
}

}  // namespace

void kept_log::write(base::log_level level, std::string_view what, std::span<const base::log_field> fields)
{
    lines_.emplace_back(level, base::as_text(what, fields));
}

std::size_t kept_log::count(base::log_level level, std::string_view text) const
{
    return static_cast<std::size_t>(std::ranges::count_if(
        lines_, [&](const auto& line) { return line.first == level && line.second.starts_with(text); }));
}

machine::machine() : own_time_(std::make_unique<runtime::simulation>()), sim(*own_time_) {}

machine::machine(runtime::simulation& time, std::string name, unsigned seed)
    : sim(time),
      id(std::move(name)),
      host("host-" + id),
      random_(seed)
{
}

machine::~machine()
try {
    crash();
} catch (const std::exception& e) {
    std::fprintf(stderr, "end of the simulated machine: %s\n", e.what());
    std::abort();
}

template <class T>
T machine::ask(boost::asio::awaitable<T> op)
{
    auto answer = sim.outcome_after(0ms, std::move(op));
    if (!answer)
        throw std::logic_error("a store or a fake without latency answers at once");
    return std::move(*answer);
}

void machine::start()
{
    const collaborators io{*desired, *ledger, engine == nullptr ? docker : *engine,
        way_to_proxy == nullptr ? proxy : *way_to_proxy, sockets, prober, sim.clock, random_, log_};
    options what;
    what.project = project;
    what.machine = model::machine_id(id);
    what.host = host;
    what.version = "1.0";
    what.pid = 42;
    what.boot_id = boot_id;
    what.secret_key_file = secret_key_file;
    what.store_members = store_members;
    what.free_bytes = [this](const std::string& path) {
        return path == docker.data_root ? disk_free : std::nullopt;
    };
    daemon_ = std::make_unique<runtime::task_scope>(sim.loop.get_executor());
    daemon_->spawn("daemon", run(io, std::move(what), watcher));
    step(0ms);
}

void machine::crash()
{
    if (!daemon_)
        return;
    auto stop = [this] { daemon_->stop(); };
    boost::asio::post(sim.loop, stop);
    sim.clock.settle();
    require(sim.outcome_after(0ms, joined(*daemon_)).has_value(), "the daemon does not end");
    daemon_.reset();
}

void machine::step(runtime::duration time)
{
    sim.clock.advance(time);
    check();
}

void machine::check()
{
    require(!daemon_ || daemon_->size() > 0, "the daemon ended by itself");
    if (holds_ && !holds_()) {
        holds_ = nullptr;
        throw std::logic_error("not any more: " + rule_);
    }
}

void machine::always(std::string what, std::function<bool()> holds)
{
    rule_ = std::move(what);
    holds_ = std::move(holds);
}

void machine::run_for(runtime::duration time, runtime::duration one)
{
    for (const auto end = sim.clock.now() + time; sim.clock.now() < end;)
        step(std::min(one, end - sim.clock.now()));
}

bool machine::run_until(const std::function<bool()>& done, runtime::duration limit)
{
    for (const auto end = sim.clock.now() + limit; sim.clock.now() < end; step(5ms))
        if (done())
            return true;
    return done();
}

void machine::make_slow()
{
    docker.latency = {{"list", 3ms}, {"inspect", 2ms}, {"create", 12ms}, {"start", 25ms}, {"stop", 6ms},
        {"remove", 11ms}, {"kill", 5ms}};
    proxy.latency = 7ms;
    prober.delay = 4ms;
}

model::component_spec machine::named(const std::string& name, std::uint16_t port)
{
    model::component_spec out;
    out.name = model::component_name(name);
    out.repo = name;
    out.ports.push_back({.external = port, .container = 80});
    out.ready_checks.push_back({.id = "up", .port = 80});
    out.health_checks.push_back({.id = "ok", .port = 80});
    return out;
}

model::component_spec machine::web() { return named("web", 8888); }

model::release_number machine::store_release(
    model::component_spec spec, const std::string& tag, const std::string& digest, model::held_secrets held)
{
    spec.tag = tag;
    control::release_request request{spec, image_of(spec.repo, tag), digest, "amd64", std::move(held)};
    std::vector<control::release_request> requests{std::move(request)};
    const auto made = ask(control::release_components(
        operators_store(), project, std::move(requests), "ann@alpha", sim.clock, sim.clock.now() + 5s));
    if (!made)
        throw std::logic_error(made.error().context());
    return made->front().number;
}

model::image_id machine::image(const model::component_spec& spec, const std::string& tag)
{
    return image_of(spec.repo, tag);
}

void machine::add_image(const model::component_spec& spec, const std::string& tag)
{
    docker.add_image(spec.repo + ":" + tag, image_of(spec.repo, tag));
}

model::release_number machine::release(model::component_spec spec, const std::string& tag)
{
    add_image(spec, tag);
    return store_release(std::move(spec), tag);
}

model::release_number machine::release(
    model::component_spec spec, const std::string& tag, model::held_secrets held)
{
    add_image(spec, tag);
    return store_release(std::move(spec), tag, {}, std::move(held));
}

model::release_number machine::release_published(const std::string& tag, bool with_digest)
{
    const auto name = "web:" + tag;
    const auto image = image_of_web(tag);
    docker.publish(name, image);
    return store_release(
        web(), tag, with_digest ? docker::fake_engine::digest_in_registry(name, image) : std::string());
}

model::image_id machine::image_of_web(const std::string& tag) { return image_of("web", tag); }

void machine::set_intent(const std::string& component, model::intent intent)
{
    std::vector<model::component_name> components{model::component_name(component)};
    const auto done = ask(
        control::set_intent(operators_store(), project, std::move(components), intent, sim.clock.now() + 5s));
    require(done.has_value(), "the operator's word was not taken");
}

void machine::put(const std::string& key, const std::string& value)
{
    store::transaction write;
    write.operations.push_back({store::operation::kind::put, key, value, {}});
    const auto done = ask(operators_store().commit(std::move(write), sim.clock.now() + 5s));
    require(done.has_value(), "the value was not stored");
}

void machine::make_live(const std::string& tag)
{
    const auto number = model::value_of(release(tag));
    const auto name = fmt::format("shop-web-{}-1", number);
    const bool is_live = run_until([&] {
        return outcome_of(static_cast<int>(number)) == model::release_outcome::live && is_alone(name);
    });
    require(is_live, fmt::format("release {} did not go live", number));
}

void machine::add_foreign(const std::string& name, const docker::labels& labels)
{
    docker.add_image("foreign:1", image_of("foreign", "1"));
    docker::create_request request;
    request.name = name;
    request.image = image_of("foreign", "1");
    request.labels = labels;
    const auto made = ask(docker.create(std::move(request), sim.clock.now() + 5s));
    if (!made)
        throw std::logic_error(made.error().context());
    const auto started = ask(docker.start(*made, sim.clock.now() + 5s));
    require(started.has_value(), "the foreign container was not started");
}

std::optional<std::string> machine::value_of(const std::string& key)
{
    const auto found = ask(operators_store().get(key, sim.clock.now() + 5s));
    if (!found || !*found)
        return std::nullopt;
    return (*found)->value;
}

model::release machine::release_in_store(int number, const std::string& component)
{
    const auto text = value_of(records::release_key(
        project, model::component_name(component), static_cast<model::release_number>(number)));
    auto release = records::decode_release(text.value_or(""));
    if (!release)
        throw std::logic_error(release.error().context());
    return std::move(*release);
}

model::release_outcome machine::outcome_of(int number, const std::string& component)
{
    return release_in_store(number, component).outcome;
}

model::release_outcome machine::shown_outcome_of(int number, const std::string& component)
{
    const auto all = ask(control::read_overview(operators_store(), project, sim.clock.now() + 5s));
    const auto* of = all.value().find(model::component_name(component));
    return of->releases.at(static_cast<model::release_number>(number)).outcome;
}

std::optional<model::component_report> machine::report_on(const std::string& component)
{
    const auto text =
        value_of(records::report_key(project, model::machine_id(id), model::component_name(component)));
    auto report = records::decode_component_report(text.value_or(""));
    if (!report)
        return std::nullopt;
    return std::move(*report);
}

std::vector<model::event> machine::events()
{
    control::event_reader history(operators_store(), project);
    return ask(history.read(sim.clock.now() + 5s)).value();
}

std::vector<std::string> machine::told(const std::string& code)
{
    std::vector<std::string> out;
    for (const auto& event : events())
        if (event.code == code && event.machine.text() == id)
            out.push_back(event.change.empty() ? event.text : event.change + ": " + event.text);
    return out;
}

std::optional<model::condition> machine::reason(const std::string& code, const std::string& component)
{
    const auto report = report_on(component);
    if (!report)
        return std::nullopt;
    const auto found = std::ranges::find(report->conditions, code, &model::condition::code);
    return found == report->conditions.end() ? std::nullopt : std::optional(*found);
}

names machine::in_slots(const std::string& component, haproxy_config::slot_mode mode)
{
    names out;
    for (const auto& route : proxy.routes) {
        if (!route.id.text().starts_with(component + "_"))
            continue;
        for (const auto& slot : route.slots)
            for (const auto& [key, container] : docker.containers())
                if (slot.mode == mode && container.is_running() && container.details.address == slot.address)
                    out.insert(container.details.name);
    }
    return out;
}

names machine::serving(const std::string& component)
{
    return in_slots(component, haproxy_config::slot_mode::serving);
}

names machine::draining(const std::string& component)
{
    return in_slots(component, haproxy_config::slot_mode::draining);
}

names machine::containers()
{
    names out;
    for (const auto& [key, container] : docker.containers())
        out.insert(container.details.name);
    return out;
}

bool machine::is_running(const std::string& name)
{
    const auto* found = docker.find(name);
    return found != nullptr && found->is_running();
}

model::container_id machine::id_of(const std::string& name)
{
    const auto* found = docker.find(name);
    return found == nullptr ? model::container_id() : found->details.id;
}

std::string machine::endpoint_of(const std::string& name)
{
    const auto* found = docker.find(name);
    return found == nullptr ? std::string() : haproxy_config::with_port(found->details.address, 80);
}

bool machine::is_alone(const std::string& name, const std::string& component)
{
    const names only{name};
    return containers() == only && serving(component) == only;
}

std::vector<std::string> machine::changes_since(std::size_t from, const std::string& except)
{
    std::vector<std::string> out;
    for (std::size_t i = from; i < docker.calls.size(); ++i) {
        const auto& call = docker.calls[i];
        const bool changes =
            std::ranges::any_of(std::vector<std::string>{"create ", "start ", "stop ", "kill ", "remove "},
                [&](const std::string& verb) { return call.starts_with(verb); });
        if (changes && !call.contains(except))
            out.push_back(call);
    }
    return out;
}

}  // namespace gantryd::daemon
