// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "backend/picture_rules.h"
#include "base/result.h"
#include "tensor/signature.h"

namespace holdfast {

// One loaded graph, batch 1, one thread. Used by one caller at a time.
class Session {
 public:
  virtual ~Session() = default;

  virtual const Signature& signature() const = 0;

  // Runs one item: `input` has the elements of ItemShape(signature().input), `output` those of
  // ItemShape(signature().output). kInternal with the library's own words when it fails,
  // kInsufficientResources when memory ran out.
  virtual Status Run(std::span<const float> input, std::span<float> output) = 0;

  // A graph whose input is encoded images prepares them itself: it is given pictures of any size
  // instead, decoded as it says. Nothing: it takes tensors. With it, signature().input has the type
  // kString, and Run() is not to be called.
  virtual std::optional<PictureRules> pictures() const { return std::nullopt; }
  // `rgb` has 3·width·height bytes, rows from the top. Errors are Run's.
  virtual Status RunPicture(std::span<const std::uint8_t> /*rgb*/, std::uint32_t /*width*/,
                            std::uint32_t /*height*/, std::span<float> /*output*/) {
    return Error{Reason::kInternal, "this graph takes tensors"};
  }
};

// The threads that a library leaves behind when it has loaded a model and nobody calls it. A
// process may fork then, and both sides go on using the session: with kParked as long as each of
// them waits in futex, for a fork copies none of them.
enum class ThreadsAfterLoad { kNone, kParked };

// An adapter to one inference library.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::string_view name() const = 0;  // As model.toml's `engine` spells it.
  virtual std::string version() const = 0;    // The library's.
  virtual ThreadsAfterLoad threads_after_load() const = 0;
  virtual bool Reads(const std::filesystem::path& file) const = 0;

  // Loads `file`. kBadModel with a reason fit for the operator when it is no model that we serve:
  // unreadable, more than one input, an output that is not one row of scores an item.
  virtual Result<std::unique_ptr<Session>> Load(const std::filesystem::path& file) = 0;

  // Whether the engine can write down a graph as it has optimised it for this processor, which is
  // loaded many times as fast and shares its weights with whoever else has it loaded.
  virtual bool Prepares(const std::filesystem::path& /*file*/) const { return false; }
  // Writes the optimised graph of `file` into `folder`, which is empty. kBadModel: the file is no
  // model, one in several files, or the folder cannot be written to.
  virtual Status Prepare(const std::filesystem::path& /*file*/,
                         const std::filesystem::path& /*folder*/) {
    return Error{Reason::kInternal, "this engine prepares no graphs"};
  }
  // Loads what Prepare() wrote, on the same kind of processor and with the same version of the
  // library. Its files must not change as long as the session lives. Errors are Load's.
  virtual Result<std::unique_ptr<Session>> LoadPrepared(const std::filesystem::path& /*folder*/) {
    return Error{Reason::kInternal, "this engine prepares no graphs"};
  }
};

}  // namespace holdfast
