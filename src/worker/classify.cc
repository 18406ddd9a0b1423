// SPDX-License-Identifier: Apache-2.0
#include "worker/classify.h"

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>

#include "model/repository.h"
#include "tensor/classification.h"
#include "worker/model_runner.h"
#include "worker/photo_file.h"

namespace holdfast {
namespace {

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

void WriteText(JsonWriter& json, std::string_view text) {
  json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

Result<ModelRunner> LoadModel(const ClassifyOptions& options, std::span<Backend* const> backends) {
  CatalogEntry entry = TRY(FindServable(options.folder));
  Servable servable = TRY(ReadServable(entry.folder, std::move(entry.key)));
  return ModelRunner::Load(std::move(servable), backends, options.limits);
}

// The row of probabilities for one file.
Result<std::vector<float>> ClassifyFile(ModelRunner& runner, const std::string& file,
                                        std::size_t bytes_max) {
  const std::vector<std::uint8_t> photo = TRY(ReadPhoto(file, bytes_max));
  std::vector<float> scores(runner.classes());
  TRY_DO(runner.ClassifyImage(photo, scores));
  if (!AllFinite(scores)) {
    return Error{Reason::kOutputInvalid, "the model gave scores that are not finite numbers"};
  }
  if (runner.servable().config.output == OutputKind::kLogits) Softmax(scores);
  return scores;
}

void PrintTable(std::FILE* out, const std::string& file, const ModelRunner& runner,
                const std::vector<ClassScore>& best) {
  fmt::print(out, "{}  ({:.1f} ms decode and preprocess, {:.1f} ms inference)\n", file,
             Milliseconds(runner.preprocess_time()), Milliseconds(runner.infer_time()));
  for (const ClassScore& score : best) {
    fmt::print(out, "  {:6.2f} %  {} ({})\n", static_cast<double>(score.probability) * 100,
               ClassName(runner.servable().labels, score.index), score.index);
  }
}

void PrintJson(std::FILE* out, const std::string& file, const ModelRunner& runner,
               const std::vector<ClassScore>& best) {
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartObject();
  json.Key("file");
  WriteText(json, file);
  json.Key("model");
  WriteText(json, runner.servable().key.name);
  json.Key("version");
  WriteText(json, std::to_string(runner.servable().key.version));
  json.Key("predictions");
  json.StartArray();
  for (const ClassScore& score : best) {
    json.StartObject();
    json.Key("label");
    WriteText(json, ClassName(runner.servable().labels, score.index));
    json.Key("index");
    json.Uint(score.index);
    json.Key("probability");
    const std::string number = fmt::format("{}", score.probability);  // The shortest exact one.
    json.RawValue(number.data(), number.size(), rapidjson::kNumberType);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  fmt::print(out, "{}\n", buffer.GetString());
}

// The flat object that the server answers an error with, as far as it has a sense without one.
void PrintJsonError(std::FILE* out, const std::string& file, const Error& error) {
  const ReasonEntry& entry = Describe(error.reason);
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartObject();
  json.Key("file");
  WriteText(json, file);
  for (const char* key : {"error", "message"}) {
    json.Key(key);
    WriteText(json, error.message);
  }
  json.Key("code");
  json.Int(entry.http);
  json.Key("reason");
  WriteText(json, entry.word);
  json.Key("retryable");
  json.Bool(MayRetry(entry.retry));
  json.EndObject();
  fmt::print(out, "{}\n", buffer.GetString());
}

}  // namespace

int Classify(const ClassifyOptions& options, std::span<Backend* const> backends,
             const CommandStreams& streams) {
  Result<ModelRunner> runner = LoadModel(options, backends);
  if (!runner) return FailCommand(streams, runner.error());
  int exit_code = 0;
  for (const std::string& file : options.files) {
    const Result<std::vector<float>> row = ClassifyFile(*runner, file, options.file_bytes_max);
    if (!row) {
      exit_code = std::max(exit_code, Describe(row.error().reason).exit_code);
      if (options.json) {
        PrintJsonError(streams.out, file, row.error());
      } else {
        // What could not be read names its file already.
        const bool named = row.error().message.starts_with(file);
        WriteError(streams,
                   named ? row.error().message : fmt::format("{}: {}", file, row.error().message));
      }
      continue;
    }
    const std::vector<ClassScore> best = TopK(*row, options.top);
    (options.json ? PrintJson : PrintTable)(streams.out, file, *runner, best);
  }
  return FinishCommand(streams, exit_code);
}

}  // namespace holdfast
