// The other half of the hub: how a stream begins, and how it is found out that it has died.
#include "watch_hub.hpp"

#include "requests.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <random>
#include <utility>

namespace asio = boost::asio;

namespace gantryd::etcd {
namespace {

using namespace std::chrono_literals;
using base::errc;
using base::result;
using runtime::time_point;

constexpr auto open_limit = 5s;
constexpr auto audit_limit = 4s;
constexpr auto between_audits = 1s;

/// How long what etcd has written may take until it comes out of the watch.
constexpr auto longest_delay = 3s;

}  // namespace

std::vector<watched> watch_hub::watched_now() const
{
    std::vector<watched> out;
    out.reserve(feeds_.size());
    for (const auto& one : feeds_)
        out.push_back({static_cast<std::int64_t>(out.size()) + 1, one->prefix(), one->at()});
    return out;
}

/// A linearizable question before each new stream: a restored etcd is noticed before its changes are taken
/// for ours, and a member that does not answer is not asked for a watch.
asio::awaitable<result<void>> watch_hub::look()
{
    const auto first = feeds_.front();
    const auto asked = client_.history.now();
    call what;
    what.path = "/v3/kv/range";
    what.body = encode_look(first->prefix());
    auto body = co_await client_.perform(std::move(what), client_.clock().now() + open_limit);
    if (!body)
        co_return std::unexpected(body.error());
    const auto answer = decode_range(*body);
    if (!answer)
        co_return std::unexpected(answer.error());
    client_.history.note(asked, answer->from);
    check_epoch();
    const auto present = client_.history.now().newest.at;
    for (const auto& one : feeds_)
        if (one->at() > present)
            one->fail(base::error(
                errc::compacted, "etcd is at revision " + std::to_string(std::to_underlying(present)) +
                                     ", before revision " + std::to_string(std::to_underlying(one->at()))));
    std::erase_if(feeds_, [](const auto& one) { return one->failure().has_value(); });
    co_return result<void>();
}

asio::awaitable<void> watch_hub::reopen()
{
    if (client_.clock().now() < not_before_)
        co_await client_.clock().sleep_until(not_before_);
    // Not those that nobody reads any more.
    streamed_.clear();
    std::erase_if(feeds_, [](const auto& one) { return one.use_count() == 1 || one->failure(); });
    needs_reopen_ = false;
    if (feeds_.empty())
        co_return;
    auto looked = co_await look();
    if (!looked) {
        note_outage(looked.error());
        co_return;
    }
    if (feeds_.empty())
        co_return;
    needs_reopen_ = false;  // who came meanwhile comes along
    streamed_ = feeds_;
    auto opened =
        co_await client_.open("/v3/watch", encode_watch(watched_now()), client_.clock().now() + open_limit);
    if (!opened) {
        note_outage(opened.error());
        co_return;
    }
    for (const auto& one : streamed_)
        one->restart();
    records_ = http::line_splitter(longest_record);
    stream_ = std::move(*opened);
    note_agreement();
    opened_at_ = audited_at_;
}

/// With what etcd has. All clients of a fleet hear of a change at the same moment, and are not to ask at the
/// same moment whether that was all.
void watch_hub::note_agreement()
{
    const auto most = client_.settings().silence / 3;
    std::uniform_int_distribution<runtime::duration::rep> spread(0, most.count());
    own_patience_ = runtime::duration(spread(client_.random()));
    heard_at_ = audited_at_ = client_.clock().now();
}

time_point watch_hub::next_audit() const
{
    const auto silence = client_.settings().silence;
    const auto due = is_doubtful_
                         ? time_point::min()
                         : std::min(heard_at_ + silence + own_patience_, audited_at_ + silence * 4 / 3);
    return std::max(due, no_audit_before_);
}

/// Returns when the stream has to be made anew.
asio::awaitable<void> watch_hub::watch_over()
{
    const auto kicked = std::make_shared<runtime::dirty_flag>(co_await asio::this_coro::executor);
    kicked_ = kicked;
    while (stream_ && !needs_reopen_) {
        if (client_.clock().now() < next_audit()) {
            (void)co_await kicked->wait_until(client_.clock(), next_audit());
            continue;
        }
        const bool is_well = co_await audit();
        if (!is_well)
            co_return;
        needs_reopen_ = needs_reopen_ || is_any_abandoned();
    }
}

/// Nobody reads a feed of the stream any more, and etcd goes on telling it.
bool watch_hub::is_any_abandoned() const
{
    constexpr int ours = 2;  // in feeds_ and streamed_
    return std::ranges::any_of(streamed_, [](const auto& one) { return one.use_count() == ours; });
}

asio::awaitable<result<audit_answer>> watch_hub::ask_audit()
{
    std::vector<watched> parts;
    parts.reserve(streamed_.size());
    for (const auto& one : streamed_)
        parts.push_back({0, one->prefix(), one->audited()});
    const auto endpoint = stream_->endpoint;
    const auto asked = client_.history.now();
    call what;
    what.path = "/v3/kv/txn";
    what.body = encode_audit(parts);
    auto body = co_await client_.perform(std::move(what), client_.clock().now() + audit_limit);
    if (!body)
        co_return std::unexpected(body.error());
    if (client_.is_suspect(endpoint))
        co_return base::fail(errc::unavailable, client_.name_of(endpoint) + " does not answer");
    auto answer = decode_audit(*body);
    if (answer && answer->parts.size() != parts.size())
        co_return base::fail(errc::malformed, "etcd's answer to an audit is not complete");
    if (answer)
        client_.history.note(asked, answer->from);
    co_return answer;
}

/// Asks etcd what the watched keys are, and whether all of that has come out of the stream.
asio::awaitable<bool> watch_hub::audit()
{
    // One that is cancelled because changes have come is not begun anew with each of them.
    no_audit_before_ = client_.clock().now() + between_audits;
    const auto of = streamed_;
    auto answer = co_await ask_audit();
    is_doubtful_ = false;
    if (!answer) {
        lose(answer.error(), true);
        co_return false;
    }
    check_epoch();
    if (needs_reopen_)
        co_return false;
    const bool agreed = co_await wait_for_agreement(std::move(*answer), of);
    if (agreed)
        note_agreement();
    co_return agreed;
}

asio::awaitable<bool> watch_hub::wait_for_agreement(audit_answer said, std::vector<std::shared_ptr<feed>> of)
{
    const auto until = client_.clock().now() + longest_delay;
    const auto disagrees = [&](std::size_t i) {
        return !of[i]->failure() && !of[i]->agrees(said.from.at, said.parts[i]);
    };
    for (;;) {
        bool agreed = true;
        for (std::size_t i = 0; i < of.size(); ++i)
            agreed = agreed && !disagrees(i);
        if (agreed)
            break;
        if (client_.clock().now() >= until) {
            for (std::size_t i = 0; i < of.size(); ++i)
                if (disagrees(i) && of[i]->doubt())
                    of[i]->fail(base::error(errc::compacted, "etcd's watch has lost changes"));
            std::erase_if(feeds_, [](const auto& one) { return one->failure().has_value(); });
            lose(base::error(errc::unavailable, "the watch has stalled"), true);
            is_doubtful_ = true;  // the next stream is asked at once whether it has them
            co_return false;
        }
        co_await client_.clock().sleep_until(client_.clock().now() + 50ms);
    }
    for (std::size_t i = 0; i < of.size(); ++i)
        of[i]->settle(said.from.at, said.parts[i]);
    co_return true;
}

}  // namespace gantryd::etcd
