#include "image_fetch.hpp"

#include <gantryd/base/names.hpp>

#include <fmt/format.h>

#include <utility>

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

/// What the engine's disk has free; nothing where the engine is on another machine, or does not tell.
struct disk {
    std::string data_root;
    std::int64_t free = 0;
};

boost::asio::awaitable<std::optional<disk>> look_at_disk(state& st)
{
    if (!st.what.free_bytes)
        co_return std::nullopt;
    const auto engine = co_await st.io.docker.info(st.io.clk.now() + call_limit);
    if (!engine || engine->data_root.empty())
        co_return std::nullopt;
    const auto free = st.what.free_bytes(engine->data_root);
    if (!free)
        co_return std::nullopt;
    co_return disk{engine->data_root, *free};
}

/// What a failed pull has shown.
std::unexpected<obstacle> learn_from(const base::error& failure, const std::string& image,
    const std::optional<disk>& before, image_room::pull& pull, base::time_point now)
{
    const auto code = reason_of(failure);
    if (code != reason::docker_disk_full || !before)
        return blocked(code, failure.context());
    auto why = fmt::format(
        "{}; {} had {} MB free before it", failure.context(), before->data_root, before->free / 1'000'000);
    pull.did_not_fit(image, before->free, why, now);
    return blocked(code, std::move(why));
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
    const auto before = co_await look_at_disk(st);
    const auto began = st.io.clk.now();
    if (before)
        if (auto why = st.room.why_futile(reference, before->free, began))
            co_return blocked(reason::docker_disk_full, std::move(*why));
    image_room::pull under_way(st.room);
    const auto deadline = began + pull_limit;
    progress_teller teller(st.io.clk, planner::pull{reference, "", began, deadline}, show);
    if (!again)
        teller.begin();
    auto progress = [&teller](std::string line) { teller.tell(std::move(line)); };
    auto pulled = co_await st.io.docker.pull(reference, progress, deadline);
    show(std::nullopt);
    if (!pulled)
        co_return learn_from(pulled.error(), reference, before, under_way, st.io.clk.now());
    auto image = co_await st.io.docker.inspect_image(reference, st.io.clk.now() + call_limit);
    if (!image)
        co_return blocked(reason::pull_failed, image.error().context());
    if (image->id != release->image)
        co_return blocked(reason::image_mismatch, mismatch(*release, reference, *image));
    co_return std::move(*image);
}

}  // namespace gantryd::daemon
