// SPDX-License-Identifier: Apache-2.0
#include "model/servable.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "base/bytes.h"
#include "model/digest.h"
#include "model/labels.h"
#include "model/text_file.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLabelsBytesMax = MiB(4);
constexpr const char* kTomlName = "model.toml";
constexpr const char* kLabelsName = "labels.txt";

using Problems = std::vector<Problem>;

// The classes that a signature speaks of: its output's elements an item.
std::optional<std::size_t> ClassesOf(const Signature& signature) {
  if (signature.output.shape.empty()) return std::nullopt;
  return ElementCount(ItemShape(signature.output));
}

void ReadLabels(const fs::path& folder, const std::string& name, std::vector<std::string>& labels,
                Problems& problems) {
  const Result<std::string> text = ReadTextFile(folder / name, kLabelsBytesMax);
  if (text) {
    labels = ParseLabels(*text, name, problems);
  } else {
    problems.push_back({name, text.error().message});
  }
}

// Whether a file is a model by its name: what some engine of ours reads.
bool IsModelFile(const fs::path& file) {
  const std::string extension = file.extension();
  return extension == ".onnx" || extension == ".tflite" || extension == ".xml" ||
         file.filename() == "saved_model.pb";
}

// What can be known of a folder without a model.toml, put into `servable` and into words.
void Assume(Servable& servable, Problems& problems) {
  std::vector<std::string> graphs;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(servable.folder, failed)) {
    if (IsModelFile(entry.path())) graphs.push_back(entry.path().filename());
  }
  ModelConfig& config = servable.config;
  std::sort(graphs.begin(), graphs.end());
  if (std::find(graphs.begin(), graphs.end(), config.file) == graphs.end()) {
    if (graphs.size() == 1) {
      config.file = graphs.front();
    } else if (graphs.size() > 1) {
      problems.push_back({kTomlName, fmt::format("is missing, and it must say which is the model: "
                                                 "{}",
                                                 fmt::join(graphs, ", "))});
    } else {
      problems.push_back({config.file, "is missing, and so is model.toml"});
    }
  }
  servable.assumptions.push_back(fmt::format("no model.toml: the model is {}", config.file));
  // The worker adds how pictures are prepared and what the outputs are: the graph tells.
  if (fs::exists(servable.folder / kLabelsName, failed)) {
    config.labels_file = kLabelsName;
    servable.assumptions.push_back("labels are those of labels.txt");
  } else {
    servable.assumptions.push_back("no labels.txt: classes are named by their number");
  }
  servable.assumptions.push_back("no golden example: nothing proves that the answers are right");
}

void ReadToml(Servable& servable, Problems& problems) {
  const fs::path file = servable.folder / kTomlName;
  std::error_code failed;
  if (!fs::exists(fs::symlink_status(file, failed))) {
    Assume(servable, problems);
    return;
  }
  const Result<std::string> text = ReadTextFile(file, kModelTomlBytesMax);
  if (!text) {
    problems.push_back({kTomlName, text.error().message});
    return;
  }
  auto config = ParseModelConfig(*text, kTomlName);
  if (config) {
    servable.config = *std::move(config);
  } else {
    problems.insert(problems.end(), config.error().begin(), config.error().end());
  }
}

// Whether what the files say of the classes agrees.
void CompareClasses(const Servable& servable, Problems& problems) {
  const ModelConfig& config = servable.config;
  const std::size_t labels = servable.labels.size();
  std::optional<std::size_t> classes = ClassesOf(config.signature);
  if (classes && !config.labels_file.empty() && labels != *classes) {
    problems.push_back(
        {config.labels_file,
         fmt::format("has {} labels, the signature's output has {} classes", labels, *classes)});
  }
  if (!classes && labels > 0) classes = labels;
  for (const GoldenExample& example : config.golden) {
    if (classes && example.expected_class >= *classes) {
      problems.push_back(
          {kTomlName, fmt::format("golden class {} of {} is none: there are {} classes",
                                  example.expected_class, example.file, *classes)});
    }
  }
}

void CheckFiles(const Servable& servable, Problems& problems) {
  const auto check = [&](const std::string& name) {
    if (std::string fault = FileFault(servable.folder / name); !fault.empty()) {
      problems.push_back({name, std::move(fault)});
    }
  };
  // Assume() has said already that there is no model.
  if (problems.empty() || servable.assumptions.empty()) check(servable.config.file);
  for (const GoldenExample& example : servable.config.golden) check(example.file);
}

std::string Join(const Problems& problems) {
  std::vector<std::string> lines;
  for (const Problem& problem : problems) lines.push_back(problem.where + ' ' + problem.what);
  return fmt::format("{}", fmt::join(lines, "; "));
}

}  // namespace

Result<Servable> ReadServable(const std::filesystem::path& folder, ModelKey key,
                              std::vector<Problem>* problems) {
  Servable servable;
  servable.key = std::move(key);
  servable.folder = folder;
  const std::string name = FormatKey(servable.key);

  std::error_code failed;
  const fs::file_status status = fs::status(folder, failed);
  Error error{Reason::kBadModel, ""};
  Problems found;
  if (!fs::is_directory(status)) {
    error.reason = Reason::kNotFound;
    found.push_back({folder.string(), fs::exists(status) ? "is no folder" : "is missing"});
  } else if (fs::directory_iterator(folder, failed); failed) {
    found.push_back({folder.string(), fmt::format("cannot be listed: {}", failed.message())});
  } else {
    ReadToml(servable, found);
    const bool understood = found.empty() || !servable.assumptions.empty();
    // Without a readable model.toml the names of the other files are guesses.
    if (understood) {
      CheckFiles(servable, found);
      if (!servable.config.labels_file.empty()) {
        ReadLabels(folder, servable.config.labels_file, servable.labels, found);
      }
      CompareClasses(servable, found);
    }
  }
  if (problems != nullptr) problems->insert(problems->end(), found.begin(), found.end());
  if (found.empty()) return servable;
  error.message = fmt::format("{}: {}", name, Join(found));
  return error;
}

std::vector<Problem> VerifyDigests(const Servable& servable, std::string_view except) {
  Problems problems;
  for (const auto& [file, expected] : servable.config.sha256) {
    if (file == except) continue;
    const fs::path path = servable.folder / file;
    if (std::string fault = FileFault(path); !fault.empty()) {
      problems.push_back({file, std::move(fault)});
      continue;
    }
    const Result<std::string> digest = Sha256OfFile(path);
    if (!digest) {
      problems.push_back({file, digest.error().message});
    } else if (*digest != expected) {
      problems.push_back(
          {file, fmt::format("is not the file that was packed: its SHA-256 is {}…, model.toml says "
                             "{}…",
                             digest->substr(0, 12), expected.substr(0, 12))});
    }
  }
  return problems;
}

}  // namespace holdfast
