#pragma once
#include <fmt/format.h>

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace gantryd::base {

enum class log_level { debug, info, warning, error };

/// "debug", "info", "warning", "error".
std::string_view text_of(log_level level) noexcept;

/// One key=value pair of a log line. Numbers and booleans stay bare in JSON.
class log_field {
public:
    template <class T>
    log_field(std::string_view key, const T& value)
        : key_(key),
          value_(fmt::format("{}", value)),
          bare_(std::is_arithmetic_v<T>)
    {
    }
    std::string_view key() const noexcept { return key_; }
    const std::string& value() const noexcept { return value_; }
    bool bare() const noexcept { return bare_; }

private:
    std::string_view key_;  // always a literal
    std::string value_;
    bool bare_;
};

/// Where log lines go. Tests keep them in a vector; the programs write to stderr as text or JSON.
class log_sink {
public:
    virtual ~log_sink() = default;
    virtual void write(log_level level, std::string_view what, std::span<const log_field> fields) = 0;
};

/// A constant sentence plus fields, written when something changed, not when something was looked at.
class logger {
public:
    logger(log_sink& to, log_level threshold) : to_(&to), threshold_(threshold) {}

    void debug(std::string_view what, std::initializer_list<log_field> fields = {}) const
    {
        put(log_level::debug, what, fields);
    }
    void info(std::string_view what, std::initializer_list<log_field> fields = {}) const
    {
        put(log_level::info, what, fields);
    }
    void warning(std::string_view what, std::initializer_list<log_field> fields = {}) const
    {
        put(log_level::warning, what, fields);
    }
    void error(std::string_view what, std::initializer_list<log_field> fields = {}) const
    {
        put(log_level::error, what, fields);
    }

private:
    void put(log_level level, std::string_view what, std::initializer_list<log_field> fields) const;
    log_sink* to_;
    log_level threshold_;
};

/// The text form: "instance drained component=web took_ms=412". Values with spaces, quotes or control
/// characters are quoted and escaped, so that one event is one line.
std::string as_text(std::string_view what, std::span<const log_field> fields);

}  // namespace gantryd::base
