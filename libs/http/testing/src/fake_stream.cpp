#include <gantryd/http/fake_stream.hpp>

#include <algorithm>
#include <utility>

namespace asio = boost::asio;

namespace gantryd::http_testing {

void fake_stream::deliver(std::string bytes)
{
    if (!bytes.empty())
        delivered_.push_back(std::move(bytes));
    changed_.set();
}

void fake_stream::end()
{
    ended_ = true;
    changed_.set();
}

void fake_stream::fail(base::error why)
{
    failure_ = std::move(why);
    changed_.set();
}

asio::awaitable<base::result<std::size_t>> fake_stream::read_some(std::span<char> into)
{
    ++reads;
    while (delivered_.empty() && !ended_ && !failure_)
        co_await changed_.wait();
    if (delivered_.empty()) {
        if (failure_)
            co_return std::unexpected(*failure_);
        co_return std::size_t{0};
    }
    auto& next = delivered_.front();
    const auto count = std::min(into.size(), next.size());
    std::ranges::copy_n(next.begin(), static_cast<std::ptrdiff_t>(count), into.begin());
    next.erase(0, count);
    if (next.empty())
        delivered_.pop_front();
    co_return count;
}

asio::awaitable<base::result<void>> fake_stream::write(std::string bytes)
{
    if (write_blocks)
        co_await never_.wait();
    if (write_failure)
        co_return std::unexpected(*write_failure);
    written += bytes;
    co_return base::result<void>();
}

}  // namespace gantryd::http_testing
