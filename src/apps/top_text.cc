// SPDX-License-Identifier: Apache-2.0
#include "apps/top_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"

namespace holdfast {
namespace {

constexpr std::size_t kDeathsShown = 5;
constexpr std::size_t kErrorsShown = 5;

std::string Age(std::uint64_t ms) {
  const std::uint64_t seconds = ms / 1000;
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min", seconds / 60);
  if (seconds < 86'400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} d {} h", seconds / 86'400, seconds / 3600 % 24);
}

std::string Time(const std::optional<double>& ms) {
  if (!ms) return "-";
  if (!std::isfinite(*ms)) return "over 30 s";
  return *ms < 1000 ? fmt::format("{:.1f} ms", *ms) : fmt::format("{:.1f} s", *ms / 1000);
}

std::string_view StateWord(const RemoteStatus& status) {
  if (status.draining) return "is ending";
  return status.ready ? "ready" : "NOT READY";
}

// "#####-----"
std::string Bar(double share, std::size_t width) {
  const auto full = static_cast<std::size_t>(std::lround(share * static_cast<double>(width)));
  return std::string(full, '#') + std::string(width - full, '-');
}

std::string Figures(const TopView& view) {
  const RemoteStatus& status = view.status;
  std::string rate = "-";
  std::string refused = "-";
  std::string p50 = "-";
  std::string p99 = "-";
  std::string busy = "-";
  if (view.change) {
    rate = fmt::format("{:.1f}/s", view.change->answered_per_s);
    refused = fmt::format("{:.1f}/s", view.change->refused_per_s);
    p50 = Time(view.change->p50_ms);
    p99 = Time(view.change->p99_ms);
    if (view.change->busy) {
      busy = fmt::format("[{}] {:.0f} %", Bar(*view.change->busy, 20), *view.change->busy * 100);
    }
  }
  return fmt::format(
      "answered {:<12} p50 {:<10} p99 {:<10} refused {}\n"
      "waiting  {:<12} in flight {:<4} failed {:<7} rescued {}\n"
      "busy     {}\n",
      rate, p50, p99, refused, fmt::format("{} of {}", status.queued, status.queue_max),
      status.in_flight, status.failed, status.rescues, busy);
}

std::string Workers(const TopView& view) {
  std::string text = fmt::format("\n{:<28} {:>4} {:>8} {:<9} {:>9} {:>10} {:>10} {:>7}\n", "MODEL",
                                 "SLOT", "PID", "STATE", "FOR", "ANSWERED", "AGE", "DEATHS");
  for (const RemoteStatus::Worker& worker : view.status.workers) {
    const auto died = std::ranges::count(view.deaths, worker.slot, &RemoteDeath::slot);
    const std::string busy =
        worker.state == "busy" ? Time(static_cast<double>(worker.busy_ms)) : "";
    text += fmt::format("{:<28} {:>4} {:>8} {:<9} {:>9} {:>10} {:>10} {:>7}\n",
                        worker.model.substr(0, 28), worker.slot, worker.pid, worker.state, busy,
                        worker.answered, Age(worker.age_ms), died);
  }
  return text;
}

std::string Deaths(const TopView& view) {
  std::string text = "\nLAST DEATHS\n";
  for (std::size_t i = 0; i < std::min(view.deaths.size(), kDeathsShown); ++i) {
    const RemoteDeath& death = view.deaths[i];
    text += fmt::format("{:.19}  {} #{}: {}, {}\n", death.time, death.model, death.slot,
                        death.cause, death.explanation.empty() ? death.exit : death.explanation);
  }
  return view.deaths.empty() ? text + "none\n" : text;
}

std::string Errors(const TopView& view) {
  std::vector<RemoteStatus::Error> errors = view.status.errors;
  if (errors.empty()) return {};
  std::ranges::sort(errors, std::ranges::greater(), &RemoteStatus::Error::last_unix_ms);
  std::string text = "\nNOT ANSWERED\n";
  for (std::size_t i = 0; i < std::min(errors.size(), kErrorsShown); ++i) {
    const RemoteStatus::Error& error = errors[i];
    const std::uint64_t ago =
        view.status.unix_ms - std::min(view.status.unix_ms, error.last_unix_ms);
    text += fmt::format("{:>8} {:<24} {:>10} ago  {}\n", error.count, error.reason, Age(ago),
                        error.advice);
  }
  return text;
}

// No line wraps, and no character is cut.
std::string Fitted(std::string_view text, std::size_t columns, std::size_t lines) {
  std::string fitted;
  for (std::size_t i = 0; i < lines && !text.empty(); ++i) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    for (std::size_t column = 0; column < columns && !line.empty(); ++column) {
      const std::size_t length = std::max<std::size_t>(Utf8SequenceLength(line), 1);
      fitted += line.substr(0, length);
      line.remove_prefix(length);
    }
    fitted += '\n';
  }
  return fitted;
}

}  // namespace

std::string FormatTop(const TopView& view) {
  const RemoteStatus& status = view.status;
  const std::string text = fmt::format("holdfast {}  {}  up {}\n\n", status.version,
                                       StateWord(status), Age(status.uptime_ms)) +
                           Figures(view) + Workers(view) + Deaths(view) + Errors(view);
  return Fitted(text, view.columns, view.lines);
}

}  // namespace holdfast
