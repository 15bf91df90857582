#include <gantryd/http/line_splitter.hpp>

namespace gantryd::http {

base::result<void> line_splitter::feed(std::string_view bytes, std::vector<std::string>& out)
{
    while (!bytes.empty()) {
        const auto newline = bytes.find('\n');
        const auto piece = bytes.substr(0, newline);
        if (partial_.size() + piece.size() > max_)
            return base::fail(
                base::errc::limit_exceeded, "a record is longer than " + std::to_string(max_) + " bytes");
        partial_.append(piece);
        if (newline == std::string_view::npos)
            return {};
        bytes.remove_prefix(newline + 1);
        if (partial_.ends_with('\r'))
            partial_.pop_back();
        out.push_back(std::move(partial_));
        partial_.clear();
    }
    return {};
}

}  // namespace gantryd::http
