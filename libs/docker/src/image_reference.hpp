#pragma once
#include <gantryd/base/error.hpp>

#include <string>
#include <string_view>

namespace gantryd::docker {

/// "registry.example:5000/team/web:1" or "web@sha256:..", taken apart as Docker does.
struct image_reference {
    std::string registry;    ///< "docker.io" when the text names none
    std::string repository;  ///< registry included as it was written: "registry.example:5000/team/web"
    std::string tag;         ///< "latest" when there is neither tag nor digest
    std::string digest;      ///< "sha256:..", or empty; it wins over the tag
};

/// Errors: rejected (empty, an image's id, or without a repository).
base::result<image_reference> parse_image_reference(std::string_view text);

/// "/images/create?..", the target of a pull.
std::string pull_target(const image_reference& image);

}  // namespace gantryd::docker
