// SPDX-License-Identifier: Apache-2.0
#include "s3/mirror.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/file.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>

#include "base/digits.h"
#include "model/repository.h"
#include "os/replace_file.h"
#include "os/system_error.h"
#include "os/unique_fd.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

// Names of ours begin with a dot: repositories leave such folders out.
constexpr const char* kRecords = ".records";
constexpr const char* kIncoming = ".incoming";
constexpr const char* kLock = ".lock";
// The disk is not filled to its last byte.
constexpr std::uint64_t kDiskSpare = std::uint64_t{64} << 20;

// Whether a key's rest may be a path below a version's folder.
bool IsPlainPath(std::string_view path) {
  if (path.empty() || path.size() > 512 || path.front() == '/' || path.back() == '/') return false;
  for (std::string_view rest = path; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, end);
    if (part.empty() || part == "." || part == "..") return false;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return std::ranges::all_of(path, [](char c) {
    return static_cast<unsigned char>(c) >= ' ' && c != '\x7f' && c != '\\';
  });
}

// What stands before the next slash, which goes with it.
std::string_view TakeSegment(std::string_view& path) {
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return segment;
}

// One line a file: what a version's folder was made of.
std::string RecordText(const std::map<std::string, S3Object>& files) {
  std::string text;
  for (const auto& [path, object] : files) {
    text += fmt::format("{} {} {}\n", object.etag, object.bytes, path);
  }
  return text;
}

std::string ReadAll(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

Error CannotWrite(const fs::path& place, const std::error_code& why) {
  return Error{Reason::kUsage, fmt::format("{}: {}; give a folder that can be written to with "
                                           "--model-cache",
                                           place.string(), why.message())};
}

// Servers that share the folder take turns.
Result<UniqueFd> Lock(const fs::path& file) {
  UniqueFd lock(::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644));
  if (!lock || ::flock(lock.get(), LOCK_EX) != 0) {
    return CannotWrite(file, std::error_code(errno, std::generic_category()));
  }
  return lock;
}

}  // namespace

fs::path Mirror::Place(const ModelKey& key) const {
  return options_.folder / key.name / std::to_string(key.version);
}

fs::path Mirror::Record(const ModelKey& key) const {
  return options_.folder / kRecords / key.name / std::to_string(key.version);
}

bool Mirror::HasAny() const { return ReadRepository(options_.folder).has_value(); }

Result<Mirror::Versions> Mirror::Look() {
  const std::string& prefix = options_.source.prefix;
  const std::string root = prefix.empty() ? "" : prefix + '/';
  Versions versions;
  for (S3Object& object : TRY(bucket_.List(root))) {
    if (!object.key.starts_with(root)) continue;
    std::string_view rest = std::string_view(object.key).substr(root.size());
    const std::string name(options_.model.empty() ? TakeSegment(rest)
                                                  : std::string_view(options_.model));
    const auto version = ParseDigits<std::int64_t>(TakeSegment(rest));
    // What is not NAME/VERSION/FILE is somebody else's, or a folder's mark.
    if (!version || !IsModelName(name) || !IsPlainPath(rest)) continue;
    std::string path(rest);
    versions[{name, *version}].emplace(std::move(path), std::move(object));
  }
  if (versions.empty()) {
    return Error{Reason::kNotFound,
                 fmt::format("s3://{}/{} holds no {}VERSION/FILE", options_.source.bucket, prefix,
                             options_.model.empty() ? "NAME/" : "")};
  }
  return versions;
}

void Mirror::KeepWanted(Versions& versions) const {
  VersionPolicy policy = options_.policy;
  if (policy.kind == VersionPolicy::Kind::kLatest) ++policy.latest;
  std::map<std::string, std::vector<Offer>> models;
  for (const auto& [key, files] : versions) models[key.name].push_back({.key = key});
  std::set<ModelKey> wanted;
  for (auto& [name, offers] : models) {
    for (const Offer& offer : ChooseVersions(policy, std::move(offers))) wanted.insert(offer.key);
  }
  std::erase_if(versions, [&wanted](const auto& entry) { return !wanted.contains(entry.first); });
}

