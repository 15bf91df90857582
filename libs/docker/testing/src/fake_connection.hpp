#pragma once
#include <gantryd/docker/fake_engine.hpp>
#include <gantryd/runtime/dirty_flag.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <deque>
#include <list>
#include <memory>
#include <utility>

namespace gantryd::docker {

/// A call that is under way: what wakes it, and what an event stream has yet to deliver.
class fake_engine::connection {
public:
    connection(std::shared_ptr<std::list<connection*>> all, boost::asio::any_io_executor ex)
        : wake(std::move(ex)),
          all_(std::move(all)),
          self_(all_->insert(all_->end(), this))
    {
    }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() { all_->erase(self_); }

    bool wants(const container_event& event) const
    {
        if (!follows)
            return false;
        for (const auto& [key, value] : wanted) {
            const auto found = event.attributes.find(key);
            if (found == event.attributes.end() || found->second != value)
                return false;
        }
        return true;
    }

    runtime::dirty_flag wake;
    bool cut = false;      ///< the engine went away under it
    bool follows = false;  ///< it is an event stream
    labels wanted;
    std::deque<container_event> events;

private:
    std::shared_ptr<std::list<connection*>> all_;
    std::list<connection*>::iterator self_;
};

}  // namespace gantryd::docker
