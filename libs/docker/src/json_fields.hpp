#pragma once
#include <gantryd/base/error.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gantryd::docker {

/// Reads members of a JSON object that another program wrote, across its versions: a member that is missing
/// or null has its default value, one of another type is a fault. The first fault is kept; ask once at the
/// end.
class json_fields {
public:
    /// `what` names the object in the sentence about a fault. `of` and `fault` must outlive the reader.
    json_fields(const boost::json::value& of, std::string what, std::string& fault);

    std::string text(std::string_view key);
    std::int64_t number(std::string_view key);
    bool flag(std::string_view key);
    std::vector<std::string> texts(std::string_view key);
    std::map<std::string, std::string> text_map(std::string_view key);
    /// An empty object when it is missing.
    json_fields object(std::string_view key);
    /// The members of an object that are objects themselves, in their order.
    std::vector<std::pair<std::string, json_fields>> objects();

private:
    json_fields(const boost::json::object* of, std::string what, std::string& fault);
    const boost::json::value* find(std::string_view key) const;
    void report(std::string_view key, std::string_view expected);

    const boost::json::object* of_;
    std::string what_;
    std::string* fault_;
};

/// Errors: malformed.
base::result<boost::json::value> parse_json(std::string_view bytes, std::string_view what);

}  // namespace gantryd::docker
