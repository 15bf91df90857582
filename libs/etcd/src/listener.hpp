#pragma once
#include <gantryd/runtime/dirty_flag.hpp>

#include <set>

namespace gantryd::etcd {

/// A flag is among those that are set when there is news, as long as this lives.
class listener {
public:
    listener(std::set<runtime::dirty_flag*>& all, runtime::dirty_flag& flag) : all_(all), flag_(&flag)
    {
        all_.insert(flag_);
    }
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;
    ~listener() { all_.erase(flag_); }

private:
    std::set<runtime::dirty_flag*>& all_;
    runtime::dirty_flag* flag_;
};

}  // namespace gantryd::etcd
