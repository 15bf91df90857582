#include "image_fetch.hpp"

#include <gantryd/base/names.hpp>

#include <fmt/format.h>

namespace gantryd::daemon {
namespace {

using namespace std::chrono_literals;
using planner::reason;

constexpr auto call_limit = 60s;
constexpr auto pull_limit = 15min;
/// The engine tells of every few kilobytes; a person reads slower, and each word is written to the store.
constexpr auto between_progress = 500ms;

/// Shows how far a pull is, not more often than a person can read.
class progress_teller {
public:
    progress_teller(runtime::clock& clk, planner::pull begun, const show_pull& show)
        : clk_(clk),
          told_(std::move(begun)),
          show_(show),
          shown_at_(clk.now() - between_progress)
    {
    }

    void begin() { show_(told_); }

    void tell(std::string line)
    {
        const auto now = clk_.now();
        if (now < shown_at_ + between_progress)
            return;
        shown_at_ = now;
        told_.progress = std::move(line);
        show_(told_);
    }

private:
    runtime::clock& clk_;
    planner::pull told_;
    const show_pull& show_;
    base::time_point shown_at_;
};

reason reason_of(const base::error& pull_failure)
{
    return pull_failure.context().contains("no space left") ? reason::docker_disk_full : reason::pull_failed;
}

std::string mismatch(
    const model::release& release, const std::string& reference, const docker::image_details& now)
{
    return fmt::format("{} is image {} now{}, and release {} was made with {}{}", reference,
        base::short_id(now.id.text()), now.architecture.empty() ? "" : " (" + now.architecture + ")",
        model::value_of(release.number), base::short_id(release.image.text()),
        release.digest.empty() ? ", of which no registry had told a digest" : "");
}

}  // namespace

std::unexpected<obstacle> blocked(reason code, std::string why)
{
    return std::unexpected(obstacle{code, base::error(base::errc::unavailable, std::move(why))});
}

std::string pulled_by(const model::release& release)
{
    return release.digest.empty() ? release.spec.image_reference() : release.digest;
}

boost::asio::awaitable<attempt<docker::image_details>> fetch_image(
    state& st, std::shared_ptr<const model::release> release, bool again, show_pull show)
{
    const auto reference = pulled_by(*release);
    const auto began = st.io.clk.now();
    const auto deadline = began + pull_limit;
    progress_teller teller(st.io.clk, planner::pull{reference, "", began, deadline}, show);
    if (!again)
        teller.begin();
    auto progress = [&teller](std::string line) { teller.tell(std::move(line)); };
    auto pulled = co_await st.io.docker.pull(reference, progress, deadline);
    show(std::nullopt);
    if (!pulled)
        co_return blocked(reason_of(pulled.error()), pulled.error().context());
    auto image = co_await st.io.docker.inspect_image(reference, st.io.clk.now() + call_limit);
    if (!image)
        co_return blocked(reason::pull_failed, image.error().context());
    if (image->id != release->image)
        co_return blocked(reason::image_mismatch, mismatch(*release, reference, *image));
    co_return std::move(*image);
}

}  // namespace gantryd::daemon
