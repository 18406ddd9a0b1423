// SPDX-License-Identifier: Apache-2.0
#include "worker/pack.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "backend/backend_selection.h"
#include "backend/onnxruntime/external_files.h"
#include "base/nearest_name.h"
#include "model/digest.h"
#include "model/text_file.h"
#include "model/toml_reader.h"
#include "tensor/classification.h"
#include "worker/bare_servable.h"
#include "worker/model_runner.h"
#include "worker/pack_draft.h"
#include "worker/photo_file.h"
#include "worker/staged_folder.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLabelsName = "labels.txt";

// The files that belong to a model and lie beside it, each with its name in the packed folder.
using Companions = std::vector<std::pair<fs::path, std::string>>;

Result<Companions> ExternalData(const fs::path& onnx) {
  Companions companions;
  for (const std::string& file : TRY(ExternalFilesOf(onnx))) {
    if (const auto fault = FileNameFault(file)) {
      return Error{Reason::kBadModel,
                   fmt::format("the model names its data file \"{}\", which {}", file, *fault)};
    }
    companions.emplace_back(onnx.parent_path() / file, file);
  }
  return companions;
}

// All of a SavedModel's variables/ and assets/.
Result<Companions> SavedModelFiles(const fs::path& saved_model) {
  Companions companions;
  for (const char* folder : {"variables", "assets"}) {
    std::error_code failed;
    const fs::path root = saved_model.parent_path() / folder;
    if (!fs::exists(root, failed)) continue;
    fs::recursive_directory_iterator entry(root, failed);
    for (; !failed && entry != fs::recursive_directory_iterator(); entry.increment(failed)) {
      if (entry->is_directory(failed)) continue;
      companions.emplace_back(entry->path(), folder / entry->path().lexically_relative(root));
    }
    if (failed) {
      return Error{Reason::kBadModel,
                   fmt::format("{} cannot be listed: {}", root.string(), failed.message())};
    }
  }
  return companions;
}

Result<Companions> CompanionsOf(const fs::path& model) {
  if (model.extension() == ".onnx") return ExternalData(model);
  if (model.filename() == "saved_model.pb") return SavedModelFiles(model);
  if (model.extension() == ".xml") {
    return Companions{{fs::path(model).replace_extension(".bin"), "model.bin"}};
  }
  return Companions{};
}

Status CopyModel(const PackOptions& options, const StagedFolder& stage, PackDraft& draft) {
  const fs::path& model = options.model_file;
  const bool keeps_name = model.filename() == "fake.toml" || model.filename() == "saved_model.pb";
  draft.config.file = keeps_name ? model.filename().string() : "model" + model.extension().string();
  TRY_DO(stage.Copy(model, draft.config.file));
  for (const auto& [from, name] : TRY(CompanionsOf(model))) {
    if (const std::string what = FileFault(from); !what.empty()) {
      return Error{Reason::kBadModel,
                   fmt::format("the model's data file {} {}", from.string(), what)};
    }
    TRY_DO(stage.Copy(from, name));
    draft.notes.push_back(fmt::format("data file {} is packed with it", name));
  }
  return {};
}

Status CopyGolden(const StagedFolder& stage, PackDraft& draft) {
  std::set<std::string> taken;
  for (const GoldenPhoto& golden : draft.golden) {
    const std::string photo = golden.photo.filename();
    std::string name = photo;
    for (int i = 2; !taken.insert(name).second; ++i) name = fmt::format("{}-{}", i, photo);
    TRY_DO(stage.Copy(golden.photo, "golden/" + name));
    draft.config.golden.push_back({"golden/" + name, 0});
  }
  return {};
}

// The class that a number or a label means.
Result<std::uint32_t> ClassOf(const std::string& text, const std::vector<std::string>& labels,
                              std::size_t classes) {
  const bool is_number =
      text.size() <= 7 && text.find_first_not_of("0123456789") == std::string::npos;
  if (is_number && std::stoul(text) < classes) return static_cast<std::uint32_t>(std::stoul(text));
  const auto count = std::count(labels.begin(), labels.end(), text);
  if (count == 1) {
    return static_cast<std::uint32_t>(std::find(labels.begin(), labels.end(), text) -
                                      labels.begin());
  }
  if (count > 1) {
    return Error{Reason::kUsage,
                 fmt::format("{} classes are called \"{}\": give the number", count, text)};
  }
  const std::string nearest = NearestName(text, labels);
  return Error{Reason::kUsage,
               fmt::format("there is no class \"{}\"{}", text,
                           nearest.empty() ? "" : fmt::format(", did you mean \"{}\"?", nearest))};
}

