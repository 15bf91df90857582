#pragma once
#include <gantryd/base/time.hpp>
#include <gantryd/model/component.hpp>

#include <cstdint>
#include <map>
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

/// The value of a secret that a release was made with: of one in the store the value itself, sealed, so that
/// it is what the release's containers get whatever is set later; of a file what its value is known again by.
struct held_secret {
    std::int64_t version = 0;  ///< of one in the store
    std::string sealed;        ///< see secrets::secret_key::seal()
    std::string fingerprint;   ///< of a file's value; empty: it was not taken, and any value is the right one

    friend bool operator==(const held_secret&, const held_secret&) = default;
};
/// By the name of the variable.
using held_secrets = std::map<std::string, held_secret>;

/// A secret in the store: the newest version.
struct stored_secret {
    std::int64_t version = 0;
    std::string sealed;
    base::wall_time set_at{};
    std::string set_by;  ///< user@machine

    friend bool operator==(const stored_secret&, const stored_secret&) = default;
};

/// One numbered version of a component: its spec frozen together with its image and its secrets.
struct release {
    release_number number{};
    component_spec spec;
    image_id image;
    std::string digest;  ///< by which a registry knows the image: "host/web@sha256:.."; empty: none does
    std::string architecture;  ///< of the image, as Docker names it: "amd64"; empty: not known
    held_secrets secrets{};
    std::string spec_hash;   ///< of the spec and the secrets
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
