#include "common/secret_files.hpp"

#include <gantryd/base/descriptor.hpp>
#include <gantryd/secrets/private_file.hpp>
#include <gantryd/secrets/secret_key.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace gantryd::app {
namespace {

/// At most one byte more than a value and its newline may have.
base::result<secrets::secret_text> read_to_end(int fd, const std::string& name)
{
    secrets::secret_text out(secrets::longest_value + 3);
    std::size_t size = 0;
    while (size < out.size()) {
        const auto n = ::read(fd, out.bytes().data() + size, out.size() - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return base::fail(base::errc::rejected, name + ": " + std::generic_category().message(errno));
        if (n == 0)
            break;
        size += static_cast<std::size_t>(n);
    }
    out.shorten(size);
    return out;
}

}  // namespace

base::result<model::held_secrets> hold_files(
    const settings& with, const std::string& project, const model::component_spec& spec)
{
    model::held_secrets out;
    std::optional<secrets::secret_key> key;
    for (const auto& variable : spec.environment_variables) {
        if (!variable.secret || variable.secret->file.empty())
            continue;
        const auto& file = variable.secret->file;
        const auto who = fmt::format("component {}, {}", spec.name.text(), variable.name);
        if (!key) {
            auto read = secrets::read_key_file(with.secret_key_file);
            if (!read)
                return base::fail(who, read.error());
            key = std::move(*read);
        }
        const auto value = secrets::read_value_file(file);
        if (!value)
            return base::fail(who, value.error());
        out[variable.name].fingerprint = key->fingerprint(project, file, value->view());
    }
    return out;
}

base::result<secrets::secret_text> read_value(const std::string& file)
{
    if (file.empty() && ::isatty(STDIN_FILENO) != 0)
        return base::fail(base::errc::rejected, "the value is read from stdin, and that is a terminal, which "
                                                "would show it; use a pipe or --from");
    const base::descriptor opened(file.empty() ? -1 : ::open(file.c_str(), O_RDONLY | O_NOCTTY | O_CLOEXEC));
    if (!file.empty() && !opened)
        return base::fail(base::errc::not_found, file + ": " + std::generic_category().message(errno));
    const auto name = file.empty() ? std::string("stdin") : file;
    auto out = read_to_end(file.empty() ? STDIN_FILENO : opened.get(), name);
    if (!out)
        return out;
    secrets::drop_last_newline(*out);
    if (const auto problem = secrets::problem_with_value(out->view()); !problem.empty())
        return base::fail(base::errc::rejected, fmt::format("the value from {}: {}", name, problem));
    return out;
}

}  // namespace gantryd::app
