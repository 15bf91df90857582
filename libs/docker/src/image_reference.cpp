#include "image_reference.hpp"

#include <gantryd/docker/engine.hpp>
#include <gantryd/http/exchange.hpp>

namespace gantryd::docker {

base::result<image_reference> parse_image_reference(std::string_view text)
{
    if (text.starts_with("sha256:"))
        return base::fail(base::errc::rejected, "an image's id cannot be pulled, only a name");
    image_reference image;
    auto name = text;
    if (const auto at = name.find('@'); at != std::string_view::npos) {
        image.digest = name.substr(at + 1);
        name = name.substr(0, at);
        if (!image.digest.contains(':'))
            return base::fail(base::errc::rejected, "no digest after the '@'");
    }
    // A colon before the last slash belongs to the registry's port.
    const auto colon = name.rfind(':');
    const auto last_slash = name.rfind('/');
    if (colon != std::string_view::npos && (last_slash == std::string_view::npos || colon > last_slash)) {
        image.tag = name.substr(colon + 1);
        name = name.substr(0, colon);
        if (image.tag.empty())
            return base::fail(base::errc::rejected, "no tag after the ':'");
    }
    if (name.empty() || name.ends_with('/') || name.starts_with('/'))
        return base::fail(base::errc::rejected, "no name of an image");
    if (image.tag.empty() && image.digest.empty())
        image.tag = "latest";

    const auto slash = name.find('/');
    const auto first = name.substr(0, slash);
    const bool is_host = slash != std::string_view::npos &&
                         (first.contains('.') || first.contains(':') || first == "localhost");
    image.registry = is_host ? std::string(first) : "docker.io";
    image.repository = name;
    return image;
}

std::string pull_target(const image_reference& image)
{
    // Without a tag the engine would pull every tag there is.
    if (image.digest.empty())
        return "/images/create?fromImage=" + http::percent_encode(image.repository) +
               "&tag=" + http::percent_encode(image.tag);
    return "/images/create?fromImage=" + http::percent_encode(image.repository + "@" + image.digest);
}

namespace {

/// "nginx" of "docker.io/library/nginx": the shortest name that means the same.
std::string_view familiar(std::string_view repository)
{
    for (const std::string_view prefix : {"docker.io/", "index.docker.io/"})
        if (repository.starts_with(prefix)) {
            repository.remove_prefix(prefix.size());
            break;
        }
    constexpr std::string_view official = "library/";
    if (repository.starts_with(official))
        repository.remove_prefix(official.size());
    return repository;
}

}  // namespace

std::string digest_of(const image_details& image, const std::string& repository)
{
    for (const std::string_view known : image.repo_digests) {
        const auto at = known.find('@');
        if (at != std::string_view::npos && familiar(known.substr(0, at)) == familiar(repository))
            return repository + std::string(known.substr(at));
    }
    return {};
}

}  // namespace gantryd::docker
