#include "../fuzz.hpp"

#include "etcd/src/answers.hpp"
#include "etcd/src/feed.hpp"
#include "etcd/src/refusal.hpp"

#include <gantryd/etcd/etcd_store.hpp>

#include <algorithm>
#include <tuple>

namespace gantryd::fuzz {
namespace {

using namespace gantryd::etcd;

template <class T>
void check(const base::result<T>& read)
{
    if (!read)
        require(read.error() == base::errc::malformed && !read.error().context().empty(),
            "what makes no sense is malformed, with a sentence");
}

void check_words(const base::error& why)
{
    require(
        std::ranges::none_of(why.context(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }) &&
            why.context().size() < 1000,
        "a refusal is one line, safe on a terminal");
}

using told = std::tuple<store::revision, std::string, std::string, bool>;

std::vector<told> told_by(const feed& from)
{
    std::vector<told> out;
    for (const auto& one : from.after(from.begin()))
        out.emplace_back(one.pair.modified, one.pair.key, one.pair.value, one.erased);
    return out;
}

/// A watch of everything from revision 5 on, to which each line is a record.
void follow(std::string_view input)
{
    feed out("", store::revision{5});
    auto before = out.at();
    while (!input.empty()) {
        const auto end = input.find('\n');
        auto frame = decode_watch_frame(input.substr(0, end));
        input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
        check(frame);
        if (!frame)
            continue;
        if (frame->stream_ended) {
            check_words(as_error(*frame->stream_ended));
            out.restart();
            continue;
        }
        (void)asks_for_login(frame->reason);
        auto repeated = frame->changes;
        if (!out.take(std::move(frame->changes), frame->is_fragment))
            return;
        require(out.at() >= before, "a watch goes forward");
        before = out.at();
        if (!frame->is_fragment) {
            const auto all = told_by(out);
            require(out.take(std::move(repeated), false) && told_by(out) == all,
                "what etcd repeats is passed over");
        }
    }
    const auto all = out.after(store::revision{5});
    require(std::ranges::is_sorted(all, {}, [](const store::change& c) { return c.pair.modified; }) &&
                std::ranges::all_of(
                    all, [](const store::change& c) { return c.pair.modified > store::revision{5}; }),
        "changes are in their order, and new");
    require(out.after(out.at()).empty(), "who has everything gets nothing");
}

void read_answers(std::string_view input)
{
    check(decode_range(input));
    check(decode_commit(input));
    check(decode_grant(input));
    check(decode_keep_alive(input));
    const auto audit = decode_audit(input);
    check(audit);
    if (audit)
        for (const auto& part : audit->parts) {
            feed of("", store::revision{});
            (void)of.agrees(audit->from.at, part);
            of.settle(audit->from.at, part);
            (void)of.agrees(audit->from.at, part);
        }
    const auto token = decode_token(input);
    check(token);
    if (token)
        require(token->find_first_of("\r\n") == std::string::npos && !token->empty(),
            "a token cannot break a request");
    for (const int status : {400, 401, 503}) {
        const auto refused = decode_refusal(status, input);
        (void)verdict_on(refused);
        check_words(as_error(refused));
    }
}

}  // namespace

/// Answers of etcd's gateway, records of a watch, and the endpoints of an environment.
void etcd(std::string_view input)
{
    read_answers(input);
    follow(input);
    const auto given = [&](const char* name) {
        return std::string_view(name) == "ETCDCTL_USER" ? std::string(input) : std::string();
    };
    for (const auto& said : {parse_options(input, 2379, [](const char*) { return std::string(); }),
             parse_options("a", 2379, given)}) {
        if (!said) {
            check_words(said.error());
            continue;
        }
        require(!said->endpoints.empty(), "there is an endpoint");
        for (const auto& one : said->endpoints)
            require(
                !one.host.empty() && one.port != 0 && one.host.find_first_of("\r\n /@") == std::string::npos,
                "an endpoint is a host and a port");
    }
}

}  // namespace gantryd::fuzz
