#pragma once
#include <string_view>

/// Whatever comes from outside, given to the code that reads it: no crash, no exception, and what was
/// understood means what it said. Each function takes one input of any kind.
namespace gantryd::fuzz {

void command_line(std::string_view input);
void docker(std::string_view input);
void etcd(std::string_view input);
void haproxy(std::string_view input);
void http(std::string_view input);
void overrides(std::string_view input);
void project_file(std::string_view input);
void records(std::string_view input);

/// Ends the program with the sentence when the promise does not hold.
void require(bool holds, std::string_view promise);

}  // namespace gantryd::fuzz
