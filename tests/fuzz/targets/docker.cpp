#include "../fuzz.hpp"

#include "docker/src/credentials.hpp"
#include "docker/src/decode.hpp"
#include "docker/src/frames.hpp"
#include "docker/src/image_reference.hpp"
#include "docker/src/log_lines.hpp"
#include "docker/src/pull_progress.hpp"
#include "docker/src/refusal.hpp"
#include "docker/src/text.hpp"
#include "docker/src/timestamp.hpp"

#include <gantryd/docker/client.hpp>

#include <algorithm>

namespace gantryd::fuzz {
namespace {

using namespace gantryd::docker;

bool is_one_clean_line(std::string_view text)
{
    return std::ranges::none_of(text,
               [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; }) &&
           text.size() <= 4000 && !text.contains("\xC2\x9B");
}

template <class T>
void check(const base::result<T>& read)
{
    if (!read)
        require(read.error() == base::errc::malformed && !read.error().context().empty(),
            "what makes no sense is malformed, with a sentence");
}

void read_answers(std::string_view input)
{
    check(decode_version(input));
    check(decode_info(input));
    const auto all = decode_containers(input);
    check(all);
    if (all)
        for (const auto& one : *all)
            require(!one.id.empty() && is_one_clean_line(one.status_text),
                "a container has an id and clean words");
    const auto details = decode_container(input);
    check(details);
    if (details)
        require(!details->id.empty() && is_one_clean_line(details->error),
            "a container has an id and clean words");
    check(decode_has_terminal(input));
    check(decode_created(input));
    check(decode_wait(input));
    check(decode_exec_exit(input));
    check(decode_image(input));
    const auto event = decode_event(input);
    check(event);
    if (event)
        require(!event->action.empty() && !event->id.empty(), "an event says what happened to whom");
    const auto step = decode_pull_step(input);
    check(step);
    if (step)
        require(is_one_clean_line(step->line) && is_one_clean_line(step->error.value_or("")),
            "progress is clean");
    for (const int status : {200, 404, 409, 500})
        require(is_one_clean_line(as_error(status, input).context()), "a refusal is one clean line");
}

std::vector<std::string> lines_of(std::string_view bytes, std::size_t piece)
{
    frame_splitter frames;
    log_lines lines(20);
    const auto keep = [&](output_stream from, std::string_view payload) { lines.feed(from, payload); };
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        if (!frames.feed(bytes.substr(at, piece), keep))
            break;
    return lines.take();
}

void read_streams(std::string_view input)
{
    const auto lines = lines_of(input, std::max<std::size_t>(input.size(), 1));
    require(lines == lines_of(input, 1), "lines are the same however frames are cut");
    require(lines.size() <= 20 && std::ranges::all_of(lines, is_one_clean_line), "lines are few and clean");
    const auto clean = clean_line(input, 300);
    require(is_one_clean_line(clean) && clean_line(clean, 300) == clean, "what is clean stays as it is");
}

void read_words(std::string_view input)
{
    if (const auto image = parse_image_reference(input)) {
        const auto target = pull_target(*image);
        require(std::ranges::all_of(target, [](char c) { return c > ' ' && c < '\x7f'; }),
            "an image's name cannot break a request");
    }
    (void)parse_timestamp(input);
    const auto where = endpoint_from_environment(
        [&](const char* name) { return std::string(name) == "DOCKER_HOST" ? std::string(input) : ""; });
    if (where)
        require(where->transport == endpoint::kind::unix_socket
                    ? where->address.starts_with('/') || input.empty()
                    : where->port != 0,
            "an engine is somewhere");
    const auto source = find_login(input, "registry.example:5000");
    check(source);
    if (source && source->login) {
        const auto header = encode_registry_auth(*source->login);
        require(header.find_first_of("\r\n") == std::string::npos, "a login cannot break a request");
        const auto hidden = hide_secrets(std::string(input.substr(0, 200)), *source->login);
        require(source->login->password.size() < 4 || !hidden.contains(source->login->password),
            "secrets are hidden");
    }
    check(decode_helper_output(input));
}

}  // namespace

/// An answer of the engine, a line of its events, a container's output, a config file of the CLI.
void docker(std::string_view input)
{
    read_answers(input);
    read_streams(input);
    read_words(input);
}

}  // namespace gantryd::fuzz
