#pragma once
#include <gantryd/control/overview.hpp>
#include <gantryd/control/project.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>
#include <gantryd/runtime/simulation.hpp>
#include <gantryd/store/memory_store.hpp>

#include <gtest/gtest.h>

namespace gantryd::control {

using namespace std::chrono_literals;
using runtime::time_point;

/// A store in which a rival writes a key just before some commits of ours.
class contested_store final : public store::store {
public:
    contested_store(runtime::clock& clk, std::string key, std::string value)
        : real_(gantryd::store::make_memory_store(clk)),
          key_(std::move(key)),
          value_(std::move(value))
    {
    }

    int rivals = 0;  ///< how many of the next commits meet one

    void set_rival(std::string key, std::string value)
    {
        key_ = std::move(key);
        value_ = std::move(value);
    }

    boost::asio::awaitable<base::result<gantryd::store::revision>> commit(
        gantryd::store::transaction what, time_point deadline) override
    {
        if (rivals > 0) {
            --rivals;
            gantryd::store::transaction other;
            other.operations.push_back({gantryd::store::operation::kind::put, key_, value_, {}});
            auto first = co_await real_->commit(std::move(other), deadline);
            if (!first)
                co_return first;
        }
        auto done = co_await real_->commit(std::move(what), deadline);
        co_return done;
    }
    boost::asio::awaitable<base::result<std::optional<gantryd::store::key_value>>> get(
        std::string key, time_point deadline) override
    {
        return real_->get(std::move(key), deadline);
    }
    boost::asio::awaitable<base::result<gantryd::store::snapshot>> list(
        std::string prefix, time_point deadline) override
    {
        return real_->list(std::move(prefix), deadline);
    }
    std::unique_ptr<gantryd::store::watcher> watch(
        std::string prefix, gantryd::store::revision after) override
    {
        return real_->watch(std::move(prefix), after);
    }
    boost::asio::awaitable<base::result<gantryd::store::lease_id>> grant(
        std::chrono::seconds ttl, time_point deadline) override
    {
        return real_->grant(ttl, deadline);
    }
    boost::asio::awaitable<base::result<void>> keep_alive(
        gantryd::store::lease_id lease, time_point deadline) override
    {
        return real_->keep_alive(lease, deadline);
    }
    boost::asio::awaitable<base::result<void>> revoke(
        gantryd::store::lease_id lease, time_point deadline) override
    {
        return real_->revoke(lease, deadline);
    }

private:
    std::unique_ptr<gantryd::store::store> real_;
    std::string key_;
    std::string value_;
};

class control_test : public testing::Test {
protected:
    const model::project_name shop_{"shop"};
    const model::component_name web_{"web"};
    runtime::simulation sim_;
    contested_store store_{sim_.clock, records::state_key(shop_, web_),
        records::encode(model::component_state{model::intent::stopped, {}, {}})};

    static release_request request(const std::string& name, const std::string& tag)
    {
        release_request out;
        out.spec.name = model::component_name(name);
        out.spec.repo = name;
        out.spec.tag = tag;
        out.image = model::image_id("sha256:" + tag);
        return out;
    }

    void rival_writes(std::string key, std::string value)
    {
        store_.set_rival(std::move(key), std::move(value));
    }
    void rival_writes(const model::component_state& state)
    {
        rival_writes(records::state_key(shop_, web_), records::encode(state));
    }

    template <class T>
    T ask(boost::asio::awaitable<T> op)
    {
        auto answer = sim_.outcome_after(0ms, std::move(op));
        if (!answer)
            throw std::logic_error("a memory store answers at once");
        return std::move(*answer);
    }

    base::result<std::vector<released>> release(std::vector<release_request> requests)
    {
        return ask(release_components(
            store_, shop_, std::move(requests), "ann@alpha", sim_.clock, sim_.clock.now() + 5s));
    }
    /// Releases "web" with that tag; {number, is_new}.
    std::pair<std::int64_t, bool> release_web(const std::string& tag)
    {
        std::vector<release_request> requests{request("web", tag)};
        const auto done = release(std::move(requests));
        if (!done)
            throw std::logic_error(done.error().context());
        return {model::value_of(done->front().number), done->front().is_new};
    }
    base::result<void> set(model::intent intent)
    {
        std::vector<model::component_name> components{web_};
        return ask(set_intent(store_, shop_, std::move(components), intent, sim_.clock.now() + 5s));
    }
    std::optional<std::string> value_of(std::string key)
    {
        const auto found = ask(store_.get(std::move(key), sim_.clock.now() + 5s));
        if (!found || !*found)
            return std::nullopt;
        return (*found)->value;
    }
    std::string release_key(int number)
    {
        return records::release_key(shop_, web_, static_cast<model::release_number>(number));
    }
    model::release stored_release(int number)
    {
        auto found = records::decode_release(value_of(release_key(number)).value_or(""));
        if (!found)
            throw std::logic_error(found.error().context());
        return std::move(*found);
    }
    /// As an operator is shown it.
    model::release shown_release(int number)
    {
        const auto all = ask(read_overview(store_, shop_, sim_.clock.now() + 5s));
        return all.value().find(web_)->releases.at(static_cast<model::release_number>(number));
    }
    model::component_state stored_state(const std::string& component = "web")
    {
        auto found = records::decode_component_state(
            value_of(records::state_key(shop_, model::component_name(component))).value_or(""));
        if (!found)
            throw std::logic_error(found.error().context());
        return std::move(*found);
    }
    void put(std::string key, std::string value)
    {
        store::transaction write;
        write.operations.push_back({store::operation::kind::put, std::move(key), std::move(value), {}});
        const auto done = ask(store_.commit(std::move(write), sim_.clock.now() + 5s));
        EXPECT_TRUE(done.has_value());
    }
    void settle(int number, model::release_outcome outcome)
    {
        auto release = stored_release(number);
        release.outcome = outcome;
        put(release_key(number), records::encode(release));
    }
};

}  // namespace gantryd::control
