// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/result.h"
#include "model/servable.h"
#include "model/tuning.h"

namespace holdfast {

// Which engine loads a servable here, and what `holdfast tune` said about it.
struct EngineChoice {
  Backend* backend = nullptr;
  std::uint32_t workers = 0;  // So many are enough on this host; 0: nobody has measured.
  std::string why;            // For people, where there is a tuned.toml; else empty.
};

// The engine that model.toml names. Where it names none, the one that was measured to be the
// fastest on a host like this one; else the first that reads the file. Errors as SelectBackend()'s.
// A tuned.toml that cannot be read, or has nothing for this host, is told in `why` and changes
// nothing.
Result<EngineChoice> ChooseEngine(const Servable& servable, std::span<Backend* const> backends);

// All engines that may load it, the first choice first: the named one, or all that read the file.
std::vector<Backend*> EnginesFor(const Servable& servable, std::span<Backend* const> backends);

// "onnxruntime 1.28.0".
std::string NameAndVersion(const Backend& backend);

// What a measurement of these engines on this host holds for. Hashes the model's file, unless
// model.toml has its digest, which a load has compared. Errors as Sha256OfFile()'s.
Result<TuningKey> KeyOf(const Servable& servable, std::span<Backend* const> engines);

}  // namespace holdfast
