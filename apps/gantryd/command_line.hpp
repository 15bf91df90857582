#pragma once
#include "common/settings.hpp"

#include <gantryd/model/ids.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace gantryd::app {

enum class verb {
    setconfig,
    getconfig,
    validate,
    update,
    plan,
    rollback,
    pause,
    resume,
    watch,
    run,
    machines,
    list,
    status,
    why,
    events,
    stop,
    kill,
    history,
    drain,
    undrain,
    forget,
    secret_set,
    secret_list,
    secret_rm
};

/// What the command line said, whatever the command.
struct invocation {
    verb command = verb::list;
    settings with;
    std::string project;
    std::string file;
    std::vector<std::string> components;
    bool wait = false;
    std::optional<std::chrono::seconds> timeout;  ///< absent: the command's own
    bool follow = false;
    std::size_t newest = 100;  ///< how many events
    std::optional<std::int64_t> release;
    bool force = false;
    std::string secret;
    std::string from;               ///< the file with its value; empty: stdin
    bool again = false;             ///< a new release of what is released already
    std::string machine;            ///< as an operator names it
    std::vector<std::string> tags;  ///< "KEY=VALUE"
    std::string address;            ///< of this machine

    model::project_name project_name() const { return model::project_name(project); }
    std::vector<model::component_name> component_names() const;
};

/// `words` are those behind the program's name. What is to be said of them, the help for one, goes to `out`
/// and `err`; then the program ends with the code.
std::expected<invocation, exit_code> parse_command_line(
    std::vector<std::string> words, std::ostream& out, std::ostream& err);

}  // namespace gantryd::app
