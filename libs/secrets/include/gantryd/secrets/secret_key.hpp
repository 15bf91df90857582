#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/secrets/secret_text.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace gantryd::secrets {

/// What a sealed value is: it can be opened as nothing else.
struct subject {
    std::string project;
    std::string name;
    std::int64_t version = 0;
};

/// The key of a project's secrets: the 32 bytes of the key file. What it seals and signs is done with keys
/// that HKDF-SHA256 derives from it, one for each use.
class secret_key {
public:
    static constexpr std::size_t size = 32;

    /// Errors: rejected (not 32 bytes).
    static base::result<secret_key> from(secret_text bytes);

    /// `value` sealed by AES-256-GCM with a nonce drawn for this call: the format's version, the key's id,
    /// the nonce, the ciphertext and the tag, in base64. Errors: unavailable (OpenSSL has no randomness to
    /// give).
    base::result<std::string> seal(const subject& what, std::string_view value) const;

    /// Errors: rejected: sealed with another key, of a format that is not known, of another subject, or not
    /// as it was written.
    base::result<secret_text> open(const subject& what, std::string_view sealed) const;

    /// By which a file's value is known again, by whoever has the key: HMAC-SHA256 in hex, 64 digits.
    std::string fingerprint(std::string_view project, std::string_view file, std::string_view value) const;

private:
    explicit secret_key(secret_text bytes) : bytes_(std::move(bytes)) {}

    secret_text bytes_;
};

/// The key in that file: see read_private_file(). Errors: those, and rejected (not 32 bytes), each with what
/// to do about it.
base::result<secret_key> read_key_file(const std::string& path);

}  // namespace gantryd::secrets
