#include <gantryd/etcd/etcd_store.hpp>

#include "answers.hpp"
#include "client.hpp"
#include "requests.hpp"
#include "watch_hub.hpp"

#include <gantryd/store/rules.hpp>
#include <gantryd/store/words.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace asio = boost::asio;

namespace gantryd::etcd {
namespace {

using base::errc;
using base::fail;
using base::result;
using runtime::time_point;
using namespace store::words;

/// What the store and its watchers share. A frame that the loop destroys may outlive the store.
struct core {
    core(options what, std::shared_ptr<http::tls_context> tls, runtime::clock& clk)
        : members(std::move(what), std::move(tls), clk),
          watches(members)
    {
    }

    /// The answer to a linearizable question.
    void note(const lineage::mark& asked, const header& got)
    {
        members.history.note(asked, got);
        watches.check_epoch();
    }

    client members;
    watch_hub watches;
};

class etcd_watcher final : public watcher {
public:
    etcd_watcher(std::shared_ptr<core> of, std::string prefix, revision after)
        : core_(std::move(of)),
          prefix_(std::move(prefix)),
          position_(after),
          epoch_(core_->members.history.epoch())
    {
    }

    asio::awaitable<result<std::vector<change>>> next() override
    {
        const auto shared = core_;
        for (;;) {
            if (epoch_ != shared->members.history.epoch())
                co_return fail(
                    errc::compacted, "etcd was put back from a backup; its history is another one now");
            if (!feed_ || position_ < feed_->begin())
                feed_ = shared->watches.attach(prefix_, position_);
            auto found = feed_->after(position_);
            if (!found.empty()) {
                position_ = found.back().pair.modified;
                co_return found;
            }
            if (feed_->failure())
                co_return std::unexpected(*feed_->failure());
            co_await shared->watches.advance([this] { return has_news(); });
        }
    }

private:
    bool has_news() const
    {
        return feed_->at() > position_ || feed_->failure() || epoch_ != core_->members.history.epoch();
    }

    std::shared_ptr<core> core_;
    std::string prefix_;
    revision position_;
    std::uint64_t epoch_;
    std::shared_ptr<feed> feed_;
};

/// Why a transaction did not succeed, by what it read instead.
std::string reason_of_conflict(const transaction& what, const std::vector<key_value>& read)
{
    for (const auto& condition : what.conditions) {
        const auto found = std::ranges::find(read, condition.key, &key_value::key);
        const bool by_creation = condition.what == store::compare::target::created;
        const auto is = found == read.end() ? revision{} : (by_creation ? found->created : found->modified);
        if (is != condition.equals)
            return "key " + condition.key + " has changed";
    }
    return "a key has changed";
}

class etcd_store final : public store::store {
public:
    explicit etcd_store(std::shared_ptr<core> of) : core_(std::move(of)) {}

    asio::awaitable<result<std::optional<key_value>>> get(std::string key, time_point deadline) override
    {
        auto answer = co_await range("etcd get " + key, encode_get(key), deadline);
        if (!answer)
            co_return std::unexpected(answer.error());
        if (answer->pairs.empty())
            co_return std::nullopt;
        co_return std::move(answer->pairs.front());
    }

    asio::awaitable<result<snapshot>> list(std::string prefix, time_point deadline) override
    {
        auto answer = co_await range("etcd list " + prefix, encode_list(prefix), deadline);
        if (!answer)
            co_return std::unexpected(answer.error());
        co_return snapshot{std::move(answer->pairs), answer->from.at};
    }

