// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/version_policy.h"
#include "s3/bucket.h"

namespace holdfast {

// Keeps a folder like a repository in a bucket. Versions appear in the folder whole and at once,
// and are replaced in one step. Only what the policy may need is brought: with "latest:N" the
// newest N and one more, should the newest be broken. What is there already is not brought again.
class Mirror {
 public:
  struct Options {
    S3Url source;
    // The one model whose versions lie at `source`; empty: `source` holds NAME/VERSION/.
    std::string model;
    std::filesystem::path folder;  // Becomes the same, NAME/VERSION/ in either case.
    VersionPolicy policy;
  };
  Mirror(Options options, Bucket& bucket) : options_(std::move(options)), bucket_(bucket) {}

  struct Change {
    std::size_t versions = 0;  // That were brought or replaced.
    std::uint64_t bytes = 0;   // That came over the network.
    std::size_t gone = 0;
  };
  // Looks at the bucket and brings what is new. An error leaves what is in the folder as it is,
  // but for versions that were brought before it. kNotFound: there is no model at the source.
  Result<Change> Refresh();

  // Whether the folder holds anything that could be served.
  bool HasAny() const;

 private:
  // Of a version: its objects by their path inside the version's folder.
  using Files = std::map<std::string, S3Object>;
  using Versions = std::map<ModelKey, Files>;
  Result<Versions> Look();
  void KeepWanted(Versions& versions) const;
  Status Bring(const ModelKey& key, const Files& files);
  std::size_t RemoveOthers(const Versions& wanted);
  std::filesystem::path Place(const ModelKey& key) const;
  std::filesystem::path Record(const ModelKey& key) const;

  Options options_;
  Bucket& bucket_;
};

}  // namespace holdfast
