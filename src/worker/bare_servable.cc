// SPDX-License-Identifier: Apache-2.0
#include "worker/bare_servable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "model/words.h"

namespace holdfast {
namespace {

constexpr double kSumTolerance = 1e-3;  // Float32 softmax over many classes misses 1 by less.
constexpr std::int64_t kSideMax = 4096;

// Fits the preprocessing to an input [N,3,height,width] or [N,height,width,3]. Others stay as they
// are: what does not fit is said when graph and preprocessing are compared.
void FitPreprocessing(const TensorSpec& input, Preprocessing& pipeline) {
  const Shape& shape = input.shape;
  if ((shape[1] == 3) != (shape[3] == 3)) {
    pipeline.layout = shape[1] == 3 ? Layout::kNchw : Layout::kNhwc;
  }
  const bool channels_first = pipeline.layout == Layout::kNchw;
  const std::int64_t height = channels_first ? shape[2] : shape[1];
  const std::int64_t width = channels_first ? shape[3] : shape[2];
  if (std::max(height, width) > kSideMax) return;
  pipeline.crop_height = static_cast<std::uint32_t>(height);
  pipeline.crop_width = static_cast<std::uint32_t>(width);
  // As 256 is to 224.
  pipeline.resize_side =
      static_cast<std::uint32_t>(std::min(std::max(height, width) * 8 / 7, kSideMax));
  if (input.dtype != DType::kUint8) return;
  pipeline.scale = 1;
  pipeline.mean = {0, 0, 0};
  pipeline.deviation = {1, 1, 1};
}

bool AreProbabilities(const std::vector<float>& scores) {
  const double sum = std::accumulate(scores.begin(), scores.end(), 0.0);
  const bool negative = std::any_of(scores.begin(), scores.end(), [](float s) { return s < 0; });
  return !negative && std::abs(sum - 1) < kSumTolerance;
}

Result<OutputKind> DetectOutputOfPictures(Session& session) {
  constexpr std::uint32_t kSide = 64;
  std::vector<std::uint8_t> rgb(std::size_t{3} * kSide * kSide);
  std::vector<float> scores(ElementCount(ItemShape(session.signature().output)).value_or(0));
  std::mt19937 random(1);
  for (const std::uint32_t levels : {1u, 64u, 256u}) {
    for (std::uint8_t& value : rgb) value = static_cast<std::uint8_t>(random() % levels);
    TRY_DO(session.RunPicture(rgb, kSide, kSide, scores));
    if (!AreProbabilities(scores)) return OutputKind::kLogits;
  }
  return OutputKind::kProbabilities;
}

}  // namespace

Result<OutputKind> DetectOutput(Session& session) {
  const Signature& signature = session.signature();
  if (session.pictures()) return DetectOutputOfPictures(session);
  std::vector<float> item(ElementCount(ItemShape(signature.input)).value_or(0));
  std::vector<float> scores(ElementCount(ItemShape(signature.output)).value_or(0));
  std::mt19937 random(1);
  for (const float spread : {0.0f, 1.0f, 3.0f}) {
    for (float& element : item) {
      element = spread * (static_cast<float>(random() % 2001) / 1000.0f - 1.0f);
    }
    TRY_DO(session.Run(item, scores));
    if (!AreProbabilities(scores)) return OutputKind::kLogits;
  }
  return OutputKind::kProbabilities;
}

Status AssumeFromGraph(Session& session, Servable& servable) {
  const TensorSpec& input = session.signature().input;
  Preprocessing& pipeline = servable.config.preprocessing;
  if (session.pictures()) {
    servable.assumptions.push_back("the graph takes encoded images and prepares them itself");
  } else {
    FitPreprocessing(input, pipeline);
    servable.assumptions.push_back(fmt::format(
        "preprocessing is torchvision's, in the size of the model's input: short side to {} "
        "bilinear, centre crop {}×{}, RGB, {}, {}",
        pipeline.resize_side, pipeline.crop_width, pipeline.crop_height,
        WordOf(kLayoutWords, pipeline.layout),
        input.dtype == DType::kUint8 ? "pixels as they are"
                                     : "1/255, ImageNet mean and deviation"));
  }
  servable.config.output = TRY(DetectOutput(session));
  servable.assumptions.push_back(
      servable.config.output == OutputKind::kLogits
          ? "the outputs are logits, as they do not sum to one on three trial inputs: softmax is "
            "applied"
          : "the outputs are probabilities, as they sum to one on three trial inputs: they are "
            "given as they are");
  return {};
}

}  // namespace holdfast
