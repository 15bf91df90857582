#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/base/time.hpp>
#include <gantryd/records/keys.hpp>

#include <boost/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::records::detail {

/// The text as a JSON object. Errors: malformed.
base::result<boost::json::object> parse_object(std::string_view text, std::string_view what);

// A member of an object; the fallback when it is missing or of another type.
std::string string_of(const boost::json::object& from, std::string_view key);
std::optional<std::int64_t> integer_of(const boost::json::object& from, std::string_view key);
bool bool_of(const boost::json::object& from, std::string_view key);
std::optional<base::wall_time> time_of(const boost::json::object& from, std::string_view key);
std::vector<std::string> strings_of(const boost::json::object& from, std::string_view key);
const boost::json::object* object_of(const boost::json::object& from, std::string_view key);
std::vector<const boost::json::object*> objects_of(const boost::json::object& from, std::string_view key);

/// True for a number that a release can have.
constexpr bool is_release(std::int64_t number) noexcept { return number >= 1 && number <= largest_release; }

boost::json::array strings_json(const std::vector<std::string>& from);

}  // namespace gantryd::records::detail
