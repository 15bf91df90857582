#include "lab/observer.hpp"

#include <boost/json.hpp>

#include <optional>
#include <utility>

namespace json = boost::json;

namespace gantryd::integration {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

/// How long a client waits: HAProxy needs some time to find another server when one has just died.
constexpr auto patience = 3s;

bool has_label(const json::object& container, const std::string& name, const std::string& value)
{
    const auto* labels = container.if_contains("Labels");
    if (labels == nullptr || !labels->is_object())
        return false;
    const auto* found = labels->as_object().if_contains(name);
    return found != nullptr && found->is_string() && found->as_string() == value;
}

/// The Engine's answer to GET /containers/json; none when there is no whole one in time.
std::optional<json::value> list_of(const machine& where)
{
    auto engine = connection::to((where.directory() / "docker.sock").string());
    if (!engine || !engine->send("GET /containers/json?all=1 HTTP/1.0\r\n\r\n"))
        return std::nullopt;
    const auto answer = engine->receive_all(1s);
    const auto body = answer.find("\r\n\r\n");
    if (!answer.starts_with("HTTP/1.0 200") || body == std::string::npos)
        return std::nullopt;
    boost::system::error_code bad;
    auto list = json::parse(std::string_view(answer).substr(body + 4), bad);
    return bad || !list.is_array() ? std::nullopt : std::optional(std::move(list));
}

}  // namespace

fleet_load::fleet_load(const std::vector<machine>& machines, const load::options& what)
{
    for (const auto& where : machines)
        each_[where.name()] = std::make_unique<background_load>(what, [where] { where.enter_network(); });
}

std::map<std::string, load::report> fleet_load::finish()
{
    std::map<std::string, load::report> reports;
    for (const auto& [name, load] : each_)
        reports[name] = load->finish();
    return reports;
}

observation look_at(const machine& where, const observed& what)
{
    observation look;
    look.begun = steady::now();
    const auto answer = what.port == 0 ? std::nullopt : ask(what.port, "GET", "/", patience);
    if (answer && answer->status == 200) {
        look.version = answer->body.substr(0, answer->body.find('\n'));
        const auto instance = answer->headers.find("x-instance");
        look.instance = instance == answer->headers.end() ? "" : instance->second;
    }
    const auto list = list_of(where);
    look.engine_answered = list.has_value();
    for (const auto& each : list ? list->as_array() : json::array()) {
        const auto& container = each.as_object();
        if (has_label(container, "io.gantryd.project", what.project) &&
            has_label(container, "io.gantryd.component", what.component))
            look.containers.emplace_back(json::value_to<std::string>(container.at("Id")),
                json::value_to<std::string>(container.at("ImageID")), container.at("State") == "running",
                container.at("State") != "created" && container.at("State") != "removing");
    }
    look.answered = steady::now();
    return look;
}

observer::observer(const std::vector<machine>& machines, observed what) : what_(std::move(what))
{
    for (const auto& where : machines) {
        seen_[where.name()];
        threads_.emplace_back([this, where] { watch(where); });
    }
}

observer::~observer()
{
    stop_ = true;
    for (auto& each : threads_)
        if (each.joinable())
            each.join();
}

void observer::watch(const machine& where)
{
    where.enter_network();
    for (bool is_last = false; !is_last;) {
        is_last = stop_;  // before the look: the last one begins after finish() was called
        auto look = look_at(where, what_);
        const auto next = look.begun + what_.period;
        {
            const std::scoped_lock lock(mutex_);
            seen_.at(where.name()).push_back(std::move(look));
        }
        if (!is_last)
            std::this_thread::sleep_until(next);
    }
}

history observer::so_far() const
{
    const std::scoped_lock lock(mutex_);
    return seen_;
}

history observer::finish()
{
    stop_ = true;
    for (auto& each : threads_)
        each.join();
    threads_.clear();
    return std::move(seen_);
}

}  // namespace gantryd::integration
