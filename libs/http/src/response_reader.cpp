#include <gantryd/http/exchange.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <limits>
#include <span>

namespace asio = boost::asio;
namespace beast = boost::beast;

namespace gantryd::http {
namespace {

using base::errc;
using base::fail;
using base::result;
using parser = beast::http::response_parser<beast::http::buffer_body>;

constexpr std::size_t most_header_bytes = 64UL * 1024;  ///< interim responses included
constexpr std::size_t read_size = 16UL * 1024;
/// The shortest chunked body, "0\r\n\r\n". Beast's parser asserts that it sees no less of a last chunk.
constexpr std::size_t shortest_chunked_body = 5;

constexpr std::string_view http_1 = "HTTP/1.";
constexpr std::string_view cut_short = "the peer closed the connection in the middle of a response";

std::unexpected<base::error> not_http(const beast::error_code& why)
{
    return fail(errc::malformed, "the answer is no valid HTTP: " + why.message());
}

response header_of(const parser& from)
{
    response out;
    out.status = static_cast<int>(from.get().result_int());
    const std::string_view reason = from.get().reason();
    const bool is_placeholder = reason == beast::http::obsolete_reason(beast::http::status::unknown);
    out.reason = is_placeholder ? std::string() : std::string(reason);
    for (const auto& field : from.get().base())
        out.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    return out;
}

}  // namespace

/// Beast's parser as a codec between the bytes that came and those that the caller gets. It does no I/O.
struct response_reader::state {
    state(byte_stream& from, bool head) : stream(from), head_request(head) { expect_a_response(); }

    void expect_a_response()
    {
        at_start = true;
        decoder = std::make_unique<parser>();
        decoder->skip(head_request);
        decoder->body_limit(boost::none);
        // Beast counts what it has not consumed yet, so its limit depends on how the bytes come in: ours
        // counts.
        decoder->header_limit(std::numeric_limits<std::uint32_t>::max());
    }

    /// More bytes into `pending`; false at the end of the stream.
    asio::awaitable<result<bool>> receive()
    {
        const auto before = pending.size();
        pending.resize(before + read_size);
        const auto room = std::span(pending).subspan(before);
        auto got = co_await stream.read_some(room);
        pending.resize(before + got.value_or(0));
        if (!got)
            co_return std::unexpected(got.error());
        co_return *got > 0;
    }

    /// True once the header of a response that is not an interim one is complete.
    result<bool> decode_header()
    {
        for (;;) {
            // Beast's parser waits for the end of a header whose first bytes are wrong, and a peer that
            // speaks another protocol may never send it.
            if (at_start && !http_1.starts_with(pending.substr(0, http_1.size())))
                return fail(errc::malformed, "the answer is no HTTP/1");
            beast::error_code ec;
            const auto used = decoder->put(asio::buffer(pending), ec);
            pending.erase(0, used);
            header_bytes += used;
            at_start = at_start && used == 0;
            const bool complete = decoder->is_header_done();
            if (header_bytes + (complete ? 0 : pending.size()) > most_header_bytes)
                return fail(errc::limit_exceeded, "the header of the response is longer than 64 KiB");
            if (ec && ec != beast::http::error::need_more)
                return not_http(ec);
            if (!complete)
                return false;
            const auto status = decoder->get().result_int();
            if (status >= 200)
                break;
            if (status < 100 || status == 101)
                return fail(errc::malformed, "unexpected status " + std::to_string(status));
            expect_a_response();
        }
        decoder->eager(true);
        if (decoder->chunked())
            least_to_decode = shortest_chunked_body;
        return true;
    }

    /// The bytes of the body that are in `pending`; may be none.
    result<std::string> decode_body()
    {
        std::string out(pending.size(), '\0');
        auto& body = decoder->get().body();
        body.data = out.data();
        body.size = out.size();
        beast::error_code ec;
        const auto used = decoder->put(asio::buffer(pending), ec);
        out.resize(out.size() - body.size);
        pending.erase(0, used);
        least_to_decode = 1;
        if (ec && ec != beast::http::error::need_more && ec != beast::http::error::need_buffer)
            return not_http(ec);
        if (pending.size() > most_header_bytes)
            return fail(errc::malformed, "a chunk's header or the trailers are longer than 64 KiB");
        return out;
    }

    byte_stream& stream;
    bool head_request;
    std::unique_ptr<parser> decoder;
    std::string pending;   ///< received, not decoded yet
    bool at_start = true;  ///< no byte of the response is decoded yet
    std::size_t header_bytes = 0;
    std::size_t least_to_decode = 1;
};

response_reader::response_reader(byte_stream& stream, bool head_request)
    : state_(std::make_unique<state>(stream, head_request))
{
}

response_reader::~response_reader() = default;

asio::awaitable<result<response>> response_reader::read_header()
{
    auto& s = *state_;
    for (;;) {
        auto more = co_await s.receive();
        if (!more)
            co_return std::unexpected(more.error());
        if (!*more) {
            const bool silent = s.header_bytes == 0 && s.pending.empty();
            co_return fail(errc::unavailable,
                silent ? "the peer closed the connection without an answer" : std::string(cut_short));
        }
        auto complete = s.decode_header();
        if (!complete)
            co_return std::unexpected(complete.error());
        if (*complete)
            co_return header_of(*s.decoder);
    }
}

asio::awaitable<result<std::string>> response_reader::read_body()
{
    auto& s = *state_;
    for (;;) {
        if (s.decoder->is_done())
            co_return std::string();
        if (s.pending.size() >= s.least_to_decode) {
            auto bytes = s.decode_body();
            if (!bytes || !bytes->empty())
                co_return bytes;
            if (s.decoder->is_done())
                co_return std::string();
        }
        auto more = co_await s.receive();
        if (!more)
            co_return std::unexpected(more.error());
        if (*more)
            continue;
        beast::error_code ec;
        s.decoder->put_eof(ec);
        if (ec)
            co_return fail(errc::unavailable, std::string(cut_short));
    }
}

}  // namespace gantryd::http
