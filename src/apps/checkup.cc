// SPDX-License-Identifier: Apache-2.0
#include "apps/checkup.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "lifecycle/worker_count.h"
#include "telemetry/json_text.h"

namespace holdfast {
namespace {

using Verdict = Finding::Verdict;

constexpr std::array<std::string_view, 3> kVerdictWords{"ok", "warning", "failure"};
// Beside clients' connections: operators', listeners, channels and arenas of workers, logs.
constexpr std::uint64_t kDescriptorsSpare = 256;
constexpr std::uint64_t kDescriptorsOfAWorker = 3;
// Supervisor, gateway with gRPC's threads, scout, and a zygote a version.
constexpr std::uint64_t kTasksOfTheServer = 32;
constexpr int kOvercommitNever = 2;
constexpr int kListenQueueLeast = 512;
// The supervisor's own work after the drain.
constexpr std::chrono::seconds kStopSpare{2};
// Keep-alive must not end just as the balancer sends the next request.
constexpr std::chrono::seconds kIdleSpare{5};

Finding Ok(std::string check, std::string found) {
  return {.check = std::move(check), .verdict = Verdict::kOk, .found = std::move(found)};
}

std::string Mebibytes(std::uint64_t bytes) { return fmt::format("{} MiB", bytes >> 20); }

Finding CheckDescriptors(const Host& host, const PlannedServer& server) {
  const std::uint64_t needed =
      server.config.connections_max + kDescriptorsSpare +
      std::uint64_t{server.workers} * server.versions * kDescriptorsOfAWorker;
  const std::string found =
      fmt::format("{} may be open, {} are needed for {} connections", host.descriptors_max, needed,
                  server.config.connections_max);
  if (host.descriptors_max >= needed) return Ok("descriptors", found);
  return {
      "descriptors", Verdict::kWarning, found,
      "once they are used up, clients wait for a connection although --connections-max has room",
      host.descriptors_hard >= needed
          ? fmt::format("raise the soft limit: ulimit -n {}", needed)
          : fmt::format("raise the limit (docker and podman: --ulimit nofile={0}:{0}; ECS: "
                        "ulimits of the container; systemd: LimitNOFILE={0}), or lower "
                        "--connections-max",
                        std::max<std::uint64_t>(needed, 65'536))};
}

Finding CheckTasks(const Host& host, const PlannedServer& server) {
  // Twice: while one version replaces another, both have theirs.
  const std::uint64_t needed =
      kTasksOfTheServer + 2 * (std::uint64_t{server.workers} + 1) * server.versions;
  if (!host.tasks_max) return Ok("processes", "no limit");
  const std::string found =
      fmt::format("{} processes and threads may live, {} are needed", *host.tasks_max, needed);
  if (*host.tasks_max >= needed) return Ok("processes", found);
  return {"processes", Verdict::kFailure, found,
          "workers that die cannot be replaced once the limit is reached",
          fmt::format("raise pids.max (docker and podman: --pids-limit {}; ECS: the task's "
                      "nproc ulimit), or lower --workers",
                      4 * needed)};
}

Finding CheckCpus(const Host& host, const PlannedServer& server) {
  const double granted = std::min(static_cast<double>(host.cpus),
                                  host.cpu_quota.value_or(static_cast<double>(host.cpus)));
  const std::string found = fmt::format("{:.3g} granted, {} worker{} a version", granted,
                                        server.workers, server.workers == 1 ? "" : "s");
  if (granted < 1) {
    return {"cpus", Verdict::kWarning, found,
            "with a quota below one CPU the kernel stops the server for a part of each 100 ms: "
            "latencies have gaps of that size",
            "grant one CPU or more"};
  }
  if (static_cast<double>(server.workers) > std::ceil(granted)) {
    return {"cpus", Verdict::kWarning, found,
            "more workers than CPUs take turns: each image takes longer, and none more get done",
            "leave --workers at 0, or grant more CPUs"};
  }
  const double part = granted - std::floor(granted);
  if (host.cpu_quota && part > 0.01) {
    return {"cpus", Verdict::kWarning, found,
            "one worker has a part of a CPU, and is stopped for the rest of each 100 ms",
            "grant whole CPUs"};
  }
  return Ok("cpus", found);
}

Finding CheckProcessor(const Host& host) {
  const std::string found = fmt::format("{}{}{}", host.cpu.model,
                                        host.cpu.features.empty() ? "" : ": ", host.cpu.features);
  const std::string words = ' ' + host.cpu.features + ' ';
  const bool vectors = words.find(" avx2 ") != std::string::npos ||
                       words.find(" asimd ") != std::string::npos ||
                       words.find(" neon ") != std::string::npos;
  if (vectors) return Ok("processor", found);
  return {"processor", Verdict::kWarning, found,
          "without AVX2 (x86) or NEON (Arm) inference takes several times as long",
          "take an instance type of the last ten years; in a virtual machine, pass the host's "
          "features through"};
}

Finding CheckMemory(const Host& host, const PlannedServer& server) {
  const std::uint64_t granted = host.memory_limit.value_or(host.memory_total);
  const std::uint64_t needed = kServerBytes + server.model_bytes + kDecodeBytes +
                               server.config.body_bytes_max * server.workers;
  const std::string found =
      fmt::format("{} granted{}, {} needed at the very least", Mebibytes(granted),
                  host.memory_limit ? "" : " (no limit is set)", Mebibytes(needed));
  if (granted >= 2 * needed) return Ok("memory", found);
  return {"memory", granted < needed ? Verdict::kFailure : Verdict::kWarning, found,
          "a loaded model takes more than its file, and each worker some of its own; what does not "
          "fit, the kernel ends",
          fmt::format("grant {} or more; the start-up plan says how many workers fit",
                      Mebibytes(2 * needed))};
}

Finding CheckKilledTogether(const Host& host) {
  if (!host.killed_together) return Ok("oom-group", "the control group has no such switch");
  if (!*host.killed_together) {
    return Ok("oom-group", "the kernel ends one process for memory, not all");
  }
  return {"oom-group", Verdict::kFailure, "memory.oom.group is 1",
          "when one worker takes too much memory the kernel ends the whole server, and with it the "
          "requests that another worker would have answered",
          "turn it off: on Kubernetes singleProcessOOMKill: true in the kubelet's configuration "
          "(from 1.32 on); elsewhere write 0 to memory.oom.group"};
}

Finding CheckOomCounter(const Host& host) {
  if (host.counts_oom_kills) return Ok("oom-counter", "the control group counts kills for memory");
  return {"oom-counter", Verdict::kWarning, "the control group's counter cannot be read",
          "workers that the kernel ends for memory are told as killed-from-outside",
          "mount /sys/fs/cgroup into the container, read-only"};
}

Finding CheckOvercommit(const Host& host) {
  if (!host.overcommit) return Ok("overcommit", "vm.overcommit_memory cannot be read");
  const std::string found = fmt::format("vm.overcommit_memory is {}", *host.overcommit);
  if (*host.overcommit != kOvercommitNever) return Ok("overcommit", found);
  return {"overcommit", Verdict::kWarning, found,
          "each fork of a worker must then have room for the whole model, although they share it",
          "sysctl vm.overcommit_memory=0"};
}

Finding CheckSwap(const Host& host) {
  if (host.swap_total == 0) return Ok("swap", "none");
  return {"swap", Verdict::kWarning, Mebibytes(host.swap_total),
          "a model that was swapped out makes its workers look as if they hung",
          "swapoff -a, or memory.swap.max = 0 for the container"};
}

Finding CheckClock(const Host& host) {
  static constexpr std::array<std::string_view, 3> kSlow{"hpet", "acpi_pm", "jiffies"};
  const std::string found =
      fmt::format("{}, {}", host.clock_source.empty() ? "unknown source" : host.clock_source,
                  !host.clock_synchronised   ? "not known whether it is synchronised"
                  : *host.clock_synchronised ? "synchronised"
                                             : "not synchronised");
  if (std::ranges::find(kSlow, host.clock_source) != kSlow.end()) {
    return {"clock", Verdict::kWarning, found,
            "reading this clock takes microseconds, and each request reads it ten times",
            "choose tsc or the hypervisor's own: see "
            "/sys/devices/system/clocksource/clocksource0/available_clocksource"};
  }
  if (host.clock_synchronised == false) {
    return {"clock", Verdict::kWarning, found,
            "certificates, signatures for AWS (15 minutes) and logs depend on the right time; "
            "deadlines do not",
            "run chrony or systemd-timesyncd on the host"};
  }
  return Ok("clock", found);
}

Finding CheckSharedMemory(const Host& host) {
  if (!host.seals_memory) {
    return {"shared-memory", Verdict::kFailure, "memfd_create with seals is refused",
            "images reach workers that way", "use a kernel from 3.17 on, or another sandbox"};
  }
  return Ok("shared-memory", host.shm_bytes
                                 ? fmt::format("memfd works; the {} KiB of /dev/shm are not used",
                                               *host.shm_bytes >> 10)
                                 : "memfd works; /dev/shm is not used");
}

Finding CheckListenQueue(const Host& host) {
  if (!host.listen_queue) return Ok("listen-queue", "net.core.somaxconn cannot be read");
  const std::string found = fmt::format("{} connections may wait", *host.listen_queue);
  if (*host.listen_queue >= kListenQueueLeast) return Ok("listen-queue", found);
  return {"listen-queue", Verdict::kWarning, found,
          "in a burst, or while a gateway is replaced, the kernel turns clients away",
          "sysctl net.core.somaxconn=4096"};
}

Finding CheckSandbox(const Host& host, const PlannedServer& server) {
  if (server.config.sandbox == SandboxMode::kOff) {
    return {"sandbox", Verdict::kWarning, "--sandbox is off",
            "a picture that finds a fault in a decoder has the server's rights",
            "leave --sandbox out"};
  }
  if (host.filters_calls) return Ok("sandbox", "the kernel filters system calls");
  const bool required = server.config.sandbox == SandboxMode::kRequired;
  return {"sandbox", required ? Verdict::kFailure : Verdict::kWarning,
          "the kernel has no seccomp filters",
          required ? "--sandbox required ends the start" : "workers are confined less",
          "allow seccomp in the container's profile"};
}

Finding CheckUser(const Host& host, const PlannedServer& server) {
  if (host.uid != 0) return Ok("user", fmt::format("uid {}", host.uid));
  if (server.config.worker_uid) {
    return Ok("user", fmt::format("root; workers run as uid {}", *server.config.worker_uid));
  }
  return {"user", Verdict::kWarning, "root, and workers too",
          "a fault in a decoder would have root's rights within the sandbox",
          "run as another user, or where the platform wants root give --worker-uid 10001"};
}

Finding CheckKeepAlive(const PlannedServer& server) {
  const auto idle = *server.balancer_idle;
  const std::string found = fmt::format("ours {} s, the load balancer's {} s",
                                        server.config.keep_alive_s.count(), idle.count());
  if (server.config.keep_alive_s >= idle + kIdleSpare) return Ok("keep-alive", found);
  return {"keep-alive", Verdict::kFailure, found,
          "the server closes a connection just as the load balancer sends a request on it: its "
          "client gets 502",
          fmt::format("--keep-alive-s {}, or a shorter idle timeout there",
                      (idle + 3 * kIdleSpare).count())};
}

Finding CheckDeadline(const PlannedServer& server) {
  const auto idle = *server.balancer_idle;
  const auto longest = server.config.deadline_max_ms;
  const std::string found =
      fmt::format("at most {} s, the load balancer gives up after {} s",
                  std::chrono::duration<double>(longest).count(), idle.count());
  if (longest < idle) return Ok("deadline", found);
  return {"deadline", Verdict::kFailure, found, "it answers 504 for us while we still work",
          fmt::format("--deadline-max-ms {}", (idle.count() - idle.count() / 10 - 1) * 1000)};
}

Finding CheckStop(const PlannedServer& server) {
  const ServerConfig& config = server.config;
  const auto needed = config.lame_duck_s + config.drain_timeout_s + kStopSpare;
  const std::string found = fmt::format(
      "{} s of lame duck and {} s of drain, the platform kills after {} s",
      config.lame_duck_s.count(), config.drain_timeout_s.count(), server.stop_timeout->count());
  if (needed <= *server.stop_timeout) return Ok("stop", found);
  const auto drain =
      std::max<std::int64_t>(1, (*server.stop_timeout - config.lame_duck_s - kStopSpare).count());
  return {"stop", Verdict::kFailure, found,
          "what is not answered by then is cut off without an answer",
          fmt::format("a stop timeout of {} s or more (docker stop --time; ECS stopTimeout; "
                      "Kubernetes terminationGracePeriodSeconds), or --drain-timeout-s {}",
                      needed.count(), drain)};
}

Finding CheckDrain(const PlannedServer& server) {
  const ServerConfig& config = server.config;
  const std::string found =
      fmt::format("{} s to drain, {} s is the usual deadline", config.drain_timeout_s.count(),
                  std::chrono::duration<double>(config.deadline_default_ms).count());
  if (config.drain_timeout_s >= config.deadline_default_ms) return Ok("drain", found);
  return {"drain", Verdict::kWarning, found,
          "a request may have more time than the server has once it is told to stop",
          "raise --drain-timeout-s, or lower --deadline-default-ms"};
}

}  // namespace

std::vector<Finding> Examine(const Host& host, const PlannedServer& server) {
  std::vector<Finding> findings{CheckDescriptors(host, server),
                                CheckTasks(host, server),
                                CheckCpus(host, server),
                                CheckProcessor(host),
                                CheckMemory(host, server),
                                CheckKilledTogether(host),
                                CheckOomCounter(host),
                                CheckOvercommit(host),
                                CheckSwap(host),
                                CheckClock(host),
                                CheckSharedMemory(host),
                                CheckListenQueue(host),
                                CheckSandbox(host, server),
                                CheckUser(host, server),
                                CheckDrain(server)};
  if (server.balancer_idle) {
    findings.push_back(CheckKeepAlive(server));
    findings.push_back(CheckDeadline(server));
  }
  if (server.stop_timeout) findings.push_back(CheckStop(server));
  return findings;
}

int ExitCodeOf(const std::vector<Finding>& findings) {
  return std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.verdict == Verdict::kFailure; });
}

std::string FormatFindings(const std::vector<Finding>& findings) {
  std::string text;
  std::array<int, kVerdictWords.size()> counts{};
  for (const Finding& finding : findings) {
    const auto verdict = static_cast<std::size_t>(finding.verdict);
    ++counts.at(verdict);
    text +=
        fmt::format("{:<8} {:<14} {}\n", kVerdictWords.at(verdict), finding.check, finding.found);
    if (!finding.matter.empty()) text += fmt::format("{:23} why: {}\n", "", finding.matter);
    if (!finding.advice.empty()) text += fmt::format("{:23} do:  {}\n", "", finding.advice);
  }
  return text + fmt::format("{} ok, {} to look at, {} to mend\n", counts[0], counts[1], counts[2]);
}

std::string FormatFindingsAsJson(const std::vector<Finding>& findings) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  const auto put = [&writer](const char* key, std::string_view text) {
    writer.Key(key);
    PutText(writer, text);
  };
  writer.StartObject();
  writer.Key("passed");
  writer.Bool(ExitCodeOf(findings) == 0);
  writer.Key("findings");
  writer.StartArray();
  for (const Finding& finding : findings) {
    writer.StartObject();
    put("check", finding.check);
    put("verdict", kVerdictWords.at(static_cast<std::size_t>(finding.verdict)));
    put("found", finding.found);
    put("matter", finding.matter);
    put("advice", finding.advice);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + '\n';
}

}  // namespace holdfast
