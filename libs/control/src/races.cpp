#include "races.hpp"

namespace gantryd::control {

boost::asio::awaitable<base::result<void>> change_project(
    store::store& to, model::project_name project, decision decide, runtime::time_point deadline)
{
    for (int attempt = 1;; ++attempt) {
        const auto all = co_await read_overview(to, project, deadline);
        if (!all)
            co_return std::unexpected(all.error());
        auto write = decide(*all);
        if (!write)
            co_return std::unexpected(write.error());
        if (!*write)
            co_return base::result<void>();
        auto done = co_await to.commit(std::move(**write), deadline);
        if (done)
            co_return base::result<void>();
        if (done.error() != base::errc::conflict || attempt == most_races)
            co_return std::unexpected(done.error());
    }
}

}  // namespace gantryd::control
