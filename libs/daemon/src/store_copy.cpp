#include "store_copy.hpp"

#include <gantryd/base/number.hpp>
#include <gantryd/records/keys.hpp>

#include <boost/json.hpp>

#include <algorithm>
#include <functional>
#include <utility>

namespace json = boost::json;

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;

/// Changes come in bursts, and whoever acts on them goes first.
constexpr auto before_write = 50ms;

/// A copy in which nothing changes is told to be good this often all the same.
constexpr auto longest_silence = 5min;

const std::string head_key{copy_prefix};

std::string place_of(const std::string& key) { return head_key + "/" + key; }

/// "12 17 VALUE": the revisions before the value, so that nothing of it has to be escaped.
std::string encode(const store::key_value& pair)
{
    return std::to_string(std::to_underlying(pair.created)) + " " +
           std::to_string(std::to_underlying(pair.modified)) + " " + pair.value;
}

std::optional<store::revision> take_number(std::string_view& from)
{
    const auto space = from.find(' ');
    if (space == std::string_view::npos)
        return std::nullopt;
    const auto number = base::number_in<std::int64_t>(from.substr(0, space));
    from.remove_prefix(space + 1);
    return number && *number >= 0 ? std::optional(static_cast<store::revision>(*number)) : std::nullopt;
}

std::optional<store::key_value> decode(const store::key_value& kept)
{
    std::string_view text = kept.value;
    const auto created = take_number(text);
    const auto modified = take_number(text);
    if (!created || !modified)
        return std::nullopt;
    return store::key_value{kept.key.substr(head_key.size() + 1), std::string(text), *created, *modified, {}};
}

/// Of what the store says a daemon without it needs this.
bool is_desired(const model::project_name& project, std::string_view key)
{
    const auto machine = records::parse_machine_key(project, key);
    return records::parse_component_key(project, key) || records::parse_rollout_key(project, key) ||
           (machine && machine->what == records::machine_part::kind::drain);
}

/// What stands at the head of a copy.
struct heading {
    copy_subject of;
    std::size_t pairs = 0;  ///< of the store
    store::revision at{};
    base::wall_time as_of{};
};

std::optional<heading> decode_heading(std::string_view text)
{
    boost::system::error_code ec;
    const auto value = json::parse(json::string_view(text.data(), text.size()), ec);
    const auto* object = ec ? nullptr : value.if_object();
    const auto member = [&](std::string_view name) {
        return object == nullptr ? nullptr : object->if_contains(name);
    };
    const auto* project = member("project");
    const auto* members = member("members");
    const auto* pairs = member("pairs");
    const auto* at = member("at");
    const auto* as_of = member("asOf");
    if (project == nullptr || !project->is_string() || members == nullptr || !members->is_array() ||
        pairs == nullptr || !pairs->is_int64() || at == nullptr || !at->is_int64() || as_of == nullptr ||
        !as_of->is_string())
        return std::nullopt;
    const auto when = base::parse_rfc3339(std::string(as_of->get_string()));
    if (!when)
        return std::nullopt;
    heading out;
    out.of.project = model::project_name(std::string(project->get_string()));
    for (const auto& one : members->get_array())
        if (const auto* name = one.if_string())
            out.of.members.emplace(name->data(), name->size());
    out.pairs = static_cast<std::size_t>(pairs->get_int64());
    out.at = static_cast<store::revision>(at->get_int64());
    out.as_of = *when;
    return out;
}

bool is_same(const copy_subject& a, const copy_subject& b)
{
    return a.project == b.project &&
           std::ranges::any_of(a.members, [&](const std::string& one) { return b.members.contains(one); });
}

base::result<std::optional<kept_state>> understand(
    const std::vector<store::key_value>& found, const copy_subject& of)
{
    if (found.empty())
        return std::nullopt;
    const auto damaged = [](const std::string& what) {
        return base::fail(base::errc::malformed, "the copy of the store is damaged: " + what);
    };
    if (found.front().key != head_key)  // the shortest key comes first
        return damaged("it has no head");
    const auto head = decode_heading(found.front().value);
    if (!head)
        return damaged("its head makes no sense");
    if (!is_same(head->of, of))
        return std::nullopt;
    kept_state out{.said = {.pairs = {}, .at = head->at}, .as_of = head->as_of};
    std::size_t desired = 0;
    for (auto one = found.begin() + 1; one != found.end(); ++one) {
        auto pair = decode(*one);
        if (!pair)
            return damaged(one->key);
        desired += is_desired(of.project, pair->key) ? 1 : 0;
        out.said.pairs.push_back(std::move(*pair));
    }
    if (desired != head->pairs)
        return damaged("parts of it are missing");
    return out;
}

}  // namespace

boost::asio::awaitable<base::result<std::optional<kept_state>>> read_copy(
    store::store& ledger, copy_subject of, runtime::time_point deadline)
{
    auto all = co_await ledger.list(head_key, deadline);
    if (!all)
        co_return std::unexpected(all.error());
    co_return understand(all->pairs, of);
}

store_copy::store_copy(store::store& where, runtime::clock& clk, const base::logger& log, copy_subject of,
    boost::asio::any_io_executor ex)
    : store_(where),
      clk_(clk),
      log_(log),
      of_(std::move(of)),
      changed_(std::move(ex))
{
}