    asio::awaitable<result<revision>> commit(transaction what, time_point deadline) override
    {
        const auto valid = gantryd::store::validate(what);
        if (!valid)
            co_return std::unexpected(valid.error());
        const auto shared = core_;
        const auto asked = shared->members.history.now();
        call request;
        request.path = "/v3/kv/txn";
        request.body = encode_commit(what);
        request.again = repetition::forbidden;
        auto body = co_await shared->members.perform(std::move(request), deadline);
        if (!body && body.error() == errc::not_found)
            co_return fail(errc::rejected, "etcd commit: " + body.error().context());
        if (!body)
            co_return fail("etcd commit", body.error());
        const auto answer = decode_commit(*body);
        if (!answer)
            co_return fail(errc::timed_out,
                "etcd commit: " + answer.error().context() + "; whether it was written is not known");
        shared->note(asked, answer->from);
        if (!answer->succeeded)
            co_return fail(errc::conflict, "etcd commit: " + reason_of_conflict(what, answer->read));
        co_return answer->from.at;
    }

    std::unique_ptr<watcher> watch(std::string prefix, revision after) override
    {
        return std::make_unique<etcd_watcher>(core_, std::move(prefix), after);
    }

    asio::awaitable<result<lease_id>> grant(std::chrono::seconds ttl, time_point deadline) override
    {
        const auto valid = gantryd::store::validate(ttl);
        if (!valid)
            co_return std::unexpected(valid.error());
        const auto shared = core_;
        call request;
        request.path = "/v3/lease/grant";
        request.body = encode_grant(ttl);
        // Repeated, it may leave a lease behind that nobody uses; it runs out.
        auto body = co_await shared->members.perform(std::move(request), deadline);
        if (!body)
            co_return fail("etcd grant a lease", body.error());
        const auto answer = decode_grant(*body);
        if (!answer)
            co_return std::unexpected(answer.error());
        co_return answer->lease;
    }

    asio::awaitable<result<void>> keep_alive(lease_id lease, time_point deadline) override
    {
        const auto shared = core_;
        const auto what = "etcd keep a lease alive";
        call request;
        request.path = "/v3/lease/keepalive";
        request.body = encode_lease(lease);
        auto body = co_await shared->members.perform(std::move(request), deadline);
        if (!body)
            co_return fail(what, body.error());
        const auto answer = decode_keep_alive(*body);
        if (!answer)
            co_return fail(what, answer.error());
        if (const auto* no = std::get_if<refusal>(&*answer))
            co_return fail(what, as_error(*no));
        if (std::get<lease_answer>(*answer).ttl <= std::chrono::seconds(0))
            co_return fail(errc::not_found, "etcd keep a lease alive: it has ended");
        co_return result<void>();
    }

    asio::awaitable<result<void>> revoke(lease_id lease, time_point deadline) override
    {
        const auto shared = core_;
        bool was_repeated = false;
        call request;
        request.path = "/v3/lease/revoke";
        request.body = encode_lease(lease);
        request.was_repeated = &was_repeated;
        auto body = co_await shared->members.perform(std::move(request), deadline);
        if (!body && body.error() == errc::not_found && was_repeated)
            co_return result<void>();  // the first of them did it
        if (!body)
            co_return fail("etcd revoke a lease", body.error());
        co_return result<void>();
    }

private:
    asio::awaitable<result<range_answer>> range(std::string what, std::string body, time_point deadline)
    {
        const auto shared = core_;
        const auto asked = shared->members.history.now();
        call request;
        request.path = "/v3/kv/range";
        request.body = std::move(body);
        auto got = co_await shared->members.perform(std::move(request), deadline);
        if (!got)
            co_return fail(what, got.error());
        auto answer = decode_range(*got);
        if (answer)
            shared->note(asked, answer->from);
        co_return answer;
    }

    std::shared_ptr<core> core_;
};

}  // namespace

result<std::unique_ptr<store::store>> open(options what, runtime::clock& clk)
{
    if (what.endpoints.empty())
        return fail(errc::rejected, "no etcd endpoint");
    std::shared_ptr<http::tls_context> tls;
    if (std::ranges::any_of(what.endpoints, &endpoint::with_tls)) {
        auto loaded = http::make_tls_context(what.tls);
        if (!loaded)
            return fail("etcd", loaded.error());
        tls = std::move(*loaded);
    }
    return std::make_unique<etcd_store>(std::make_shared<core>(std::move(what), std::move(tls), clk));
}

}  // namespace gantryd::etcd
