#include "lab/slots.hpp"

#include "traffic.hpp"

#include <gantryd/base/base64.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>
#include <gantryd/store/rules.hpp>

#include <boost/json.hpp>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace json = boost::json;

namespace gantryd::integration {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

/// All keys with the prefix, as a member of etcd tells them; none when it does not.
std::optional<json::array> ask_member(const std::string& address, const std::string& prefix)
{
    auto member = connection::to(etcd_member::client_port, address);
    const auto end = store::end_of_prefix(prefix);
    const auto body = json::serialize(json::object{
        {"key", base::encode_base64(prefix)}, {"range_end", base::encode_base64(end.value_or(""))}});
    const auto length = std::to_string(body.size());
    if (!member ||
        !member->send("POST /v3/kv/range HTTP/1.0\r\nContent-Length: " + length + "\r\n\r\n" + body))
        return std::nullopt;
    const auto answer = member->receive_all(1s);
    const auto at = answer.find("\r\n\r\n");
    if (!answer.starts_with("HTTP/1.0 200") || at == std::string::npos)
        return std::nullopt;
    boost::system::error_code bad;
    const auto said = json::parse(std::string_view(answer).substr(at + 4), bad);
    if (bad || !said.is_object() || !said.as_object().contains("header"))
        return std::nullopt;
    const auto* pairs = said.as_object().if_contains("kvs");
    return pairs == nullptr ? json::array() : pairs->as_array();
}

std::string name_of(const std::string& id, const std::vector<machine>& machines)
{
    for (const auto& each : machines)
        if (text_of_file(each.state_directory() / "machine-id").starts_with(id))
            return each.name();
    return id;
}

std::map<int, slot_holder> holders_in(
    const json::array& pairs, const std::string& project, const std::vector<machine>& machines)
{
    std::map<int, slot_holder> out;
    for (const auto& pair : pairs) {
        const auto text = [&](const char* member) { return json::value_to<std::string>(pair.at(member)); };
        const auto key = records::parse_rollout_key(
            model::project_name(project), base::decode_base64(text("key")).value_or(""));
        const auto slot = records::decode_slot(base::decode_base64(text("value")).value_or(""));
        if (key && slot)
            out[key->slot] = {name_of(slot->machine.text(), machines), std::stoll(text("create_revision"))};
    }
    return out;
}

/// Whether a machine had a slot by a reading of that time; none when nothing was read then.
std::optional<bool> held_between(const std::vector<slot_reading>& readings, const std::string& machine,
    steady::time_point from, steady::time_point to)
{
    std::optional<bool> held;
    for (const auto& reading : readings)
        if (reading.answered >= from && reading.begun <= to)
            held = held.value_or(false) || std::ranges::any_of(reading.holders, [&](const auto& entry) {
                return entry.second.machine == machine;
            });
    return held;
}

}  // namespace

slot_watch::slot_watch(const lab& where, std::string project, std::string component)
    : router_(where.router()),
      machines_(where.machines()),
      project_(std::move(project)),
      component_(std::move(component))
{
    for (const auto& member : where.members())
        members_.push_back(member.address());
    thread_ = std::thread([this] { watch(); });
}

slot_watch::~slot_watch()
{
    stop_ = true;
    if (thread_.joinable())
        thread_.join();
}

void slot_watch::watch()
{
    router_.enter_network();
    auto prefix = records::slot_key(model::project_name(project_), model::component_name(component_), 0);
    prefix.pop_back();
    for (std::size_t member = 0; !stop_; std::this_thread::sleep_for(30ms)) {
        slot_reading reading{.begun = steady::now(), .answered = {}, .holders = {}};
        const auto pairs = ask_member(members_[member], prefix);
        reading.answered = steady::now();
        if (!pairs) {
            member = (member + 1) % members_.size();
            continue;
        }
        reading.holders = holders_in(*pairs, project_, machines_);
        const std::scoped_lock lock(mutex_);
        readings_.push_back(std::move(reading));
    }
}

std::vector<slot_reading> slot_watch::so_far() const
{
    const std::scoped_lock lock(mutex_);
    return readings_;
}

std::string slot_watch::holder(int slot) const
{
    const std::scoped_lock lock(mutex_);
    if (readings_.empty())
        return {};
    const auto found = readings_.back().holders.find(slot);
    return found == readings_.back().holders.end() ? "" : found->second.machine;
}

std::vector<slot_reading> slot_watch::finish()
{
    stop_ = true;
    thread_.join();
    return std::move(readings_);
}

std::vector<slot_holder> succession(const std::vector<slot_reading>& readings, int slot)
{
    std::vector<slot_holder> out;
    for (const auto& reading : readings)
        if (const auto at = reading.holders.find(slot); at != reading.holders.end())
            if (out.empty() || out.back() != at->second)
                out.push_back(at->second);
    return out;
}

std::vector<std::string> begun_without_slot(const history& all, const std::vector<slot_reading>& readings)
{
    std::vector<std::string> lines;
    for (const auto& [machine, looks] : all) {
        const observation* before = nullptr;
        for (const auto& look : looks) {
            if (!look.engine_answered)
                continue;
            const auto had = before == nullptr ? std::set<std::string>() : images_run({*before});
            for (const auto& image : images_run({look})) {
                if (had.empty() || had.contains(image))
                    continue;
                const auto held = held_between(readings, machine, before->begun, look.answered);
                if (held && !*held)
                    lines.push_back(
                        std::string(machine).append(" began ").append(image).append(" without a slot"));
            }
            before = &look;
        }
    }
    return lines;
}

}  // namespace gantryd::integration
