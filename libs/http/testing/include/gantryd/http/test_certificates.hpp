#pragma once
#include <memory>
#include <string>

namespace gantryd::http_testing {

/// A folder under the system's temporary one, removed with everything in it.
class temporary_folder {
public:
    temporary_folder();
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder();

    std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

struct certificate_files {
    std::string certificate;  ///< PEM
    std::string key;          ///< PEM
};

/// Makes certificates for a test. The files live as long as it does.
class test_authority {
public:
    explicit test_authority(const std::string& name);
    test_authority(const test_authority&) = delete;
    test_authority& operator=(const test_authority&) = delete;
    ~test_authority();

    /// The authority's own certificate, PEM.
    std::string ca_file() const;

    /// A certificate signed by this authority. `alternative_names` as OpenSSL's configuration writes them:
    /// "DNS:localhost,IP:127.0.0.1". `name` must be new: it names the files.
    certificate_files issue(const std::string& name, const std::string& alternative_names);

    /// One that nobody but itself vouches for.
    certificate_files self_signed(const std::string& name, const std::string& alternative_names);

private:
    struct keys;
    temporary_folder folder_;
    std::unique_ptr<keys> keys_;
};

}  // namespace gantryd::http_testing