Status Mirror::Bring(const ModelKey& key, const Files& files) {
  std::error_code error;
  const fs::path incoming = options_.folder / kIncoming / key.name / std::to_string(key.version);
  fs::remove_all(incoming, error);
  std::uint64_t needed = kDiskSpare;
  for (const auto& [path, object] : files) needed += object.bytes;
  const fs::space_info space = fs::space(options_.folder, error);
  if (!error && space.available < needed) {
    return Error{Reason::kInsufficientResources,
                 fmt::format("{} has {} MiB free, and {} needs {} MiB", options_.folder.string(),
                             space.available >> 20, FormatKey(key), needed >> 20)};
  }
  // Files that have not changed are not brought again.
  const std::string record = ReadAll(Record(key));
  for (const auto& [path, object] : files) {
    const fs::path target = incoming / path;
    fs::create_directories(target.parent_path(), error);
    if (error) return CannotWrite(target.parent_path(), error);
    const std::string line = RecordText({{path, object}});
    if (('\n' + record).find('\n' + line) != std::string::npos) {
      fs::create_hard_link(Place(key) / path, target, error);
      if (!error) continue;
    }
    TRY_DO(bucket_.Fetch(object, target));
  }
  const fs::path place = Place(key);
  fs::create_directories(place.parent_path(), error);
  if (error) return CannotWrite(place.parent_path(), error);
  // A record that is missing costs a download; one that is wrong would cost the new files.
  fs::remove(Record(key), error);
  if (fs::exists(place, error)) {
    if (::renameat2(AT_FDCWD, incoming.c_str(), AT_FDCWD, place.c_str(), RENAME_EXCHANGE) != 0) {
      return SystemError("replace " + place.string(), Reason::kUsage);
    }
    fs::remove_all(incoming, error);
  } else if (::rename(incoming.c_str(), place.c_str()) != 0) {
    return SystemError("place " + place.string(), Reason::kUsage);
  }
  fs::create_directories(Record(key).parent_path(), error);
  if (error) return CannotWrite(Record(key).parent_path(), error);
  return ReplaceFile(Record(key), RecordText(files));
}

// Versions of ours that the bucket does not have any more, or that nobody needs.
std::size_t Mirror::RemoveOthers(const Versions& wanted) {
  std::size_t removed = 0;
  const Result<Catalog> here = ReadRepository(options_.folder);
  if (!here) return 0;
  for (const auto& [name, entries] : here->models) {
    for (const CatalogEntry& entry : entries) {
      std::error_code error;
      if (wanted.contains(entry.key) || !fs::exists(Record(entry.key), error)) continue;
      fs::remove(Record(entry.key), error);
      fs::remove_all(entry.folder, error);
      fs::remove(entry.folder.parent_path(), error);  // If it was the last.
      ++removed;
    }
  }
  return removed;
}

Result<Mirror::Change> Mirror::Refresh() {
  std::error_code error;
  fs::create_directories(options_.folder, error);
  if (error) return CannotWrite(options_.folder, error);
  const UniqueFd lock = TRY(Lock(options_.folder / kLock));
  Versions versions = TRY(Look());
  KeepWanted(versions);
  Change change;
  const std::uint64_t before = bucket_.bytes_received();
  std::optional<Error> failure;
  // The newest first: it is what a server that starts waits for.
  for (auto entry = versions.rbegin(); entry != versions.rend(); ++entry) {
    const auto& [key, files] = *entry;
    if (fs::exists(Place(key), error) && ReadAll(Record(key)) == RecordText(files)) continue;
    const Status brought = Bring(key, files);
    if (brought) {
      ++change.versions;
    } else if (!failure) {
      failure = brought.error();
    }
  }
  if (failure) return *failure;
  change.bytes = bucket_.bytes_received() - before;
  change.gone = RemoveOthers(versions);
  return change;
}

}  // namespace holdfast
