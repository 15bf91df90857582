#pragma once
#include "common/settings.hpp"

#include <gantryd/base/error.hpp>
#include <gantryd/model/release.hpp>
#include <gantryd/secrets/secret_text.hpp>

#include <string>

namespace gantryd::app {

/// What a release of the spec holds of the secrets that are in files: by what their values, as they are on
/// this machine, are known again. Errors: those of secrets::read_key_file() and secrets::read_value_file(),
/// with the component and the variable.
base::result<model::held_secrets> hold_files(
    const settings& with, const std::string& project, const model::component_spec& spec);

/// A value from a file of any kind, or from stdin when `file` is empty; without the newline at its end.
/// Errors: not_found, rejected (stdin is a terminal; empty, too long, a NUL).
base::result<secrets::secret_text> read_value(const std::string& file);

}  // namespace gantryd::app
