// SPDX-License-Identifier: Apache-2.0
#include "worker/inspect.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <algorithm>
#include <optional>

#include "model/repository.h"
#include "model/words.h"
#include "worker/model_runner.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using PrettyJsonWriter = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

constexpr std::size_t kLabelsShownMax = 3;
constexpr std::size_t kFilesMax = 10'000;

struct FileEntry {
  std::string name;
  std::uintmax_t bytes = 0;
  bool has_digest = false;
};

// All that an inspection finds out. What could not be found out is empty, and a problem says why.
struct Findings {
  CatalogEntry entry;
  std::optional<Servable> servable;
  std::optional<Signature> signature;
  std::string engine;
  std::vector<FileEntry> files;
  std::vector<Problem> problems;
};

std::vector<FileEntry> ListFiles(const fs::path& folder) {
  std::vector<FileEntry> files;
  std::error_code failed;
  fs::recursive_directory_iterator entries(folder, failed);
  for (; !failed && entries != fs::recursive_directory_iterator(); entries.increment(failed)) {
    std::error_code vanished;
    if (!entries->is_regular_file(vanished)) continue;
    files.push_back({entries->path().lexically_relative(folder), entries->file_size(vanished)});
    if (files.size() == kFilesMax) break;
  }
  std::sort(files.begin(), files.end(),
            [](const FileEntry& a, const FileEntry& b) { return a.name < b.name; });
  return files;
}

// Loads and runs what was read. The digests are judged by then: a file that differs must not keep
// the other problems from being found.
void Try(Findings& findings, std::span<Backend* const> backends) {
  Servable servable = *findings.servable;
  servable.config.sha256.clear();
  Result<ModelRunner> runner = ModelRunner::Load(std::move(servable), backends, ImageLimits{});
  if (!runner) {
    findings.problems.push_back({findings.servable->config.file, runner.error().message});
    return;
  }
  findings.signature = runner->signature();
  findings.engine = runner->engine();
  // What the graph settled where there is no model.toml.
  findings.servable->config.preprocessing = runner->servable().config.preprocessing;
  findings.servable->config.output = runner->servable().config.output;
  findings.servable->assumptions = runner->servable().assumptions;
  const Status golden = runner->CheckGolden();
  if (!golden) findings.problems.push_back({"golden", golden.error().message});
}

Findings Look(CatalogEntry entry, std::span<Backend* const> backends) {
  Findings findings;
  findings.entry = std::move(entry);
  findings.files = ListFiles(findings.entry.folder);
  Result<Servable> servable =
      ReadServable(findings.entry.folder, findings.entry.key, &findings.problems);
  if (!servable) return findings;
  findings.servable = *std::move(servable);
  for (FileEntry& file : findings.files) {
    file.has_digest = findings.servable->config.sha256.count(file.name) > 0;
  }
  for (Problem& problem : VerifyDigests(*findings.servable)) {
    findings.problems.push_back(std::move(problem));
  }
  Try(findings, backends);
  return findings;
}

std::string ShowSpec(const TensorSpec& spec) {
  return fmt::format("{} {} {}", spec.name, DTypeName(spec.dtype), FormatShape(spec.shape));
}

std::string FormatPipeline(const Preprocessing& p) {
  const std::string geometry = p.geometry == Geometry::kResizeThenCrop
                                   ? fmt::format("short side to {}, ", p.resize_side)
                                   : "";
  return fmt::format("{}: {}{}×{}, {}, {}, {}, (pixel × {:.6g} − [{:.6g}]) / [{:.6g}]",
                     WordOf(kGeometryWords, p.geometry), geometry, p.crop_width, p.crop_height,
                     WordOf(kFilterWords, p.filter), WordOf(kOrderWords, p.order),
                     WordOf(kLayoutWords, p.layout), p.scale, fmt::join(p.mean, ", "),
                     fmt::join(p.deviation, ", "));
}

std::string FormatLabels(const std::vector<std::string>& labels) {
  if (labels.empty()) return "none: classes are named by their number";
  const auto end =
      labels.begin() + static_cast<std::ptrdiff_t>(std::min(labels.size(), kLabelsShownMax));
  return fmt::format("{}: {}{}", labels.size(), fmt::join(labels.begin(), end, ", "),
                     end == labels.end() ? "" : ", …");
}

void PrintText(std::FILE* out, const Findings& findings) {
  const auto line = [&](const char* name, const std::string& text) {
    if (!text.empty()) fmt::print(out, "  {:<14} {}\n", name, text);
  };
  fmt::print(out, "{}  {}\n", FormatKey(findings.entry.key), findings.entry.folder.string());
  if (findings.servable) {
    const ModelConfig& config = findings.servable->config;
    line("description", config.description);
    line("model", config.file);
    line("engine", findings.engine);
    if (findings.signature) {
      line("input", ShowSpec(findings.signature->input));
      line("output", fmt::format("{}, {}", ShowSpec(findings.signature->output),
                                 WordOf(kOutputWords, config.output)));
    }
    line("preprocessing", FormatPipeline(config.preprocessing));
    line("labels", FormatLabels(findings.servable->labels));
    for (const GoldenExample& example : config.golden) {
      line("golden", fmt::format("{} → {} ({})", example.file,
                                 ClassName(findings.servable->labels, example.expected_class),
                                 example.expected_class));
    }
    for (const std::string& assumption : findings.servable->assumptions) {
      line("assumed", assumption);
    }
  }
  for (const FileEntry& file : findings.files) {
    line("file", fmt::format("{}, {} bytes{}", file.name, file.bytes,
                             file.has_digest ? ", SHA-256 in model.toml" : ""));
  }
  for (const Problem& problem : findings.problems) {
    line("PROBLEM", fmt::format("{}: {}", problem.where, problem.what));
  }
  line("verdict", findings.problems.empty()
                      ? "fit to be served"
                      : fmt::format("{} problem(s)", findings.problems.size()));
}