boost::asio::awaitable<std::optional<kept_state>> store_copy::load()
{
    if (of_.members.empty())
        co_return std::nullopt;
    auto all = co_await store_.list(head_key, clk_.now() + 5s);
    auto kept = all ? understand(all->pairs, of_) : std::unexpected(all.error());
    if (!kept)
        log_.warning("what was kept of the store is of no use", {{"why", kept.error().context()}});
    if (!kept || !*kept) {
        if (all)
            for (const auto& pair : all->pairs)
                leftovers_.insert(pair.key);
        co_return std::nullopt;
    }
    for (const auto& pair : (*kept)->said.pairs) {
        const auto hash = std::hash<std::string>()(pair.value);
        if (is_desired(of_.project, pair.key))
            known_[pair.key] = {pair.created, pair.modified, hash};
        else
            here_[pair.key] = hash;
    }
    is_whole_ = true;
    at_ = (*kept)->said.at;
    heard_at_ = written_as_of_ = (*kept)->as_of;
    co_return std::move(*kept);
}

bool store_copy::is_of_use(std::string_view key) const
{
    return !of_.members.empty() && is_desired(of_.project, key);
}

void store_copy::put(const std::string& key, std::optional<std::string> value)
{
    unwritten_[place_of(key)] = std::move(value);
    changed_.set();
}

void store_copy::take_pair(const store::key_value& pair)
{
    const fingerprint now{pair.created, pair.modified, std::hash<std::string>()(pair.value)};
    auto& known = known_[pair.key];
    if (known == now)
        return;
    known = now;
    put(pair.key, encode(pair));
}

void store_copy::take(std::string_view prefix, const store::snapshot& all)
{
    if (of_.members.empty())
        return;
    std::set<std::string_view> there;
    for (const auto& pair : all.pairs) {
        if (!is_of_use(pair.key))
            continue;
        there.insert(pair.key);
        take_pair(pair);
    }
    std::erase_if(known_, [&](const auto& entry) {
        const bool gone = entry.first.starts_with(prefix) && !there.contains(entry.first);
        if (gone)
            put(entry.first, std::nullopt);
        return gone;
    });
    is_whole_ = is_whole_ || prefix == records::components_prefix(of_.project);
    at_ = all.at;
    hear();
    changed_.set();
}

void store_copy::take(const std::vector<store::change>& changes)
{
    for (const auto& change : changes) {
        if (!is_of_use(change.pair.key))
            continue;
        at_ = std::max(at_, change.pair.modified);
        if (!change.erased)
            take_pair(change.pair);
        else if (known_.erase(change.pair.key) > 0)
            put(change.pair.key, std::nullopt);
    }
    hear();
}

void store_copy::hear()
{
    heard_at_ = clk_.wall_now();
    if (!of_.members.empty() && heard_at_ - written_as_of_ >= longest_silence)
        changed_.set();
}

void store_copy::seal()
{
    if (!of_.members.empty())
        changed_.set();
}

void store_copy::keep_here(const std::string& key, const std::string& value)
{
    if (of_.members.empty())
        return;
    const auto hash = std::hash<std::string>()(value);
    if (const auto there = here_.find(key); there != here_.end() && there->second == hash)
        return;
    here_[key] = hash;
    put(key, encode({.key = key, .value = value}));
}

void store_copy::drop_here()
{
    for (const auto& [key, hash] : std::exchange(here_, {}))
        put(key, std::nullopt);
}

std::string store_copy::head() const
{
    json::array members;
    for (const auto& one : of_.members)
        members.emplace_back(one);
    return json::serialize(json::object{{"project", of_.project.text()}, {"members", std::move(members)},
        {"pairs", known_.size()}, {"at", std::to_underlying(at_)}, {"asOf", base::rfc3339(heard_at_)}});
}

store::transaction store_copy::write_of(const values& changed) const
{
    using kind = store::operation::kind;
    store::transaction out;
    for (const auto& [key, value] : changed)
        out.operations.push_back({value ? kind::put : kind::erase, key, value.value_or(""), {}});
    for (const auto& key : leftovers_)
        if (key != head_key && !changed.contains(key))
            out.operations.push_back({kind::erase, key, {}, {}});
    out.operations.push_back({kind::put, head_key, head(), {}});
    return out;
}

boost::asio::awaitable<void> store_copy::write_behind(
    std::function<void(const base::result<void>&)> on_result)
{
    for (;;) {
        co_await changed_.wait();
        co_await clk_.sleep_until(clk_.now() + before_write);
        if (!is_whole_)
            continue;
        auto changed = std::exchange(unwritten_, {});
        auto write = write_of(changed);
        const auto as_of = heard_at_;
        auto done = co_await store_.commit(std::move(write), clk_.now() + 5s);
        if (done) {
            leftovers_.clear();
            written_as_of_ = as_of;
            on_result({});
            continue;
        }
        unwritten_.merge(changed);  // what was taken meanwhile counts
        on_result(std::unexpected(done.error()));
        co_await clk_.sleep_until(clk_.now() + 5s);
        changed_.set();
    }
}

}  // namespace gantryd::daemon
