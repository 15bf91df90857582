#pragma once
#include <gantryd/model/ids.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::model {

using milliseconds = std::chrono::milliseconds;

enum class port_kind { tcp, http };
enum class check_kind { tcp, http, https, exec, connection };
enum class signal_kind { http, https, exec };
enum class drain_timeout_action { kill, keep };
enum class failure_action { revert, pause };

/// An external port of the machine's proxy and the container's port behind it.
struct port_mapping {
    std::uint16_t external = 0;
    std::uint16_t container = 0;
    port_kind kind = port_kind::tcp;
    std::string bind = "0.0.0.0";  ///< a numeric address of this machine

    friend bool operator==(const port_mapping&, const port_mapping&) = default;
};

/// One probe of a container. Kinds tcp, http, https use `port`; http and https use `path`; exec uses
/// `command`; connection passes while nobody is connected to the container.
struct check_spec {
    check_kind kind = check_kind::tcp;
    std::string id;  ///< the title people see; the kind when the file gives none
    std::uint16_t port = 0;
    std::string path = "/";
    std::vector<std::string> command;
    milliseconds interval{10'000};  ///< between two tries once the verdict stands; the longest wait before it
    milliseconds timeout{2'000};    ///< of one try
    int rise = 1;                   ///< passes in a row that make a failing check passing
    int fall = 3;                   ///< failures in a row that make a passing check failing
    milliseconds grace{0};          ///< after the container's start, in which failures do not count

    friend bool operator==(const check_spec&, const check_spec&) = default;
};

/// What an instance is told once, when its drain begins: an http(s) POST or a command inside the container.
struct signal_spec {
    signal_kind kind = signal_kind::http;
    std::string id;
    std::uint16_t port = 0;
    std::string path = "/";
    std::vector<std::string> command;
    milliseconds timeout{2'000};

    friend bool operator==(const signal_spec&, const signal_spec&) = default;
};

struct volume_binding {
    std::string
        external;        ///< a path of the machine; "{container_id}" becomes the container's 12-character id
    std::string volume;  ///< a path in the container
    friend bool operator==(const volume_binding&, const volume_binding&) = default;
};

/// A port that other components reach by a stable address.
struct link_export {
    std::string name;
    std::uint16_t port = 0;
    port_kind kind = port_kind::tcp;
    friend bool operator==(const link_export&, const link_export&) = default;
};

struct link_import {
    std::string name;
    std::string alias;
    friend bool operator==(const link_import&, const link_import&) = default;
};

/// Where the value of a variable is that stands in no file of the project: in a file of the machine, or under
/// a name in the store. Exactly one of them.
struct secret_source {
    std::string file;  ///< an absolute path
    std::string name;

    friend bool operator==(const secret_source&, const secret_source&) = default;
};

struct environment_variable {
    std::string name;
    std::string value;                      ///< empty when it is a secret
    std::optional<secret_source> secret{};  ///< absent: `value` is the value
    friend bool operator==(const environment_variable&, const environment_variable&) = default;
};

struct drain_policy {
    milliseconds timeout{30'000};  ///< the longest an old instance may keep its connections
    drain_timeout_action on_timeout = drain_timeout_action::kill;
    friend bool operator==(const drain_policy&, const drain_policy&) = default;
};

/// How many machines of a fleet change at the same time.
struct parallel_limit {
    std::int32_t count = 1;
    bool percent = false;  ///< `count` is a share of the machines that run the component

    /// At least one, of a fleet of any size.
    int of(int machines) const noexcept;
    friend bool operator==(const parallel_limit&, const parallel_limit&) = default;
};

/// How a new release goes from machine to machine.
struct rollout_policy {
    parallel_limit max_parallel;
    milliseconds pause{0};             ///< between a machine that is done and the next one
    milliseconds min_healthy_time{0};  ///< what a new release has to last before the old one goes
    milliseconds deadline{1'800'000};  ///< the longest without a machine getting done; 0: none
    milliseconds lost_after{60'000};   ///< then a machine in the middle of its change is passed over
    failure_action on_failure = failure_action::revert;

    friend bool operator==(const rollout_policy&, const rollout_policy&) = default;
};

/// Limits of one container; zero is no limit.
struct resource_limits {
    std::int64_t memory_bytes = 0;
    std::int64_t nano_cpus = 0;  ///< Docker's unit: 10^9 is one CPU
    std::int64_t pids = 0;
    friend bool operator==(const resource_limits&, const resource_limits&) = default;
};

/// One image with its ports, checks, links and rules. The members stand in the order of the project file's
/// table in the README; the defaults are the file's defaults.
struct component_spec {
    component_name name;
    std::string repo;
    std::string tag = "latest";
    std::vector<std::string> command;  ///< empty: the image's own
    std::string user;                  ///< empty: the image's own
    std::int32_t instances = 1;        ///< per machine
    std::vector<port_mapping> ports;
    std::vector<volume_binding> bindings;
    std::vector<std::string> volumes_from;
    std::vector<check_spec> ready_checks;
    std::vector<check_spec> health_checks;
    milliseconds ready_timeout{10'000};
    std::vector<signal_spec> termination_signals;
    std::vector<check_spec> termination_checks;
    drain_policy drain;
    rollout_policy rollout;
    std::string stop_signal;            ///< empty: the image's own, else SIGTERM
    milliseconds stop_timeout{10'000};  ///< from the stop signal to SIGKILL
    bool privileged = false;
    resource_limits resources;
    std::vector<link_export> define_component_links;
    std::vector<link_import> require_component_links;
    std::vector<environment_variable> environment_variables;
    std::map<std::string, std::string> labels;

    /// "repo:tag".
    std::string image_reference() const { return repo + ":" + tag; }

    friend bool operator==(const component_spec&, const component_spec&) = default;
};

/// What a project file says, with every default filled in.
struct project_spec {
    std::vector<component_spec> components;

    const component_spec* find(const component_name& name) const;

    friend bool operator==(const project_spec&, const project_spec&) = default;
};

std::string_view text_of(port_kind kind) noexcept;
std::string_view text_of(check_kind kind) noexcept;
std::string_view text_of(signal_kind kind) noexcept;
std::string_view text_of(drain_timeout_action action) noexcept;
std::string_view text_of(failure_action action) noexcept;
/// "2", "25%".
std::string text_of(const parallel_limit& limit);

}  // namespace gantryd::model
