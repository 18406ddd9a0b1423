// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "ipc/role_arguments.h"

namespace holdfast {

// Which part of a bucket is kept in which folder.
struct MirrorOptions {
  std::string source;  // "s3://bucket/prefix"; empty: nothing is.
  std::string model;   // Whose versions lie at `source`; empty: `source` is a repository.
  std::string folder;
  std::string policy = "latest:1";  // Which versions are needed, as ParseVersionPolicy() takes it.
  bool operator==(const MirrorOptions&) const = default;
};
void AddArguments(const MirrorOptions& options, RoleArguments& arguments);
Result<MirrorOptions> MirrorOptionsFrom(const RoleArguments& arguments);

// Whether a model's place is one that is mirrored.
inline bool IsRemote(std::string_view place) { return place.starts_with("s3://"); }

}  // namespace holdfast
