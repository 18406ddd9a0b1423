// SPDX-License-Identifier: Apache-2.0
#include "worker/tune.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <map>
#include <sstream>
#include <utility>

#include "base/granted_cores.h"
#include "image/limits.h"
#include "model/repository.h"
#include "model/tuning.h"
#include "os/cgroup.h"
#include "os/process.h"
#include "os/replace_file.h"
#include "os/unique_fd.h"
#include "tensor/classification.h"
#include "worker/engine_choice.h"
#include "worker/forked_runs.h"
#include "worker/photo_file.h"

namespace holdfast {
namespace {

constexpr int kExitCannotWrite = 73;  // EX_CANTCREAT of sysexits.h.
// Loading and checking, on top of what is measured; then the kernel ends the process.
constexpr unsigned kLoadSeconds = 300;

// What one process found out about one engine.
struct EngineFindings {
  std::string error;                      // Why it serves nothing; empty: it does.
  std::string classes;                    // The photos' classes, in their order.
  std::map<std::uint32_t, double> rates;  // Images a second, by workers.
};

// An engine over all rounds.
struct Candidate {
  Backend* backend = nullptr;
  std::string error;
  std::string classes;
  std::map<std::uint32_t, std::vector<double>> rates;
};

std::vector<std::uint32_t> WorkerCounts(std::uint32_t cores) {
  std::vector<std::uint32_t> counts;
  for (std::uint32_t count = 1; count < cores; count *= 2) counts.push_back(count);
  counts.push_back(cores);
  return counts;
}

Result<std::string> ClassesOf(ModelRunner& runner, const Photos& photos) {
  std::vector<float> scores(runner.classes());
  std::vector<std::uint32_t> classes;
  for (const auto& photo : photos) {
    TRY_DO(runner.ClassifyImage(photo, scores));
    classes.push_back(TopK(scores, 1).front().index);
  }
  return fmt::format("{}", fmt::join(classes, " "));
}

// In a process of its own: what an engine leaves in memory, or its threads, must not touch the
// next.
Status MeasureHere(Servable servable, Backend& backend, const Photos& photos,
                   const std::vector<std::uint32_t>& counts, Duration time, std::FILE* out) {
  servable.config.engine = backend.name();
  std::array<Backend*, 1> only{&backend};
  ModelRunner runner = TRY(ModelRunner::Load(std::move(servable), only, ImageLimits{}));
  TRY_DO(runner.CheckGolden());
  TRY_DO(WarmUp(runner, photos));
  fmt::print(out, "classes {}\n", TRY(ClassesOf(runner, photos)));
  for (const std::uint32_t count : counts) {
    const ForkedRuns runs = TRY(RunForked(runner, photos, static_cast<int>(count), time));
    fmt::print(out, "rate {} {}\n", count, runs.images_per_second);
  }
  return {};
}

EngineFindings ParseFindings(const std::string& text) {
  EngineFindings findings;
  std::istringstream lines(text);
  bool ended = false;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string kind;
    words >> kind >> std::ws;
    if (kind == "rate") {
      std::uint32_t workers = 0;
      double rate = 0;
      if (words >> workers >> rate) findings.rates[workers] = rate;
    } else if (kind == "classes") {
      std::getline(words, findings.classes);
    } else if (kind == "error") {
      std::getline(words, findings.error);
    } else if (kind == "end") {
      ended = true;
    }
  }
  if (!ended && findings.error.empty()) findings.error = "its process did not come to the end";
  return findings;
}

EngineFindings Measure(const Servable& servable, Backend& backend, const Photos& photos,
                       const std::vector<std::uint32_t>& counts, std::chrono::milliseconds time) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return {.error = "no pipe is to be had", .classes = {}, .rates = {}};
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(time).count();
    ::alarm(kLoadSeconds +
            static_cast<unsigned>(seconds) * 2 * static_cast<unsigned>(counts.size()));
    std::FILE* const out = ::fdopen(writing.get(), "w");
    if (out == nullptr) ::_exit(1);
    ::setvbuf(out, nullptr, _IOLBF, 0);  // A fork must not find anything to write again.
    const Status measured = MeasureHere(servable, backend, photos, counts, time, out);
    if (measured) {
      fmt::print(out, "end\n");
    } else {
      fmt::print(out, "error {}\n", measured.error().message);
    }
    ::_exit(0);
  }
  writing.reset();
  if (child < 0) return {.error = "no process is to be had", .classes = {}, .rates = {}};
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t size = ::read(reading.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return ParseFindings(text);
}

