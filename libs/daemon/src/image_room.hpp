#pragma once
#include <gantryd/base/time.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace gantryd::daemon {

/// Which images did not fit on the Docker Engine's disk. The engine tells nobody how much an image takes
/// before it is there; but a pull that ended for want of room has shown that what was free was too little.
/// Pulling again and again with no more than that would fill the disk each time, under all that runs.
class image_room {
public:
    /// A pull that is under way. Of several at a time nobody knows which one took the room.
    class pull {
    public:
        explicit pull(image_room& in);
        ~pull() { --in_.under_way_; }
        pull(const pull&) = delete;
        pull& operator=(const pull&) = delete;

        /// It ended for want of room, and `free` bytes were there when it began.
        void did_not_fit(const std::string& image, std::int64_t free, std::string why, base::time_point now);

    private:
        image_room& in_;
        bool shared_;
        std::uint64_t number_;
    };

    /// What was said when the image did not fit, as long as a pull with `free` bytes would end in the same
    /// way. That is not believed for ever: the room may have gone to somebody who gave it back since.
    std::optional<std::string> why_futile(
        const std::string& image, std::int64_t free, base::time_point now) const;

private:
    struct failure {
        std::int64_t free = 0;
        std::string why;
        base::time_point at{};
    };
    std::map<std::string, failure> failed_;
    int under_way_ = 0;
    std::uint64_t begun_ = 0;
};

}  // namespace gantryd::daemon
