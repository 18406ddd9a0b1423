// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast {

// What the public ports show of themselves and ask of clients. As files: paths, empty where there
// is none. As contents: PEM text, and lines of keys.
struct PortCredentials {
  std::string certificate;  // The server's, and those between it and its CA.
  std::string key;
  std::string client_ca;  // Not empty: clients must show a certificate of one of these.
  std::string api_keys;   // Not empty: clients must show one of these keys; their hashes.

  bool operator==(const PortCredentials&) const = default;
  bool tls() const { return !certificate.empty(); }
  bool any() const { return tls() || !api_keys.empty(); }
};

// One of them, with the flag that names its file.
struct PortCredential {
  std::string PortCredentials::*member;
  std::string_view name;  // As the messages between our processes have it.
  std::string_view flag;
};
const std::vector<PortCredential>& PortCredentialTable();

// The contents of the files. kNotFound and kBadModel, with flag, file and what to do.
Result<PortCredentials> ReadPortCredentials(const PortCredentials& files);

// For another process. The text holds the key: it travels in sealed memory, and is never logged.
std::string EncodePortCredentials(const PortCredentials& contents);
Result<PortCredentials> DecodePortCredentials(std::string_view json);

}  // namespace holdfast
