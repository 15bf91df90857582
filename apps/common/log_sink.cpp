#include "common/log_sink.hpp"

#include <gantryd/base/time.hpp>

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <iterator>
#include <string>

namespace gantryd::app {
namespace {

void write_line(const std::string& line)
{
    // One write per line; a reader that went away must not end us.
    (void)std::fwrite(line.data(), 1, line.size(), stderr);
    (void)std::fflush(stderr);
}

class text_sink final : public base::log_sink {
public:
    void write(base::log_level level, std::string_view what, std::span<const base::log_field> fields) override
    {
        write_line(fmt::format("{} {:<7} {}\n", base::rfc3339(std::chrono::system_clock::now()),
            text_of(level), base::as_text(what, fields)));
    }
};

std::string quoted(std::string_view text) { return boost::json::serialize(boost::json::string(text)); }

class json_sink final : public base::log_sink {
public:
    void write(base::log_level level, std::string_view what, std::span<const base::log_field> fields) override
    {
        auto line = fmt::format(R"({{"time":"{}","level":"{}","message":{})",
            base::rfc3339(std::chrono::system_clock::now()), text_of(level), quoted(what));
        for (const auto& field : fields)
            fmt::format_to(std::back_inserter(line), ",{}:{}", quoted(field.key()),
                field.bare() ? field.value() : quoted(field.value()));
        line += "}\n";
        write_line(line);
    }
};

}  // namespace

std::unique_ptr<base::log_sink> make_stderr_sink(std::string_view format)
{
    if (format == "json")
        return std::make_unique<json_sink>();
    return std::make_unique<text_sink>();
}

}  // namespace gantryd::app
