#include "common/output.hpp"

#include <gantryd/base/text.hpp>
#include <gantryd/model/component_json.hpp>

#include <boost/json/value.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include <sys/stat.h>

namespace gantryd::app {

namespace {

std::error_code& first_problem()
{
    static std::error_code problem;
    return problem;
}

void write(const std::string& text)
{
    (void)std::fwrite(text.data(), 1, text.size(), stdout);
    flush(stdout);
}

}  // namespace

void flush(std::FILE* to)
{
    errno = 0;
    const bool written = std::fflush(to) == 0 && std::ferror(to) == 0;
    if (to == stdout && !written && !first_problem())
        first_problem() = {errno == 0 ? EIO : errno, std::generic_category()};
}

std::error_code output_problem() { return first_problem(); }

void print(const std::string& text) { write(base::printable(text)); }

void print_json(const boost::json::value& value) { write(model::pretty(value)); }

std::string columns(const std::vector<std::vector<std::string>>& rows)
{
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], row[i].size());
    }
    std::string out;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += row[i];
            if (i + 1 < row.size())
                out.append(widths[i] - row[i].size() + 2, ' ');
        }
        while (out.ends_with(' '))
            out.pop_back();
        out += '\n';
    }
    return out;
}

std::string ago(base::wall_time when)
{
    return base::human(std::chrono::duration_cast<base::duration>(std::chrono::system_clock::now() - when));
}

file_text read_file(const std::string& path)
{
    file_text out;
    struct stat about{};
    std::FILE* file = std::fopen(path.c_str(), "rbe");
    if (file == nullptr || ::fstat(::fileno(file), &about) != 0 || S_ISDIR(about.st_mode)) {
        out.error = path + ": " +
                    (file != nullptr && S_ISDIR(about.st_mode) ? "is a directory"
                                                               : std::generic_category().message(errno));
        if (file != nullptr)
            (void)std::fclose(file);
        return out;
    }
    constexpr std::size_t too_much = 2UL * 1024 * 1024;  // the reader's own limit gives the better sentence
    std::vector<char> buffer(64UL * 1024);
    while (out.text.size() < too_much) {
        const auto n = std::fread(buffer.data(), 1, buffer.size(), file);
        if (n == 0)
            break;
        out.text.append(buffer.data(), n);
    }
    if (std::ferror(file) != 0)
        out.error = path + ": " + std::generic_category().message(errno);
    (void)std::fclose(file);
    return out;
}

}  // namespace gantryd::app
