#include <gantryd/secrets/secret_key.hpp>

#include <gantryd/base/base64.hpp>
#include <gantryd/secrets/private_file.hpp>

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <array>
#include <iterator>
#include <memory>
#include <stdexcept>

namespace gantryd::secrets {
namespace {

using base::errc;
using base::fail;

// A sealed value, byte by byte: format, key's id, nonce, ciphertext (as long as the value), tag.
constexpr char format = 1;
constexpr std::size_t id_size = 8;
constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;
constexpr std::size_t head_size = 1 + id_size;
constexpr std::size_t least_size = head_size + nonce_size + tag_size;

unsigned char* raw(char* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
const unsigned char* raw(std::string_view bytes)
{
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

/// OpenSSL refuses these only when the program or its memory is broken.
void require(bool done, const char* what)
{
    if (!done)
        throw std::runtime_error(std::string("OpenSSL: ") + what);
}

/// HKDF-SHA256 without a salt: the key is random already. `use` keeps what is made for one use from another.
secret_text derive(std::string_view key, std::string_view use, std::size_t size)
{
    const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kdf(
        EVP_KDF_fetch(nullptr, "HKDF", nullptr), EVP_KDF_free);
    require(kdf != nullptr, "no HKDF");
    const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> with(
        EVP_KDF_CTX_new(kdf.get()), EVP_KDF_CTX_free);
    require(with != nullptr, "no HKDF");
    std::string digest = "SHA256";
    std::string info(use);
    secret_text copy(key);  // the parameter is no const pointer
    const std::array parameters{
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), digest.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, copy.bytes().data(), copy.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
        OSSL_PARAM_construct_end()};
    secret_text out(size);
    require(EVP_KDF_derive(with.get(), raw(out.bytes().data()), size, parameters.data()) == 1, "HKDF");
    return out;
}

/// Each text behind its length, so that no two lists of texts read the same.
std::string framed(std::initializer_list<std::string_view> texts)
{
    std::string out;
    for (const auto text : texts)
        out += fmt::format("{}:{}\n", text.size(), text);
    return out;
}

/// What is authenticated beside the value.
std::string bound_to(const subject& what, std::string_view head)
{
    return framed({"gantryd secret", head, what.project, what.name, std::to_string(what.version)});
}

using cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

cipher begin(bool encrypt, std::string_view key, std::string_view nonce, std::string_view bound)
{
    cipher out(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
    require(out != nullptr, "no cipher");
    int length = 0;
    require(
        EVP_CipherInit_ex2(out.get(), EVP_aes_256_gcm(), raw(key), raw(nonce), encrypt ? 1 : 0, nullptr) == 1,
        "AES-256-GCM");
    require(EVP_CipherUpdate(out.get(), nullptr, &length, raw(bound), static_cast<int>(bound.size())) == 1,
        "AES-256-GCM");
    return out;
}

std::unexpected<base::error> unreadable(std::string_view why)
{
    return fail(errc::rejected, std::string(why));
}

}  // namespace

base::result<secret_key> secret_key::from(secret_text bytes)
{
    if (bytes.size() != size)
        return fail(errc::rejected, fmt::format("a key has {} bytes, and this has {}", size, bytes.size()));
    return secret_key(std::move(bytes));
}

base::result<std::string> secret_key::seal(const subject& what, std::string_view value) const
{
    const auto id = derive(bytes_.view(), "gantryd secrets: id", id_size);
    const auto key = derive(bytes_.view(), "gantryd secrets: sealing", size);
    std::string out(1, format);
    out += id.view();
    const auto bound = bound_to(what, out);
    std::string nonce(nonce_size, '\0');
    if (RAND_bytes(raw(nonce.data()), static_cast<int>(nonce.size())) != 1)
        return fail(errc::unavailable, "OpenSSL has no random bytes to give");
    out += nonce;
    const auto at = out.size();
    out.resize(at + value.size() + tag_size);
    const auto with = begin(true, key.view(), nonce, bound);
    int length = 0;
    require(EVP_CipherUpdate(
                with.get(), raw(out.data() + at), &length, raw(value), static_cast<int>(value.size())) == 1,
        "AES-256-GCM");
    require(EVP_CipherFinal_ex(with.get(), raw(out.data() + at + length), &length) == 1, "AES-256-GCM");
    require(
        EVP_CIPHER_CTX_ctrl(with.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, out.data() + at + value.size()) == 1,
        "AES-256-GCM");
    return base::encode_base64(out);
}

base::result<secret_text> secret_key::open(const subject& what, std::string_view sealed) const
{
    auto bytes = base::decode_base64(sealed);
    if (!bytes || bytes->size() <= least_size || bytes->size() > least_size + longest_value)
        return unreadable("what is stored is no sealed value: it is damaged or cut");
    const std::string_view all(*bytes);
    if (all.front() != format)
        return unreadable("it was stored in a format that this gantryd does not know");
    const auto head = all.substr(0, head_size);
    const auto id = derive(bytes_.view(), "gantryd secrets: id", id_size);
    if (head.substr(1) != id.view())
        return unreadable("it was stored with another key file than this machine's");
    const auto key = derive(bytes_.view(), "gantryd secrets: sealing", size);
    const auto nonce = all.substr(head_size, nonce_size);
    const auto hidden = all.substr(head_size + nonce_size, all.size() - least_size);
    const auto with = begin(false, key.view(), nonce, bound_to(what, head));
    secret_text out(hidden.size());
    int length = 0;
    require(EVP_CipherUpdate(with.get(), raw(out.bytes().data()), &length, raw(hidden),
                static_cast<int>(hidden.size())) == 1,
        "AES-256-GCM");
    require(EVP_CIPHER_CTX_ctrl(
                with.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, bytes->data() + bytes->size() - tag_size) == 1,
        "AES-256-GCM");
    std::array<unsigned char, EVP_MAX_BLOCK_LENGTH> rest{};
    if (EVP_CipherFinal_ex(with.get(), rest.data(), &length) != 1)
        return unreadable("what is stored is not what was sealed under this name");
    return out;
}

std::string secret_key::fingerprint(
    std::string_view project, std::string_view file, std::string_view value) const
{
    const auto key = derive(bytes_.view(), "gantryd secrets: fingerprints", size);
    auto text = framed({project, file});
    text.reserve(text.size() + value.size());  // grown, it would leave copies behind
    text += value;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    const bool done = HMAC(EVP_sha256(), key.view().data(), static_cast<int>(key.size()), raw(text),
                          text.size(), digest.data(), &length) != nullptr;
    wipe(text);
    require(done, "HMAC");
    std::string hex;
    for (unsigned int i = 0; i < length; ++i)
        fmt::format_to(std::back_inserter(hex), "{:02x}", digest.at(i));
    return hex;
}

base::result<secret_key> read_key_file(const std::string& path)
{
    auto bytes = read_private_file(path, secret_key::size);
    if (!bytes && bytes.error() == errc::not_found)
        return fail(
            errc::not_found, fmt::format("there is no key file for secrets at {}; the first one is made "
                                         "by `umask 077; openssl rand -out {} {}`",
                                 path, path, secret_key::size));
    if (bytes && bytes->size() == secret_key::size)
        return secret_key::from(std::move(*bytes));
    if (!bytes && bytes.error() != errc::limit_exceeded)
        return fail("key file for secrets", bytes.error());
    return fail(
        errc::rejected, fmt::format("key file for secrets: {} has not {} bytes", path, secret_key::size));
}

}  // namespace gantryd::secrets
