#include <gantryd/http/test_certificates.hpp>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>

namespace gantryd::http_testing {
namespace {

template <auto Free>
struct freed {
    template <class T>
    void operator()(T* what) const
    {
        Free(what);
    }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed<X509_free>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, freed<X509_EXTENSION_free>>;
using file_ptr = std::unique_ptr<std::FILE, freed<std::fclose>>;

void require(bool done, const char* what)
{
    if (!done)
        throw std::runtime_error(std::string("test certificates: ") + what);
}

void extend(X509* certificate, int kind, const std::string& value)
{
    X509V3_CTX context{};
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    const extension_ptr extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
    require(extension != nullptr, value.c_str());
    require(X509_add_ext(certificate, extension.get(), -1) == 1, "add extension");
}

certificate_ptr make(
    EVP_PKEY* key, const std::string& name, const std::string& alternative_names, bool authority)
{
    certificate_ptr out(X509_new());
    require(X509_set_version(out.get(), 2) == 1, "version");
    static long serial = 0;
    ASN1_INTEGER_set(X509_get_serialNumber(out.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(out.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(out.get()), 3600);
    X509_set_pubkey(out.get(), key);
    const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(out.get()), "CN", MBSTRING_UTF8, text, -1, -1, 0);
    X509_set_issuer_name(out.get(), X509_get_subject_name(out.get()));
    if (authority)
        extend(out.get(), NID_basic_constraints, "critical,CA:TRUE");
    if (!alternative_names.empty())
        extend(out.get(), NID_subject_alt_name, alternative_names);
    return out;
}

certificate_files save(X509* certificate, EVP_PKEY* key, const std::string& stem)
{
    certificate_files out{stem + ".pem", stem + ".key"};
    const file_ptr certificate_file(std::fopen(out.certificate.c_str(), "w"));
    const file_ptr key_file(std::fopen(out.key.c_str(), "w"));
    require(
        certificate_file && PEM_write_X509(certificate_file.get(), certificate) == 1, "write certificate");
    require(key_file && PEM_write_PrivateKey(key_file.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "write key");
    std::filesystem::permissions(
        out.key, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return out;
}

}  // namespace

struct test_authority::keys {
    key_ptr key{EVP_EC_gen("P-256")};
    certificate_ptr certificate;
};

test_authority::test_authority(const std::string& name) : keys_(std::make_unique<keys>())
{
    keys_->certificate = make(keys_->key.get(), name, "", true);
    require(X509_sign(keys_->certificate.get(), keys_->key.get(), EVP_sha256()) > 0, "sign");
    save(keys_->certificate.get(), keys_->key.get(), folder_ / "ca");
}

test_authority::~test_authority() = default;

std::string test_authority::ca_file() const { return folder_ / "ca.pem"; }

certificate_files test_authority::issue(const std::string& name, const std::string& alternative_names)
{
    const key_ptr key(EVP_EC_gen("P-256"));
    const auto certificate = make(key.get(), name, alternative_names, false);
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(keys_->certificate.get()));
    require(X509_sign(certificate.get(), keys_->key.get(), EVP_sha256()) > 0, "sign");
    return save(certificate.get(), key.get(), folder_ / name);
}

certificate_files test_authority::self_signed(const std::string& name, const std::string& alternative_names)
{
    const key_ptr key(EVP_EC_gen("P-256"));
    const auto certificate = make(key.get(), name, alternative_names, false);
    require(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0, "sign");
    return save(certificate.get(), key.get(), folder_ / name);
}

}  // namespace gantryd::http_testing
