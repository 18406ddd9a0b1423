// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace holdfast {

// A sum over bytes as they come.
class Checksum {
 public:
  virtual ~Checksum() = default;
  virtual void Add(ByteView bytes) = 0;
  virtual std::string Base64() = 0;  // Of the sum's bytes, the highest first. Once, at the end.
};

// "crc32", "crc32c", "crc64nvme", "sha1", "sha256" as S3 names them; nothing for another.
std::unique_ptr<Checksum> MakeChecksum(const std::string& algorithm);

// What an answer says of its whole object.
struct ExpectedChecksum {
  std::string algorithm;
  std::string base64;
};
// Out of its headers (lower case): `x-amz-checksum-ALGORITHM`, the one that is quickest to compute.
// Nothing where there is none, or only one that was put together of parts' sums.
std::optional<ExpectedChecksum> ChecksumIn(const std::map<std::string, std::string>& headers);

}  // namespace holdfast
