#pragma once
#include <gantryd/base/error.hpp>

#include <string>
#include <string_view>

namespace gantryd::docker {

/// What an answer with a status of 400 or more says to the caller; the engine's own words are the sentence.
/// Older engines answer 500 for almost everything, so that the words decide there.
base::error as_error(int status, std::string_view body);

/// The same for a pull, where the words are those of a registry; `status` is 200 for an error in mid-stream.
base::error as_pull_error(int status, std::string message);

/// True for the words with which an engine refuses to kill what does not run.
bool says_not_running(const base::error& why);

/// True for the words with which an engine refuses to remove what another request is removing.
bool says_removal_in_progress(const base::error& why);

}  // namespace gantryd::docker
