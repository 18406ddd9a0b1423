// SPDX-License-Identifier: Apache-2.0
#include "worker/graph_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <sstream>
#include <system_error>
#include <utility>

#include "backend/backend.h"
#include "base/bytes.h"
#include "model/digest.h"
#include "model/text_file.h"
#include "model/toml_reader.h"
#include "os/unique_fd.h"
#include "worker/engine_choice.h"
#include "worker/staged_folder.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using std::chrono::minutes;

constexpr const char* kSeal = "seal";
constexpr const char* kTrial = "trial";
constexpr std::string_view kFormat = "holdfast-graph 1";
constexpr std::size_t kSealBytesMax = KiB(64);
constexpr std::uint64_t kSmallFile = MiB(4);  // Compared before it is parsed.
constexpr std::size_t kKeyDigits = 32;
constexpr unsigned kMakeSecondsMax = 120;
constexpr minutes kTrialPatience{1};
constexpr minutes kStagedAgeMax{60};  // Older ones belong to nobody who lives.
// The optimised graph is about as large as the model; a disk is never filled for its sake.
constexpr std::uint64_t kFreeSpaceFactor = 3;

// What shows that a file was replaced without reading it.
struct FileStamp {
  std::uint64_t size = 0;
  std::int64_t changed_ns = 0;
  bool operator==(const FileStamp&) const = default;
};

std::optional<FileStamp> StampOf(const fs::path& file) {
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return FileStamp{static_cast<std::uint64_t>(status.st_size),
                   status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec};
}

struct Seal {
  FileStamp source;
  std::vector<KeptGraph::File> files;
};

std::string FormatSeal(const Seal& seal) {
  std::string text =
      fmt::format("{}\nsource {} {}\n", kFormat, seal.source.size, seal.source.changed_ns);
  for (const KeptGraph::File& file : seal.files) {
    text += fmt::format("file {} {} {}\n", file.name, file.size, file.sha256);
  }
  return text + "end\n";
}

std::optional<Seal> ParseSeal(const std::string& text) {
  std::istringstream lines(text);
  std::string word;
  Seal seal;
  if (!std::getline(lines, word) || word != kFormat) return std::nullopt;
  if (!(lines >> word >> seal.source.size >> seal.source.changed_ns) || word != "source") {
    return std::nullopt;
  }
  while (lines >> word && word == "file") {
    KeptGraph::File file;
    if (!(lines >> file.name >> file.size >> file.sha256) || FileNameFault(file.name)) {
      return std::nullopt;
    }
    seal.files.push_back(std::move(file));
  }
  if (word != "end" || seal.files.empty()) return std::nullopt;
  return seal;
}

Result<Seal> SealOf(const fs::path& folder, const FileStamp& source) {
  Seal seal{.source = source, .files = {}};
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, failed)) {
    seal.files.push_back({.name = entry.path().filename().string(),
                          .size = entry.file_size(failed),
                          .sha256 = TRY(Sha256OfFile(entry.path()))});
  }
  if (failed) return Error{Reason::kUsage, failed.message()};
  return seal;
}

// Optimises the graph and seals what came of it.
Status Fill(const StagedFolder& staged, const fs::path& file, const FileStamp& source,
            Backend& backend) {
  TRY_DO(backend.Prepare(file, staged.path()));
  return staged.Write(kSeal, FormatSeal(TRY(SealOf(staged.path(), source))));
}

bool OlderThan(const fs::path& file, minutes age) {
  std::error_code failed;
  const auto changed = fs::last_write_time(file, failed);
  return !failed && fs::file_time_type::clock::now() - changed > age;
}

void Remove(const fs::path& entry) {
  std::error_code ignored;
  fs::remove_all(entry, ignored);
}

void SayNotKept(const Servable& servable, const std::string& why) {
  fmt::print(stderr, "{}: its optimised graph is not kept: {}\n", FormatKey(servable.key), why);
}

}  // namespace

fs::path GraphCache::EntryOf(const Servable& servable, Backend& backend) const {
  if (!servable.config.sha256.contains(servable.config.file)) return {};
  Backend* const engines[] = {&backend};
  const auto key = KeyOf(servable, engines);
  if (!key) return {};
  const std::string text = fmt::format("{}\n{}\n{}\n{}\n{}", kFormat, key->model_sha256,
                                       key->engines, key->cpu, key->features);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  return folder_ / Sha256({bytes, text.size()}).substr(0, kKeyDigits);
}

