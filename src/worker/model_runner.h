// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "image/decode.h"
#include "image/limits.h"
#include "image/preprocessor.h"
#include "model/servable.h"
#include "worker/engine_choice.h"
#include "worker/graph_cache.h"

namespace holdfast {

// One loaded servable with its preprocessing: bytes in, a row of scores out. Used by one caller at
// a time; may be forked where the backend allows it.
class ModelRunner {
 public:
  // Verifies the digests, loads the graph and checks that graph, preprocessing, signature, labels
  // and golden examples fit each other: kBadModel names all that does not. The backends must
  // outlive the runner.
  // With a `cache`, a graph that it keeps, or can make, is loaded instead of the file. Whoever
  // gives one ends the trial that this begins; LoadProven() does.
  static Result<ModelRunner> Load(Servable servable, std::span<Backend* const> backends,
                                  const ImageLimits& limits, const GraphCache* cache = nullptr);

  // Decodes, preprocesses and infers one encoded image. `scores` has classes() elements and gets
  // the graph's output as it is: not softmaxed, not validated. Errors are DecodeImage's and
  // Session::Run's.
  Status ClassifyImage(ByteView encoded, std::span<float> scores);

  // Whether items are encoded images alone, which the graph itself brings to its size.
  bool takes_pictures() const { return pictures_.has_value(); }

  // Infers one item that is a tensor already. kBadRequest unless it has input_elements().
  Status RunTensor(std::span<const float> item, std::span<float> scores);

  // Infers an item of no meaning: zeros, or a gray picture. For what must happen before the first
  // real one, and for measurements.
  Status RunSample(std::span<float> scores);

  // Runs every golden example. kBadModel says which one is answered wrongly, and how.
  Status CheckGolden();

  const Servable& servable() const { return servable_; }
  const Signature& signature() const { return session_->signature(); }
  const std::string& engine() const { return engine_; }  // "onnxruntime 1.28.0".
  // What tuned.toml says of this host; see EngineChoice.
  const std::string& tuning() const { return tuning_; }
  std::uint32_t tuned_workers() const { return tuned_workers_; }
  // The graph that was loaded instead of the model's file.
  const std::optional<KeptGraph>& kept_graph() const { return kept_graph_; }
  ThreadsAfterLoad threads_after_load() const { return threads_after_load_; }
  std::size_t input_elements() const { return tensor_.size(); }
  std::size_t classes() const { return classes_; }

  // Of the last item. A tensor is not preprocessed.
  Duration preprocess_time() const { return preprocess_time_; }
  Duration infer_time() const { return infer_time_; }

 private:
  ModelRunner(Servable servable, std::unique_ptr<Session> session, const EngineChoice& choice,
              std::optional<KeptGraph> kept_graph, const ImageLimits& limits);

  Status ClassifyPicture(ByteView encoded, std::span<float> scores);
  Status Infer(std::span<const float> item, std::span<float> scores);
  Status CheckGoldenExample(const GoldenExample& example);

  Servable servable_;
  std::unique_ptr<Session> session_;
  std::string engine_;
  std::string tuning_;
  std::uint32_t tuned_workers_;
  std::optional<KeptGraph> kept_graph_;
  ThreadsAfterLoad threads_after_load_;
  std::size_t classes_;
  std::optional<PictureRules> pictures_;
  ImageLimits limits_;
  Preprocessor preprocessor_;
  Image picture_;
  std::vector<float> tensor_;
  Duration preprocess_time_{};
  Duration infer_time_{};
};

// A class by its label, or by its number where there are no labels.
std::string ClassName(const std::vector<std::string>& labels, std::uint32_t index);

}  // namespace holdfast
