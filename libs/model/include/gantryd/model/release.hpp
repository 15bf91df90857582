#pragma once
#include <gantryd/base/time.hpp>
#include <gantryd/model/component.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::model {

/// What an operator wants of a component. The seed's words, as they stand in the store.
enum class intent { ready, stopped, killed };

/// How a release turned out on this machine.
enum class release_outcome {
    pending,     ///< not tried to the end yet
    live,        ///< all its instances have served
    failed,      ///< an instance did not become ready; it is not tried again
    superseded,  ///< a newer release came before it was live
};

/// Why an instance or a release failed: what an operator would ask for first.
struct evidence {
    std::string reason;    ///< one sentence: "exited with code 3 before it was ready"
    std::string instance;  ///< the container's name
    std::optional<int> exit_code;
    bool oom_killed = false;
    std::vector<std::string> last_log_lines;
    std::string check;        ///< id of the check that failed last
    std::string last_answer;  ///< what that check saw

    friend bool operator==(const evidence&, const evidence&) = default;
};

/// One numbered version of a component: its spec frozen together with its image.
struct release {
    release_number number{};
    component_spec spec;
    image_id image;
    std::string digest;  ///< by which a registry knows the image: "host/web@sha256:.."; empty: none does
    std::string architecture;  ///< of the image, as Docker names it: "amd64"; empty: not known
    std::string spec_hash;
    std::string created_by;  ///< user@machine
    base::wall_time created_at{};
    release_outcome outcome = release_outcome::pending;
    std::optional<base::wall_time> outcome_at;
    machine_id outcome_by;  ///< the machine that found out
    std::optional<evidence> why_failed;

    friend bool operator==(const release&, const release&) = default;
};

/// The component's line in the store: {"status":"ready","imageid":"sha256:..","release":7}.
struct component_state {
    intent status = intent::ready;
    image_id image;
    std::optional<release_number> release;  ///< absent in a line that an older tool wrote

    friend bool operator==(const component_state&, const component_state&) = default;
};

std::string_view text_of(intent value) noexcept;
std::string_view text_of(release_outcome value) noexcept;
std::optional<intent> intent_of(std::string_view text) noexcept;
std::optional<release_outcome> release_outcome_of(std::string_view text) noexcept;

}  // namespace gantryd::model
