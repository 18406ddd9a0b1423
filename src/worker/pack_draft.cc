// SPDX-License-Identifier: Apache-2.0
#include "worker/pack_draft.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/nearest_name.h"
#include "model/preprocessing_presets.h"
#include "model/repository.h"
#include "model/text_file.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

GoldenPhoto ParseGolden(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  std::error_code failed;
  if (equals == std::string::npos || fs::exists(text, failed)) return {text, ""};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

// "crop=260,260" as a line of TOML: lists get brackets, words get quotes.
std::string TomlLine(std::string_view change) {
  const std::size_t equals = change.find('=');
  const std::string key(change.substr(0, equals));
  std::string value(equals == std::string_view::npos ? "" : change.substr(equals + 1));
  const bool is_word = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || c == '-';
  });
  if (is_word) value = '"' + value + '"';
  if (value.find(',') != std::string::npos && value.front() != '[') value = '[' + value + ']';
  return key + " = " + value;
}

Result<Preprocessing> ChoosePreprocessing(const PackOptions& options) {
  const std::vector<std::string> names = PreprocessingPresetNames();
  const auto preset = PreprocessingPreset(options.preset);
  if (!preset) {
    const std::string nearest = NearestName(options.preset, names);
    return Error{Reason::kUsage,
                 fmt::format("there is no preset \"{}\"{}; there are: {}", options.preset,
                             nearest.empty() ? "" : fmt::format(", did you mean {}?", nearest),
                             fmt::join(names, ", "))};
  }
  std::string toml;
  for (const std::string& change : options.preprocessing) toml += TomlLine(change) + '\n';
  const auto changed = ChangePreprocessing(*preset, toml, "--preprocessing");
  if (changed) return *changed;
  std::vector<std::string> faults;
  for (const Problem& problem : changed.error()) faults.push_back(problem.what);
  return Error{Reason::kUsage, fmt::format("--preprocessing: {}", fmt::join(faults, "; "))};
}

bool Changes(const PackOptions& options, std::string_view key) {
  return std::any_of(options.preprocessing.begin(), options.preprocessing.end(),
                     [&](const std::string& change) {
                       return std::string_view(change).substr(0, change.find('=')) == key;
                     });
}

Result<ModelKey> ChooseKey(const PackOptions& options) {
  // Every SavedModel's file has the same name: the folder says more.
  const fs::path& file = options.model_file;
  const bool by_folder = file.filename() == "saved_model.pb";
  const std::string stem = by_folder ? fs::absolute(file).parent_path().filename() : file.stem();
  ModelKey key{options.name.empty() ? stem : options.name, 1};
  if (!IsModelName(key.name)) {
    return Error{Reason::kUsage,
                 fmt::format("\"{}\" cannot name a model: letters, digits, '.', '-' and '_' only "
                             "(give --name)",
                             key.name)};
  }
  if (options.version) {
    key.version = *options.version;
  } else if (const auto there = ReadModel(key.name, options.repository / key.name)) {
    key.version = there->models.begin()->second.back().key.version + 1;
  }
  if (key.version < 1) return Error{Reason::kUsage, "a version is a number from 1 up"};
  return key;
}

}  // namespace

Result<PackDraft> MakeDraft(const PackOptions& options) {
  PackDraft draft;
  std::vector<Error> errors;
  const auto check_file = [&](const fs::path& file) {
    std::string fault = FileFault(file);
    if (fault.empty()) return;
    const Reason reason = fault == "is missing" ? Reason::kNotFound : Reason::kBadModel;
    errors.push_back({reason, fmt::format("{} {}", file.string(), fault)});
  };
  check_file(options.model_file);
  if (!options.labels_file.empty()) check_file(options.labels_file);
  for (const std::string& text : options.golden) {
    draft.golden.push_back(ParseGolden(text));
    check_file(draft.golden.back().photo);
  }
  if (const auto preprocessing = ChoosePreprocessing(options)) {
    draft.config.preprocessing = *preprocessing;
  } else {
    errors.push_back(preprocessing.error());
  }
  if (Result<ModelKey> key = ChooseKey(options)) {
    draft.key = *std::move(key);
  } else {
    errors.push_back(key.error());
  }
  std::error_code failed;
  const fs::path target = options.repository / draft.key.name / std::to_string(draft.key.version);
  if (errors.empty() && !options.force && fs::exists(target, failed)) {
    errors.push_back({Reason::kAlreadyLoaded,
                      fmt::format("{} exists: give another --version, or --force to replace it",
                                  target.string())});
  }
  if (errors.empty()) return draft;
  std::vector<std::string> messages;
  for (const Error& error : errors) messages.push_back(error.message);
  return Error{errors.front().reason, fmt::format("{}", fmt::join(messages, "; "))};
}

void AdaptToInput(const PackOptions& options, const TensorSpec& input, PackDraft& draft) {
  Preprocessing& pipeline = draft.config.preprocessing;
  const Shape& shape = input.shape;
  if (!Changes(options, "layout") && (shape[1] == 3) != (shape[3] == 3)) {
    pipeline.layout = shape[1] == 3 ? Layout::kNchw : Layout::kNhwc;
  }
  const bool first = pipeline.layout == Layout::kNchw;
  const std::int64_t height = first ? shape[2] : shape[1];
  const std::int64_t width = first ? shape[3] : shape[2];
  const bool same =
      width == std::int64_t{pipeline.crop_width} && height == std::int64_t{pipeline.crop_height};
  if (same || Changes(options, "crop") || pipeline.geometry == Geometry::kResizeThenCrop) return;
  pipeline.crop_width = static_cast<std::uint32_t>(width);
  pipeline.crop_height = static_cast<std::uint32_t>(height);
  draft.notes.push_back(fmt::format("crop is {}×{}, as the model's input", width, height));
}

}  // namespace holdfast