class FindingsJson {
 public:
  explicit FindingsJson(const Findings& findings) : findings_(findings), json_(buffer_) {
    json_.SetIndent(' ', 2);
  }

  std::string Format() {
    json_.StartObject();
    Field("model", findings_.entry.key.name);
    Field("version", std::to_string(findings_.entry.key.version));
    Field("folder", findings_.entry.folder.string());
    if (!findings_.engine.empty()) Field("engine", findings_.engine);
    if (findings_.servable) WriteServable(*findings_.servable);
    if (findings_.signature) {
      WriteSpec("input", findings_.signature->input);
      WriteSpec("output", findings_.signature->output);
    }
    WriteFiles();
    json_.Key("problems");
    json_.StartArray();
    for (const Problem& problem : findings_.problems) {
      json_.StartObject();
      Field("where", problem.where);
      Field("what", problem.what);
      json_.EndObject();
    }
    json_.EndArray();
    json_.EndObject();
    return buffer_.GetString();
  }

 private:
  void Text(std::string_view text) {
    json_.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  }
  void Field(const char* key, std::string_view text) {
    json_.Key(key);
    Text(text);
  }
  void Texts(const char* key, const std::vector<std::string>& texts) {
    json_.Key(key);
    json_.StartArray();
    for (const std::string& text : texts) Text(text);
    json_.EndArray();
  }
  void Numbers(const char* key, std::span<const double> numbers) {
    json_.Key(key);
    json_.StartArray();
    for (const double number : numbers) json_.Double(number);
    json_.EndArray();
  }

  void WriteSpec(const char* key, const TensorSpec& spec) {
    json_.Key(key);
    json_.StartObject();
    Field("name", spec.name);
    Field("dtype", DTypeName(spec.dtype));
    json_.Key("shape");
    json_.StartArray();
    for (const std::int64_t dim : spec.shape) json_.Int64(dim);
    json_.EndArray();
    json_.EndObject();
  }

  // With model.toml's own keys.
  void WritePreprocessing(const Preprocessing& p) {
    json_.Key("preprocessing");
    json_.StartObject();
    Field("geometry", WordOf(kGeometryWords, p.geometry));
    Field("filter", WordOf(kFilterWords, p.filter));
    json_.Key("resize");
    json_.Uint(p.resize_side);
    json_.Key("crop");
    json_.StartArray();
    json_.Uint(p.crop_width);
    json_.Uint(p.crop_height);
    json_.EndArray();
    Field("order", WordOf(kOrderWords, p.order));
    Field("layout", WordOf(kLayoutWords, p.layout));
    json_.Key("scale");
    json_.Double(p.scale);
    Numbers("mean", p.mean);
    Numbers("deviation", p.deviation);
    json_.EndObject();
  }

  void WriteServable(const Servable& servable) {
    const ModelConfig& config = servable.config;
    Field("file", config.file);
    Field("description", config.description);
    Field("output_kind", WordOf(kOutputWords, config.output));
    WritePreprocessing(config.preprocessing);
    Texts("labels", servable.labels);
    json_.Key("golden");
    json_.StartArray();
    for (const GoldenExample& example : config.golden) {
      json_.StartObject();
      Field("file", example.file);
      json_.Key("class");
      json_.Uint(example.expected_class);
      Field("label", ClassName(servable.labels, example.expected_class));
      json_.EndObject();
    }
    json_.EndArray();
    Texts("assumptions", servable.assumptions);
  }

  void WriteFiles() {
    json_.Key("files");
    json_.StartArray();
    for (const FileEntry& file : findings_.files) {
      json_.StartObject();
      Field("file", file.name);
      json_.Key("bytes");
      json_.Uint64(file.bytes);
      if (file.has_digest) Field("sha256", findings_.servable->config.sha256.at(file.name));
      json_.EndObject();
    }
    json_.EndArray();
  }

  const Findings& findings_;
  rapidjson::StringBuffer buffer_;
  PrettyJsonWriter json_;
};

}  // namespace

int Inspect(const InspectOptions& options, std::span<Backend* const> backends,
            const CommandStreams& streams) {
  const Result<CatalogEntry> entry = FindServable(options.folder);
  if (!entry) return FailCommand(streams, entry.error());
  const Findings findings = Look(*entry, backends);
  if (options.json) {
    fmt::print(streams.out, "{}\n", FindingsJson(findings).Format());
  } else {
    PrintText(streams.out, findings);
  }
  const Reason verdict = findings.problems.empty() ? Reason::kOk : Reason::kBadModel;
  return FinishCommand(streams, Describe(verdict).exit_code);
}

}  // namespace holdfast
