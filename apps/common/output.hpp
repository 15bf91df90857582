#pragma once
#include <gantryd/base/time.hpp>

#include <boost/json/fwd.hpp>

#include <cstdio>
#include <string>
#include <system_error>
#include <vector>

namespace gantryd::app {

/// Text on stdout, at once. What others wrote into it cannot command a terminal.
void print(const std::string& text);

/// Writes out what is buffered for a stream.
void flush(std::FILE* to);

/// Why not all that was told reached stdout; nothing when it did. A pipe that nobody reads any more is
/// `broken_pipe`: who goes on for ever may end then.
std::error_code output_problem();

/// A JSON value on stdout, two spaces, keys sorted.
void print_json(const boost::json::value& value);

/// Rows in columns of their widest cell, two spaces between; the first row is the heading.
std::string columns(const std::vector<std::vector<std::string>>& rows);

/// How long ago: "3m 5s".
std::string ago(base::wall_time when);

/// The whole text of a file. Errors as one sentence.
struct file_text {
    std::string text;
    std::string error;  ///< empty when it was read
};
file_text read_file(const std::string& path);

}  // namespace gantryd::app
