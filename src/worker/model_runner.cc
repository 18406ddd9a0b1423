// SPDX-License-Identifier: Apache-2.0
#include "worker/model_runner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "model/words.h"
#include "os/steady_clock.h"
#include "tensor/classification.h"
#include "worker/bare_servable.h"
#include "worker/photo_file.h"

namespace holdfast {
namespace {

constexpr std::size_t kKeptBytesMax = MiB(8);  // Of a picture, for the next one.

std::string FormatSpec(const TensorSpec& spec) {
  return fmt::format("\"{}\" {}{}", spec.name, DTypeName(spec.dtype), FormatShape(spec.shape));
}

// The batch dimension is the server's affair: open or 1, it serves the same.
bool SameItem(const TensorSpec& a, const TensorSpec& b) {
  return a.name == b.name && a.dtype == b.dtype && ItemShape(a) == ItemShape(b);
}

// What does not fit between the graph and what model.toml and the labels say of it.
std::vector<std::string> Misfits(const Servable& servable, const Signature& graph) {
  std::vector<std::string> misfits;
  const ModelConfig& config = servable.config;
  const auto compare = [&](const char* which, const TensorSpec& said, const TensorSpec& is) {
    if (said.name.empty() || SameItem(said, is)) return;
    misfits.push_back(fmt::format("model.toml says the {} is {}, the model has {}", which,
                                  FormatSpec(said), FormatSpec(is)));
  };
  compare("input", config.signature.input, graph.input);
  compare("output", config.signature.output, graph.output);

  const Preprocessing& pipeline = config.preprocessing;
  const std::int64_t height = pipeline.crop_height;
  const std::int64_t width = pipeline.crop_width;
  const Shape given =
      pipeline.layout == Layout::kNchw ? Shape{3, height, width} : Shape{height, width, 3};
  const bool prepares = graph.input.dtype != DType::kString;  // Else the graph does it.
  if (prepares && ItemShape(graph.input) != given) {
    misfits.push_back(fmt::format(
        "preprocessing gives {} a picture (crop {}×{}, layout {}), the model's input is {}",
        FormatShape(given), width, height, WordOf(kLayoutWords, pipeline.layout),
        FormatSpec(graph.input)));
  }

  const std::size_t classes = ElementCount(ItemShape(graph.output)).value_or(0);
  if (!servable.labels.empty() && servable.labels.size() != classes) {
    misfits.push_back(fmt::format("{} has {} labels, the model gives {} classes",
                                  config.labels_file, servable.labels.size(), classes));
  }
  for (const GoldenExample& example : config.golden) {
    if (example.expected_class < classes) continue;
    misfits.push_back(fmt::format("golden class {} of {} is none: the model gives {} classes",
                                  example.expected_class, example.file, classes));
  }
  return misfits;
}

Error BadModel(const Servable& servable, const std::vector<std::string>& faults) {
  return {Reason::kBadModel,
          fmt::format("{}: {}", FormatKey(servable.key), fmt::join(faults, "; "))};
}

}  // namespace

ModelRunner::ModelRunner(Servable servable, std::unique_ptr<Session> session,
                         const EngineChoice& choice, std::optional<KeptGraph> kept_graph,
                         const ImageLimits& limits)
    : servable_(std::move(servable)),
      session_(std::move(session)),
      engine_(NameAndVersion(*choice.backend)),
      tuning_(choice.why),
      tuned_workers_(choice.workers),
      kept_graph_(std::move(kept_graph)),
      threads_after_load_(choice.backend->threads_after_load()),
      classes_(ElementCount(ItemShape(session_->signature().output)).value_or(0)),
      pictures_(session_->pictures()),
      limits_(limits),
      preprocessor_(servable_.config.preprocessing, limits),
      tensor_(pictures_ ? 0 : ElementCount(ItemShape(session_->signature().input)).value_or(0)) {}

Result<ModelRunner> ModelRunner::Load(Servable servable, std::span<Backend* const> backends,
                                      const ImageLimits& limits, const GraphCache* cache) {
  const auto named = [&](Error error) {
    error.message = fmt::format("{}: {}", FormatKey(servable.key), error.message);
    return error;
  };
  const Result<EngineChoice> choice = ChooseEngine(servable, backends);
  std::optional<KeptGraph> kept;
  if (choice && cache != nullptr) kept = cache->Find(servable, *choice->backend);
  const bool known = kept && kept->source_unchanged;
  std::vector<std::string> faults;
  for (const Problem& problem : VerifyDigests(servable, known ? servable.config.file : "")) {
    faults.push_back(problem.where + ' ' + problem.what);
  }
  if (!faults.empty()) return BadModel(servable, faults);
  if (!choice) return named(choice.error());

  if (cache != nullptr && !kept) kept = cache->Make(servable, *choice->backend);
  if (kept && !cache->BeginTrial(*kept)) kept.reset();
  Result<std::unique_ptr<Session>> session =
      kept ? choice->backend->LoadPrepared(kept->folder)
           : choice->backend->Load(servable.folder / servable.config.file);
  if (!session && kept) {
    cache->Discard(*kept);
    return Load(std::move(servable), backends, limits);
  }
  if (!session) return named(std::move(session).error());
  if (!servable.assumptions.empty()) {
    const Status assumed = AssumeFromGraph(**session, servable);
    if (!assumed) return named(assumed.error());
  }
  faults = Misfits(servable, (*session)->signature());
  if (!faults.empty()) return BadModel(servable, faults);
  return ModelRunner(std::move(servable), *std::move(session), *choice, std::move(kept), limits);
}

Status ModelRunner::ClassifyPicture(ByteView encoded, std::span<float> scores) {
  const TimePoint start = Now();
  const Status decoded = DecodeImageInto(encoded, limits_, picture_,
                                         {.fast_jpeg = pictures_->fast_jpeg, .upright = false});
  preprocess_time_ = Now() - start;
  infer_time_ = Duration::zero();
  if (!decoded) return decoded;
  const TimePoint inferring = Now();
  Status status = session_->RunPicture(picture_.rgb, picture_.width, picture_.height, scores);
  infer_time_ = Now() - inferring;
  // One huge photo must not stay in a worker's memory for good.
  if (picture_.rgb.capacity() > kKeptBytesMax) picture_.rgb = {};
  return status;
}

Status ModelRunner::RunSample(std::span<float> scores) {
  if (!pictures_) {
    std::ranges::fill(tensor_, 0.0f);
    return RunTensor(tensor_, scores);
  }
  constexpr std::uint32_t kSide = 256;
  const std::vector<std::uint8_t> gray(std::size_t{3} * kSide * kSide, 128);
  return session_->RunPicture(gray, kSide, kSide, scores);
}

Status ModelRunner::ClassifyImage(ByteView encoded, std::span<float> scores) {
  if (pictures_) return ClassifyPicture(encoded, scores);
  const TimePoint start = Now();
  const Status prepared = preprocessor_.Run(encoded, tensor_);
  preprocess_time_ = Now() - start;
  infer_time_ = Duration::zero();
  if (!prepared) return prepared;
  return Infer(tensor_, scores);
}

Status ModelRunner::RunTensor(std::span<const float> item, std::span<float> scores) {
  preprocess_time_ = infer_time_ = Duration::zero();
  return Infer(item, scores);
}

Status ModelRunner::Infer(std::span<const float> item, std::span<float> scores) {
  if (pictures_) {
    return Error{Reason::kBadRequest, "this model takes encoded images, not tensors"};
  }
  if (item.size() != input_elements() || scores.size() != classes()) {
    return Error{Reason::kBadRequest,
                 fmt::format("an item of {} elements and a row of {} scores were given; the model "
                             "takes {} and gives {}",
                             item.size(), scores.size(), input_elements(), classes())};
  }
  const TimePoint start = Now();
  Status status = session_->Run(item, scores);
  infer_time_ = Now() - start;
  return status;
}

Status ModelRunner::CheckGoldenExample(const GoldenExample& example) {
  const std::vector<std::uint8_t> photo =
      TRY(ReadPhoto(servable_.folder / example.file, kPhotoBytesMax));
  std::vector<float> scores(classes());
  TRY_DO(ClassifyImage(photo, scores));
  if (!AllFinite(scores)) {
    return Error{Reason::kBadModel, "the model gives scores that are not finite numbers"};
  }
  const ClassScore best = TopK(scores, 1).front();
  if (best.index == example.expected_class) return {};
  return Error{Reason::kBadModel, fmt::format("expected {} ({}), the model says {} ({})",
                                              ClassName(servable_.labels, example.expected_class),
                                              example.expected_class,
                                              ClassName(servable_.labels, best.index), best.index)};
}

Status ModelRunner::CheckGolden() {
  std::vector<std::string> faults;
  for (const GoldenExample& example : servable_.config.golden) {
    const Status status = CheckGoldenExample(example);
    if (status) continue;
    if (status.error().reason == Reason::kInsufficientResources) return status;
    faults.push_back(fmt::format("golden example {}: {}", example.file, status.error().message));
  }
  if (!faults.empty()) return BadModel(servable_, faults);
  return {};
}

std::string ClassName(const std::vector<std::string>& labels, std::uint32_t index) {
  return index < labels.size() ? labels[index] : std::to_string(index);
}

}  // namespace holdfast