// All engines take turns, so that what else the host does meets all of them.
std::vector<Candidate> MeasureAll(const TuneOptions& options, const Servable& servable,
                                  const std::vector<Backend*>& engines, const Photos& photos,
                                  const std::vector<std::uint32_t>& counts) {
  std::vector<Candidate> candidates;
  for (Backend* engine : engines) candidates.push_back({engine, {}, {}, {}});
  for (int round = 0; round < options.rounds; ++round) {
    for (Candidate& candidate : candidates) {
      if (!candidate.error.empty()) continue;
      EngineFindings findings = Measure(servable, *candidate.backend, photos, counts, options.time);
      candidate.error = std::move(findings.error);
      candidate.classes = std::move(findings.classes);
      const Candidate& first = candidates.front();
      if (candidate.error.empty() && first.error.empty() && candidate.classes != first.classes) {
        candidate.error = fmt::format("gives photos other classes than {}", first.backend->name());
      }
      for (const auto& [workers, rate] : findings.rates) candidate.rates[workers].push_back(rate);
    }
  }
  return candidates;
}

std::vector<TunedPoint> PointsOf(const std::vector<Candidate>& candidates) {
  std::vector<TunedPoint> points;
  for (const Candidate& candidate : candidates) {
    if (!candidate.error.empty()) continue;
    for (auto [workers, rates] : candidate.rates) {
      std::ranges::sort(rates);
      const auto rounded = [](double rate) { return std::round(rate * 100) / 100; };
      points.push_back({.engine = std::string(candidate.backend->name()),
                        .workers = workers,
                        .images_per_second = rounded(rates[rates.size() / 2]),
                        .slowest = rounded(rates.front()),
                        .fastest = rounded(rates.back())});
    }
  }
  return points;
}

// Why it is that one, in the numbers of the table.
std::string Explain(const std::vector<TunedPoint>& points, const TunedPoint& chosen) {
  const auto best_of = [&points](const std::string& engine) {
    return BestOf(points, engine).images_per_second;
  };
  std::string why;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::string& engine = points[i].engine;
    const bool seen = i > 0 && points[i - 1].engine == engine;
    if (seen || engine == chosen.engine) continue;
    const double gain = best_of(chosen.engine) / best_of(engine);
    why += fmt::format("{}{:.2f} times the images of {}", why.empty() ? "" : ", ", gain, engine);
    if (gain < 1) why += fmt::format(" (which must be {:.2f} times as fast)", kEngineGain);
  }
  const double enough = chosen.images_per_second / best_of(chosen.engine);
  if (enough < 1) {
    why += fmt::format("{}more workers give less than {:.0f} % more", why.empty() ? "" : "; ",
                       100 / kWorkersEnough - 100);
  }
  return why.empty() ? "nothing else was to be measured" : why;
}

void PrintTable(std::FILE* out, const Servable& servable, const Tuning& tuning,
                const std::vector<Candidate>& candidates, std::size_t photos,
                const TuneOptions& options) {
  fmt::print(out, "{} on {}: {} core{}, {}\n", FormatKey(servable.key), tuning.key.cpu,
             tuning.cores, tuning.cores == 1 ? "" : "s",
             tuning.key.features.empty() ? "no vector extensions known" : tuning.key.features);
  fmt::print(out, "{}, one thread a worker, {} rounds of {:.1f} s each\n\n",
             photos == 0 ? std::string("inference alone (give --photo for decoding, too)")
                         : fmt::format("{} photo{}", photos, photos == 1 ? "" : "s"),
             options.rounds, static_cast<double>(options.time.count()) / 1000);
  fmt::print(out, "{:<24} {:>8} {:>10}   {}\n", "engine", "workers", "images/s",
             "slowest, fastest");
  for (const TunedPoint& point : tuning.points) {
    const bool chosen = point.engine == tuning.engine && point.workers == tuning.workers;
    fmt::print(out, "{:<24} {:>8} {:>10.2f}   {:.2f}, {:.2f}{}\n", point.engine, point.workers,
               point.images_per_second, point.slowest, point.fastest, chosen ? "   chosen" : "");
  }
  for (const Candidate& candidate : candidates) {
    if (candidate.error.empty()) continue;
    fmt::print(out, "{:<24} no choice: {}\n", candidate.backend->name(), candidate.error);
  }
}

Status Write(const std::filesystem::path& folder, Tuning tuning) {
  std::vector<Tuning> all = ReadTunings(folder).value_or(std::vector<Tuning>());
  ReplaceTuning(all, std::move(tuning));
  const std::filesystem::path file = folder / kTuningFile;
  if (ReplaceFile(file, FormatTunings(all))) return {};
  return Error{Reason::kUnavailable,
               fmt::format("{} cannot be written; try --dry-run, or tune a copy of the folder and "
                           "put its {} there",
                           file.string(), kTuningFile)};
}

