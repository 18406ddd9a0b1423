// SPDX-License-Identifier: Apache-2.0
#include "apps/cache_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace holdfast {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSystemCache = "/var/cache/holdfast";
constexpr const char* kGraphs = ".graphs";  // No bucket's name begins so.

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Result<fs::path> CacheFolder(const ServerConfig& config) {
  if (!config.model_cache.empty()) return config.model_cache;
  std::vector<fs::path> candidates{kSystemCache};
  if (const std::string cache = Variable("XDG_CACHE_HOME"); !cache.empty()) {
    candidates.push_back(fs::path(cache) / "holdfast/models");
  }
  if (const std::string home = Variable("HOME"); !home.empty()) {
    candidates.push_back(fs::path(home) / ".cache/holdfast/models");
  }
  for (const fs::path& candidate : candidates) {
    std::error_code error;
    fs::create_directories(candidate, error);
    if (::access(candidate.c_str(), W_OK) == 0) return candidate;
  }
  return Error{Reason::kUsage,
               fmt::format("neither {} nor a folder in the user's home can be written to; give one "
                           "with --model-cache",
                           kSystemCache)};
}

Result<fs::path> GraphCacheFolder(const ServerConfig& config) {
  const fs::path folder = fs::absolute(TRY(CacheFolder(config))) / kGraphs;
  std::error_code failed;
  fs::create_directories(folder, failed);
  struct stat status {};
  if (failed || ::access(folder.c_str(), W_OK) != 0 || ::stat(folder.c_str(), &status) != 0) {
    return Error{Reason::kUsage, fmt::format("{} cannot be written to", folder.string())};
  }
  const bool shared = (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  if (shared || status.st_uid != ::geteuid()) {
    return Error{Reason::kUsage, fmt::format("{} must be this user's, and writable by nobody else",
                                             folder.string())};
  }
  return folder;
}

}  // namespace holdfast
