// SPDX-License-Identifier: Apache-2.0
#include "model/model_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/bytes.h"
#include "model/preprocessing_presets.h"
#include "model/toml_reader.h"

namespace holdfast {
namespace {

constexpr TomlReader::Range kSides{1, 4096};
constexpr std::size_t kRankMax = 8;
constexpr std::int64_t kDimMax = 1'000'000;
constexpr std::uint32_t kClassMax = 1'000'000;
constexpr std::size_t kGoldenMax = 64;  // All of them run before a version is ready.
constexpr std::size_t kDigestsMax = 1024;

enum class Engine { kAuto, kOnnxRuntime, kOpenVino, kFake };
constexpr std::array kEngineWords{
    Word<Engine>{"auto", Engine::kAuto}, Word<Engine>{"onnxruntime", Engine::kOnnxRuntime},
    Word<Engine>{"openvino", Engine::kOpenVino}, Word<Engine>{"fake", Engine::kFake}};

constexpr auto MakeDTypeWords() {
  std::array<Word<DType>, static_cast<std::size_t>(DType::kString) + 1> words{};
  for (std::size_t i = 0; i < words.size(); ++i) words[i].value = static_cast<DType>(i);
  return words;
}

void ReadCrop(TomlReader& reader, Preprocessing& pipeline) {
  const toml::node* node = reader.Find("crop");
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  const auto side = [&](std::size_t i) {
    return array->get(i)->value_exact<std::int64_t>().value_or(0);
  };
  const auto fits = [](std::int64_t n) {
    return n >= static_cast<std::int64_t>(kSides.min) && n <= static_cast<std::int64_t>(kSides.max);
  };
  if (array == nullptr || array->size() != 2 || !fits(side(0)) || !fits(side(1))) {
    reader.Complain(*node, "crop",
                    "must be two whole numbers from 1 to 4096: [width, height] in pixels");
    return;
  }
  pipeline.crop_width = static_cast<std::uint32_t>(side(0));
  pipeline.crop_height = static_cast<std::uint32_t>(side(1));
}

void ReadPreprocessing(const toml::table& table, const TomlFindings& findings,
                       Preprocessing& pipeline) {
  const std::size_t problems_before = findings.problems->size();
  TomlReader reader(table, "preprocessing.", findings);
  reader.ReadWord("geometry", kGeometryWords, pipeline.geometry);
  reader.ReadWord("filter", kFilterWords, pipeline.filter);
  reader.ReadInteger("resize", kSides, pipeline.resize_side);
  ReadCrop(reader, pipeline);
  reader.ReadWord("order", kOrderWords, pipeline.order);
  reader.ReadWord("layout", kLayoutWords, pipeline.layout);
  reader.ReadNonZero("scale", pipeline.scale);
  reader.ReadChannels("mean", /*zero_allowed=*/true, pipeline.mean);
  reader.ReadChannels("deviation", /*zero_allowed=*/false, pipeline.deviation);
  reader.RefuseOthers();
  if (findings.problems->size() > problems_before) return;
  // Only where every part is right by itself is it fair to judge how they go together.
  if (pipeline.geometry == Geometry::kResizeThenCrop &&
      pipeline.resize_side < std::max(pipeline.crop_width, pipeline.crop_height)) {
    findings.Add(table.source(),
                 fmt::format("preprocessing.resize = {} is smaller than the crop of {}×{} pixels",
                             pipeline.resize_side, pipeline.crop_width, pipeline.crop_height));
  }
  if (pipeline.geometry == Geometry::kCropThenResize &&
      pipeline.crop_width != pipeline.crop_height) {
    findings.Add(table.source(),
                 fmt::format("preprocessing.crop must be square for \"crop-then-resize\", is {}×{}",
                             pipeline.crop_width, pipeline.crop_height));
  }
}

void ReadShape(TomlReader& reader, TensorSpec& spec) {
  const toml::node* node = reader.Find("shape");
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  bool good = array != nullptr && !array->empty() && array->size() <= kRankMax;
  Shape shape;
  for (std::size_t i = 0; good && i < array->size(); ++i) {
    const std::int64_t dim = array->get(i)->value_exact<std::int64_t>().value_or(0);
    good = (dim >= 1 && dim <= kDimMax) || (i == 0 && dim == kAnyDim);
    shape.push_back(dim);
  }
  if (good && ElementCount(shape)) {
    spec.shape = std::move(shape);
  } else {
    reader.Complain(*node, "shape",
                    "must be 1 to 8 sizes from 1 to 1000000, the first of them -1 for any batch");
  }
}

void ReadTensorSpec(const toml::table& table, const std::string& key, const TomlFindings& findings,
                    TensorSpec& spec) {
  const std::size_t problems_before = findings.problems->size();
  TomlReader reader(table, fmt::format("signature.{}.", key), findings);
  auto dtype_words = MakeDTypeWords();
  for (auto& word : dtype_words) word.text = DTypeName(word.value);
  reader.ReadText("name", spec.name);
  reader.ReadWord("dtype", dtype_words, spec.dtype);
  ReadShape(reader, spec);
  reader.RefuseOthers();
  if (findings.problems->size() > problems_before) return;
  if (spec.name.empty() || spec.shape.empty()) {
    findings.Add(table.source(), fmt::format("signature.{} needs a name and a shape", key));
  }
}

void ReadSignature(const toml::table& table, const TomlFindings& findings, Signature& signature) {
  TomlReader reader(table, "signature.", findings);
  if (const toml::table* input = reader.FindTable("input")) {
    ReadTensorSpec(*input, "input", findings, signature.input);
  }
  if (const toml::table* output = reader.FindTable("output")) {
    ReadTensorSpec(*output, "output", findings, signature.output);
  }
  reader.RefuseOthers();
}

void ReadGolden(const toml::node& node, const TomlFindings& findings,
                std::vector<GoldenExample>& golden) {
  const toml::array* array = node.as_array();
  if (array == nullptr || array->size() > kGoldenMax) {
    findings.Add(node.source(), fmt::format("golden must be [[golden]] tables, at most {}, with "
                                            "file and class",
                                            kGoldenMax));
    return;
  }
  for (const toml::node& element : *array) {
    const toml::table* table = element.as_table();
    if (table == nullptr) {
      findings.Add(element.source(), "golden must be a table with file and class: [[golden]]");
      continue;
    }
    TomlReader reader(*table, "golden.", findings);
    GoldenExample example;
    reader.ReadFileName("file", example.file);
    reader.ReadInteger("class", {0, kClassMax}, example.expected_class);
    reader.RefuseOthers();
    if (!table->contains("file") || !table->contains("class")) {
      findings.Add(table->source(), "golden needs both file and class");
    }
    golden.push_back(std::move(example));
  }
}

void ReadDigests(const toml::table& table, const TomlFindings& findings,
                 std::map<std::string, std::string>& sha256) {
  if (table.size() > kDigestsMax) {
    findings.Add(table.source(), fmt::format("sha256 names more than {} files", kDigestsMax));
    return;
  }
  for (auto&& [key, node] : table) {
    const std::string file(key.str());
    if (const auto fault = FileNameFault(file)) {
      findings.Add(key.source(), fmt::format("sha256: the file name \"{}\" {}", file, *fault));
      continue;
    }
    std::string digest = node.value_exact<std::string>().value_or("");
    const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (digest.size() != 64 || !std::all_of(digest.begin(), digest.end(), is_digit)) {
      findings.Add(node.source(), fmt::format("sha256.\"{}\" must be 64 hexadecimal digits in "
                                              "lower case",
                                              file));
      continue;
    }
    sha256.emplace(file, std::move(digest));
  }
}

void ReadConfig(const toml::table& table, const TomlFindings& findings, ModelConfig& config) {
  TomlReader reader(table, "", findings);
  Engine engine = Engine::kAuto;
  reader.ReadWord("engine", kEngineWords, engine);
  config.engine = WordOf(kEngineWords, engine);
  reader.ReadFileName("file", config.file);
  reader.ReadFileName("labels", config.labels_file);
  reader.ReadText("description", config.description);
  reader.ReadWord("output", kOutputWords, config.output);
  if (const toml::table* section = reader.FindTable("preprocessing")) {
    ReadPreprocessing(*section, findings, config.preprocessing);
  }
  if (const toml::table* section = reader.FindTable("signature")) {
    ReadSignature(*section, findings, config.signature);
  }
  if (const toml::node* golden = reader.Find("golden")) {
    ReadGolden(*golden, findings, config.golden);
  }
  if (const toml::table* section = reader.FindTable("sha256")) {
    ReadDigests(*section, findings, config.sha256);
  }
  reader.RefuseOthers();
}

// Parses the text and hands its table to `read`; a fault of the grammar is the only one found then.
template <class F>
std::vector<Problem> ReadToml(std::string_view text, std::string_view file_name, F&& read) {
  std::vector<Problem> problems;
  const TomlFindings findings{std::string(file_name), &problems};
  if (text.size() > kModelTomlBytesMax) {
    findings.Add({}, fmt::format("is larger than {} bytes", kModelTomlBytesMax));
    return problems;
  }
  const toml::parse_result result = toml::parse(text, file_name);
  if (result) {
    read(result.table(), findings);
  } else {
    findings.Add(result.error().source(), std::string(result.error().description()));
  }
  return problems;
}

}  // namespace

tl::expected<ModelConfig, std::vector<Problem>> ParseModelConfig(std::string_view toml,
                                                                 std::string_view file_name) {
  ModelConfig config;
  std::vector<Problem> problems =
      ReadToml(toml, file_name, [&](const toml::table& table, const TomlFindings& findings) {
        ReadConfig(table, findings, config);
      });
  if (!problems.empty()) return tl::unexpected(std::move(problems));
  return config;
}

tl::expected<Preprocessing, std::vector<Problem>> ChangePreprocessing(const Preprocessing& base,
                                                                      std::string_view toml,
                                                                      std::string_view file_name) {
  Preprocessing pipeline = base;
  std::vector<Problem> problems =
      ReadToml(toml, file_name, [&](const toml::table& table, const TomlFindings& findings) {
        ReadPreprocessing(table, findings, pipeline);
      });
  if (!problems.empty()) return tl::unexpected(std::move(problems));
  return pipeline;
}

}  // namespace holdfast