std::optional<KeptGraph> GraphCache::Find(const Servable& servable, Backend& backend) const {
  const fs::path file = servable.folder / servable.config.file;
  const fs::path entry = EntryOf(servable, backend);
  std::error_code failed;
  if (entry.empty() || !backend.Prepares(file) || !fs::exists(entry, failed)) return std::nullopt;
  const auto text = ReadTextFile(entry / kSeal, kSealBytesMax);
  std::optional<Seal> seal = text ? ParseSeal(*text) : std::nullopt;
  const auto whole = [&entry](const KeptGraph::File& kept) {
    const auto stamp = StampOf(entry / kept.name);
    if (!stamp || stamp->size != kept.size) return false;
    if (kept.size > kSmallFile) return true;
    const auto digest = Sha256OfFile(entry / kept.name);
    return digest && *digest == kept.sha256;
  };
  if (!seal || !std::ranges::all_of(seal->files, whole)) {
    Remove(entry);
    return std::nullopt;
  }
  fs::last_write_time(entry / kSeal, fs::file_time_type::clock::now(), failed);
  return KeptGraph{.folder = entry,
                   .files = std::move(seal->files),
                   .source_unchanged = StampOf(file) == seal->source};
}

Status GraphCache::Verify(const KeptGraph& kept) {
  for (const KeptGraph::File& file : kept.files) {
    const fs::path path = kept.folder / file.name;
    if (TRY(Sha256OfFile(path)) == file.sha256) continue;
    return Error{Reason::kBadModel, fmt::format("{} has changed", path.string())};
  }
  return {};
}

std::optional<KeptGraph> GraphCache::Make(const Servable& servable, Backend& backend) const {
  const fs::path file = servable.folder / servable.config.file;
  const fs::path entry = EntryOf(servable, backend);
  const auto source = StampOf(file);
  if (entry.empty() || !source || !backend.Prepares(file)) return std::nullopt;
  std::error_code failed;
  const fs::space_info space = fs::space(folder_, failed);
  if (failed || space.available < kFreeSpaceFactor * source->size) {
    SayNotKept(servable, fmt::format("{} has no room", folder_.string()));
    return std::nullopt;
  }
  auto staged = StagedFolder::Open(entry);
  if (!staged) {
    SayNotKept(servable, staged.error().message);
    return std::nullopt;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(kMakeSecondsMax);
    const Status filled = Fill(*staged, file, *source, backend);
    const bool of_interest = !filled && filled.error().reason != Reason::kBadModel;
    if (of_interest) SayNotKept(servable, filled.error().message);
    ::_exit(filled ? 0 : 1);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return std::nullopt;
  if (!WIFEXITED(status)) SayNotKept(servable, "the process that made it was killed");
  if (status != 0) return std::nullopt;
  if (const Status kept = staged->Commit(StagedFolder::Existing::kReplace); !kept) {
    SayNotKept(servable, kept.error().message);
    return std::nullopt;
  }
  Prune();
  std::optional<KeptGraph> made = Find(servable, backend);
  if (made) made->made_now = true;
  return made;
}

bool GraphCache::BeginTrial(const KeptGraph& kept) const {
  const fs::path marker = kept.folder / kTrial;
  const UniqueFd made(::open(marker.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  if (made) return true;
  if (OlderThan(marker, kTrialPatience)) Discard(kept);
  return false;
}

void GraphCache::EndTrial(const KeptGraph& kept) const { ::unlink((kept.folder / kTrial).c_str()); }

void GraphCache::Discard(const KeptGraph& kept) const { Remove(kept.folder); }

void GraphCache::Prune() const {
  std::vector<std::pair<fs::file_time_type, fs::path>> entries;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, failed)) {
    std::error_code ignored;
    if (entry.path().filename().string().starts_with('.')) {
      if (OlderThan(entry.path(), kStagedAgeMax)) Remove(entry.path());
      continue;
    }
    entries.emplace_back(fs::last_write_time(entry.path() / kSeal, ignored), entry.path());
  }
  if (entries.size() <= kEntriesMax) return;
  std::ranges::sort(entries);
  const auto excess = static_cast<std::ptrdiff_t>(entries.size() - kEntriesMax);
  for (auto entry = entries.begin(); entry != entries.begin() + excess; ++entry) {
    Remove(entry->second);
  }
}

}  // namespace holdfast