// Runs the golden photos and settles the classes that are expected of them.
Status SettleGolden(ModelRunner& runner, PackDraft& draft) {
  std::vector<float> scores(runner.classes());
  const std::vector<std::string>& labels = runner.servable().labels;
  for (std::size_t i = 0; i < draft.golden.size(); ++i) {
    const GoldenPhoto& golden = draft.golden[i];
    GoldenExample& example = draft.config.golden[i];
    const auto photo = TRY(ReadPhoto(golden.photo, kPhotoBytesMax));
    if (Status run = runner.ClassifyImage(photo, scores); !run) {
      return Error{run.error().reason,
                   fmt::format("{}: {}", golden.photo.string(), run.error().message)};
    }
    if (!AllFinite(scores)) {
      return Error{Reason::kBadModel,
                   fmt::format("{}: the scores are not finite numbers", golden.photo.string())};
    }
    if (golden.expected.empty()) {
      example.expected_class = TopK(scores, 1).front().index;
    } else {
      example.expected_class = TRY(ClassOf(golden.expected, labels, runner.classes()));
    }
    draft.notes.push_back(fmt::format(
        "golden example {}: {} ({}){}", example.file, ClassName(labels, example.expected_class),
        example.expected_class, golden.expected.empty() ? ", as the model says now" : ""));
  }
  return {};
}

Status WriteConfig(const StagedFolder& stage, PackDraft& draft) {
  draft.config.sha256.clear();
  std::error_code failed;
  for (fs::recursive_directory_iterator entry(stage.path(), failed), end; !failed && entry != end;
       entry.increment(failed)) {
    const std::string name = entry->path().lexically_relative(stage.path());
    if (!entry->is_regular_file(failed) || name == "model.toml") continue;
    draft.config.sha256[name] = TRY(Sha256OfFile(entry->path()));
  }
  return stage.Write("model.toml", FormatModelConfig(draft.config));
}

// Reads the staged folder as a server would.
Result<ModelRunner> LoadStaged(const StagedFolder& stage, const PackDraft& draft,
                               std::span<Backend* const> backends) {
  Servable servable = TRY(ReadServable(stage.path(), draft.key));
  return ModelRunner::Load(std::move(servable), backends, ImageLimits{});
}

// Settles what the graph itself says: signature, input size and kind of output.
Status ConsultGraph(const PackOptions& options, std::span<Backend* const> backends,
                    const StagedFolder& stage, PackDraft& draft) {
  const fs::path file = stage.path() / draft.config.file;
  Backend* backend = TRY(SelectBackend("auto", file, backends));
  const std::unique_ptr<Session> session = TRY(backend->Load(file));
  draft.config.signature = session->signature();
  AdaptToInput(options, session->signature().input, draft);
  if (options.output) {
    draft.config.output = *options.output;
    return {};
  }
  draft.config.output = TRY(DetectOutput(*session));
  const bool logits = draft.config.output == OutputKind::kLogits;
  draft.notes.push_back(logits ? "outputs are logits: softmax will be applied"
                               : "outputs are probabilities: they are given as they are");
  return {};
}

Status Assemble(const PackOptions& options, const StagedFolder& stage, PackDraft& draft) {
  TRY_DO(CopyModel(options, stage, draft));
  if (!options.labels_file.empty()) {
    TRY_DO(stage.Copy(options.labels_file, kLabelsName));
    draft.config.labels_file = kLabelsName;
  }
  draft.config.description = options.description;
  return CopyGolden(stage, draft);
}

// Loads and runs what was put together, twice: to learn what the golden photos give, and then as it
// will be served.
Status Prove(const StagedFolder& stage, std::span<Backend* const> backends, PackDraft& draft) {
  const std::vector<GoldenExample> golden = std::exchange(draft.config.golden, {});
  TRY_DO(WriteConfig(stage, draft));
  ModelRunner first = TRY(LoadStaged(stage, draft, backends));
  draft.config.golden = golden;
  TRY_DO(SettleGolden(first, draft));
  if (golden.empty()) draft.notes.push_back("no golden example: give --golden PHOTO for one");
  TRY_DO(WriteConfig(stage, draft));
  ModelRunner served = TRY(LoadStaged(stage, draft, backends));
  return served.CheckGolden();
}

// All steps up to the folder's move to its place.
Status Make(const PackOptions& options, std::span<Backend* const> backends,
            const StagedFolder& stage, PackDraft& draft) {
  TRY_DO(Assemble(options, stage, draft));
  TRY_DO(ConsultGraph(options, backends, stage, draft));
  return Prove(stage, backends, draft);
}

}  // namespace

int Pack(const PackOptions& options, std::span<Backend* const> backends,
         const CommandStreams& streams) {
  Result<PackDraft> draft = MakeDraft(options);
  if (!draft) return FailCommand(streams, draft.error());
  const fs::path target = options.repository / draft->key.name / std::to_string(draft->key.version);
  Result<StagedFolder> stage = StagedFolder::Open(target);
  if (!stage) return FailCommand(streams, stage.error());
  Status packed = Make(options, backends, *stage, *draft);
  if (packed) {
    packed = stage->Commit(options.force ? StagedFolder::Existing::kReplace
                                         : StagedFolder::Existing::kRefuse);
  }
  if (!packed) return FailCommand(streams, packed.error());
  fmt::print(streams.out, "{} → {}\n", options.model_file.string(), target.string());
  for (const std::string& note : draft->notes) fmt::print(streams.out, "  {}\n", note);
  fmt::print(streams.out, "  {} files with their SHA-256 in model.toml; loaded and run\n",
             draft->config.sha256.size());
  return FinishCommand(streams, 0);
}

}  // namespace holdfast
