#pragma once
#include <gantryd/base/temporary_directory.hpp>

#include <memory>
#include <string>

namespace gantryd::http_testing {

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
    base::temporary_directory folder_;
    std::unique_ptr<keys> keys_;
};

}  // namespace gantryd::http_testing
