// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "model/model_config.h"
#include "model/model_key.h"
#include "tensor/signature.h"

namespace holdfast {

// What the gateway must know of a servable, as its zygote found it after loading: enough to route,
// check and answer requests without the model, a codec or the model's folder.
struct ServableDescription {
  ModelKey key;
  Signature signature;
  OutputKind output = OutputKind::kLogits;
  std::vector<std::string> labels;  // Empty: classes are named by their number.
  std::string engine;               // "onnxruntime 1.28.0"
  Duration service{0};              // One warm inference with preprocessing.
  std::string tuning;               // What tuned.toml says of this host; empty: there is none.
  std::uint32_t tuned_workers = 0;  // So many are enough on this host; 0: nobody has measured.
  std::uint64_t load_ms = 0;
  // Where the optimised graph came from: "kept" by an earlier start, "made" and kept by this one,
  // or "optimised" for this start alone.
  std::string graph;
  std::uint32_t golden_examples = 0;
  std::uint64_t zygote_bytes = 0;  // What the loaded model holds, once for all its workers.
  std::uint64_t worker_bytes = 0;  // What each worker holds on top, measured after an inference.
  std::vector<std::string> assumptions;
  // A golden example, for the gateway to ask idle workers with; no bytes: there is none.
  std::vector<std::uint8_t> golden_photo;
  std::uint32_t golden_class = 0;
  std::string sandbox_gap;  // What the kernel refuses of a worker's sandbox; empty: nothing.
  bool operator==(const ServableDescription&) const = default;
};

// As JSON, for the shared memory that carries it from zygote to gateway.
std::string EncodeDescription(const ServableDescription& description);
// kBadRequest for anything else.
Result<ServableDescription> DecodeDescription(std::string_view json);

}  // namespace holdfast