Result<Photos> TakePhotos(const TuneOptions& options, const Servable& servable) {
  Photos photos;
  for (const std::string& file : options.photos) {
    photos.push_back(TRY(ReadPhoto(file, kPhotoBytesMax)));
  }
  if (!photos.empty()) return photos;
  for (const GoldenExample& example : servable.config.golden) {
    photos.push_back(TRY(ReadPhoto(servable.folder / example.file, kPhotoBytesMax)));
  }
  return photos;
}

std::string FormatJson(const ModelKey& key, const Tuning& tuning) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> json(buffer);
  json.SetMaxDecimalPlaces(2);
  const auto text = [&json](const char* name, const std::string& value) {
    json.Key(name);
    json.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  json.StartObject();
  text("model", FormatKey(key));
  text("cpu", tuning.key.cpu);
  text("features", tuning.key.features);
  text("engines", tuning.key.engines);
  json.Key("cores");
  json.Uint(tuning.cores);
  text("engine", tuning.engine);
  json.Key("workers");
  json.Uint(tuning.workers);
  json.Key("measured");
  json.StartArray();
  for (const TunedPoint& point : tuning.points) {
    json.StartObject();
    text("engine", point.engine);
    json.Key("workers");
    json.Uint(point.workers);
    json.Key("images_per_second");
    json.Double(point.images_per_second);
    json.Key("slowest");
    json.Double(point.slowest);
    json.Key("fastest");
    json.Double(point.fastest);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + '\n';
}

struct Outcome {
  Servable servable;
  Tuning tuning;
  TunedPoint chosen;
  std::vector<Candidate> candidates;
  std::size_t photos = 0;
};

Result<Outcome> Run(const TuneOptions& options, std::span<Backend* const> backends) {
  CatalogEntry entry = TRY(FindServable(options.folder));
  Outcome outcome{.servable = TRY(ReadServable(entry.folder, entry.key)),
                  .tuning = {},
                  .chosen = {},
                  .candidates = {},
                  .photos = 0};
  const std::vector<Backend*> engines = EnginesFor(outcome.servable, backends);
  if (engines.empty()) TRY(ChooseEngine(outcome.servable, backends));  // It says why.
  const Photos photos = TRY(TakePhotos(options, outcome.servable));
  outcome.photos = photos.size();
  Tuning& tuning = outcome.tuning;
  tuning.key = TRY(KeyOf(outcome.servable, engines));
  tuning.cores = GrantedCores(AffinityCpus(), Cgroup().CpuQuota());
  outcome.candidates =
      MeasureAll(options, outcome.servable, engines, photos, WorkerCounts(tuning.cores));
  tuning.points = PointsOf(outcome.candidates);
  if (tuning.points.empty()) {
    return Error{Reason::kBadModel, fmt::format("{}: {}", FormatKey(outcome.servable.key),
                                                outcome.candidates.front().error)};
  }
  outcome.chosen = ChoosePoint(tuning.points);
  tuning.engine = outcome.chosen.engine;
  tuning.workers = outcome.chosen.workers;
  return outcome;
}

}  // namespace

int Tune(const TuneOptions& options, std::span<Backend* const> backends,
         const CommandStreams& streams) {
  const Result<Outcome> outcome = Run(options, backends);
  if (!outcome) return FailCommand(streams, outcome.error());
  const Tuning& tuning = outcome->tuning;
  if (options.json) {
    fmt::print(streams.out, "{}", FormatJson(outcome->servable.key, tuning));
  } else {
    PrintTable(streams.out, outcome->servable, tuning, outcome->candidates, outcome->photos,
               options);
    fmt::print(streams.out, "\n{} with {} worker{}: {}\n", tuning.engine, tuning.workers,
               tuning.workers == 1 ? "" : "s", Explain(tuning.points, outcome->chosen));
  }
  if (options.dry_run) return FinishCommand(streams, 0);
  const Status written = Write(outcome->servable.folder, tuning);
  if (!written) {
    WriteError(streams, written.error().message);
    return FinishCommand(streams, kExitCannotWrite);
  }
  if (!options.json) {
    fmt::print(streams.out, "written to {}; a server follows it when it loads the version\n",
               (outcome->servable.folder / kTuningFile).string());
  }
  return FinishCommand(streams, 0);
}

}  // namespace holdfast
