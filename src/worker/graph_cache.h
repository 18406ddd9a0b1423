// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/servable.h"

namespace holdfast {

class Backend;

// A graph as an engine optimised it for this processor, in a folder of its own.
struct KeptGraph {
  struct File {
    std::string name;
    std::uint64_t size = 0;
    std::string sha256;
    bool operator==(const File&) const = default;
  };
  std::filesystem::path folder;
  std::vector<File> files;
  // The model's file has the size and the time of change that it had when the graph was made, so
  // its digest need not be computed again.
  bool source_unchanged = false;
  bool made_now = false;  // By this process, from a model whose digests it had verified.
};

// Optimised graphs of packed models, kept from one start to the next. An entry stands for a model
// file's digest, an engine's version and a processor's features; another of these is another entry.
// What is kept is a copy: every entry may be removed at any time, and is made anew.
class GraphCache {
 public:
  // More are not kept: the ones used longest ago go first.
  static constexpr std::size_t kEntriesMax = 64;

  // `folder` exists and only its owner, who is this process's user, writes to it.
  explicit GraphCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // The entry of `servable`, sealed and whole as far as sizes and the digests of small files tell;
  // Verify() compares the rest. An entry that is not is removed. Nothing for a model whose file has
  // no digest in model.toml.
  std::optional<KeptGraph> Find(const Servable& servable, Backend& backend) const;

  // Compares the digests of all files. kBadModel names one that differs.
  static Status Verify(const KeptGraph& kept);

  // Makes the entry of `servable`, whose digests have been verified, in a child process: what may
  // kill it there, or last too long, costs an entry and no more. Nothing when there is none to be
  // had; the reason is then told on stderr, unless it lies in the model or the engine.
  std::optional<KeptGraph> Make(const Servable& servable, Backend& backend) const;

  // A process that uses an entry says so before and after the first inference. One that never came
  // to the second has most likely died of the entry: for a minute the others do without it, and
  // then it is removed. False: do without it now.
  bool BeginTrial(const KeptGraph& kept) const;
  void EndTrial(const KeptGraph& kept) const;

  // Whoever has it loaded keeps what is mapped.
  void Discard(const KeptGraph& kept) const;

 private:
  std::filesystem::path EntryOf(const Servable& servable, Backend& backend) const;
  void Prune() const;

  std::filesystem::path folder_;
};

}  // namespace holdfast
