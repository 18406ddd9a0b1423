// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>

#include "model/model_config.h"
#include "model/toml_text.h"
#include "model/words.h"

namespace holdfast {
namespace {

std::string FormatSpec(const TensorSpec& spec) {
  return fmt::format("{{ name = {}, dtype = {}, shape = [{}] }}", QuotedToml(spec.name),
                     QuotedToml(DTypeName(spec.dtype)), fmt::join(spec.shape, ", "));
}

std::string FormatPreprocessing(const Preprocessing& p) {
  return fmt::format(
      "\n# How a picture becomes the input: tensor = (pixel * scale - mean) / deviation.\n"
      "[preprocessing]\n"
      "geometry = \"{}\"  # resize-then-crop, crop-then-resize or stretch\n"
      "filter = \"{}\"  # bilinear or bicubic, antialiased as Pillow's\n"
      "resize = {}  # short side in pixels; resize-then-crop only\n"
      "crop = [{}, {}]  # width, height\n"
      "order = \"{}\"\n"
      "layout = \"{}\"\n"
      "scale = {}\n"
      "mean = [{}]\n"
      "deviation = [{}]\n",
      WordOf(kGeometryWords, p.geometry), WordOf(kFilterWords, p.filter), p.resize_side,
      p.crop_width, p.crop_height, WordOf(kOrderWords, p.order), WordOf(kLayoutWords, p.layout),
      p.scale, fmt::join(p.mean, ", "), fmt::join(p.deviation, ", "));
}

}  // namespace

std::string FormatModelConfig(const ModelConfig& config) {
  std::string text = fmt::format("engine = {}  # auto, onnxruntime, openvino or fake\nfile = {}\n",
                                 QuotedToml(config.engine), QuotedToml(config.file));
  if (!config.labels_file.empty()) {
    text += fmt::format("labels = {}  # one a line, in the order of the classes\n",
                        QuotedToml(config.labels_file));
  }
  if (!config.description.empty()) {
    text += fmt::format("description = {}\n", QuotedToml(config.description));
  }
  text += fmt::format(
      "output = \"{}\"  # logits (softmax is applied) or probabilities (they are not touched)\n",
      WordOf(kOutputWords, config.output));
  text += FormatPreprocessing(config.preprocessing);

  const Signature& signature = config.signature;
  if (!signature.input.name.empty() || !signature.output.name.empty()) text += "\n[signature]\n";
  if (!signature.input.name.empty()) {
    text += fmt::format("input = {}\n", FormatSpec(signature.input));
  }
  if (!signature.output.name.empty()) {
    text += fmt::format("output = {}\n", FormatSpec(signature.output));
  }
  for (const GoldenExample& example : config.golden) {
    text += fmt::format("\n[[golden]]\nfile = {}\nclass = {}\n", QuotedToml(example.file),
                        example.expected_class);
  }
  if (!config.sha256.empty()) text += "\n[sha256]\n";
  for (const auto& [file, digest] : config.sha256) {
    text += fmt::format("{} = {}\n", QuotedToml(file), QuotedToml(digest));
  }
  return text;
}

}  // namespace holdfast
