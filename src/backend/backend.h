// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

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
};

}  // namespace holdfast
