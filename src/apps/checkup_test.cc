// SPDX-License-Identifier: Apache-2.0
#include "apps/checkup.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace holdfast {
namespace {

using std::chrono::seconds;
using Verdict = Finding::Verdict;

// A host on which nothing is to be mended.
Host SoundHost() {
  return {.descriptors_max = 65'536,
          .descriptors_hard = 65'536,
          .tasks_max = 4'096,
          .cpus = 2,
          .cpu_quota = std::nullopt,
          .cpu = {.model = "a processor", .features = "avx2 fma"},
          .memory_limit = std::uint64_t{4} << 30,
          .memory_total = std::uint64_t{16} << 30,
          .swap_total = 0,
          .killed_together = false,
          .counts_oom_kills = true,
          .overcommit = 0,
          .listen_queue = 4'096,
          .clock_source = "kvm-clock",
          .clock_synchronised = true,
          .seals_memory = true,
          .shm_bytes = 64 << 10,
          .filters_calls = true,
          .uid = 10'001};
}

PlannedServer SoundServer() {
  return {.workers = 2,
          .versions = 1,
          .model_bytes = 100 << 20,
          .balancer_idle = seconds(60),
          .stop_timeout = seconds(30)};
}

class CheckupTest : public testing::Test {
 protected:
  Finding Of(const std::string& check) {
    const auto findings = Examine(host_, server_);
    const auto found = std::ranges::find(findings, check, &Finding::check);
    EXPECT_NE(found, findings.end()) << check;
    return found == findings.end() ? Finding{} : *found;
  }
  void Expect(const std::string& check, Verdict verdict) {
    const Finding finding = Of(check);
    EXPECT_EQ(finding.verdict, verdict) << check << ": " << finding.found;
    EXPECT_EQ(finding.matter.empty(), verdict == Verdict::kOk) << check;
    EXPECT_EQ(finding.advice.empty(), verdict == Verdict::kOk) << check;
  }

  Host host_ = SoundHost();
  PlannedServer server_ = SoundServer();
};

TEST_F(CheckupTest, OfASoundHostFindsNothing) {
  const auto findings = Examine(host_, server_);
  EXPECT_EQ(findings.size(), 18U);
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.verdict, Verdict::kOk) << finding.check << ": " << finding.found;
    EXPECT_FALSE(finding.found.empty()) << finding.check;
  }
  EXPECT_EQ(ExitCodeOf(findings), 0);
}

TEST_F(CheckupTest, JudgesOnlyWhatItWasTold) {
  server_.balancer_idle.reset();
  server_.stop_timeout.reset();
  EXPECT_EQ(Examine(host_, server_).size(), 15U);
}

TEST_F(CheckupTest, DescriptorsFollowTheConnections) {
  host_.descriptors_max = 1'024;
  Expect("descriptors", Verdict::kWarning);
  EXPECT_NE(Of("descriptors").advice.find("ulimit -n 1286"), std::string::npos)
      << "the hard limit would do";
  host_.descriptors_hard = 1'024;
  EXPECT_NE(Of("descriptors").advice.find("nofile=65536:65536"), std::string::npos);
  server_.config.connections_max = 500;
  Expect("descriptors", Verdict::kOk);
}

TEST_F(CheckupTest, TasksMustDoForTwoGenerations) {
  host_.tasks_max = 37;
  Expect("processes", Verdict::kFailure);
  host_.tasks_max = 38;
  Expect("processes", Verdict::kOk);
  host_.tasks_max.reset();
  Expect("processes", Verdict::kOk);
}

TEST_F(CheckupTest, CpusAreGrantedWhole) {
  host_.cpu_quota = 0.5;
  server_.workers = 1;
  Expect("cpus", Verdict::kWarning);
  host_.cpu_quota = 1.5;
  server_.workers = 2;
  Expect("cpus", Verdict::kWarning);
  host_.cpu_quota = 2;
  Expect("cpus", Verdict::kOk);
  server_.workers = 4;
  Expect("cpus", Verdict::kWarning);
}

TEST_F(CheckupTest, ProcessorsHaveVectors) {
  host_.cpu.features = "sse4_2 avx";
  Expect("processor", Verdict::kWarning);
  host_.cpu.features = "asimd";
  Expect("processor", Verdict::kOk);
}

TEST_F(CheckupTest, MemoryHoldsTheModels) {
  // 48 + 100 + 48 + 2 bodies of 16 MiB = 228.
  host_.memory_limit = std::uint64_t{227} << 20;
  Expect("memory", Verdict::kFailure);
  host_.memory_limit = std::uint64_t{228} << 20;
  Expect("memory", Verdict::kWarning);
  host_.memory_limit = std::uint64_t{456} << 20;
  Expect("memory", Verdict::kOk);
  host_.memory_limit.reset();
  host_.memory_total = std::uint64_t{300} << 20;
  Expect("memory", Verdict::kWarning);
}

TEST_F(CheckupTest, OneKilledForMemoryMustNotTakeAll) {
  host_.killed_together = true;
  Expect("oom-group", Verdict::kFailure);
  EXPECT_EQ(ExitCodeOf(Examine(host_, server_)), 1);
  host_.killed_together.reset();
  Expect("oom-group", Verdict::kOk);
}

TEST_F(CheckupTest, TheKernelsSettings) {
  host_.counts_oom_kills = false;
  host_.overcommit = 2;
  host_.swap_total = 1 << 30;
  host_.listen_queue = 128;
  host_.clock_source = "acpi_pm";
  for (const char* check : {"oom-counter", "overcommit", "swap", "listen-queue", "clock"}) {
    Expect(check, Verdict::kWarning);
  }
  EXPECT_EQ(ExitCodeOf(Examine(host_, server_)), 0) << "warnings stop nobody";
  host_.clock_source = "tsc";
  host_.clock_synchronised = false;
  Expect("clock", Verdict::kWarning);
  host_.clock_synchronised.reset();
  host_.overcommit.reset();
  host_.listen_queue.reset();
  for (const char* check : {"overcommit", "listen-queue", "clock"}) Expect(check, Verdict::kOk);
}

TEST_F(CheckupTest, WhatTheSandboxNeeds) {
  host_.seals_memory = false;
  Expect("shared-memory", Verdict::kFailure);
  host_.filters_calls = false;
  Expect("sandbox", Verdict::kWarning);
  server_.config.sandbox = SandboxMode::kRequired;
  Expect("sandbox", Verdict::kFailure);
  server_.config.sandbox = SandboxMode::kOff;
  Expect("sandbox", Verdict::kWarning);
  host_.uid = 0;
  Expect("user", Verdict::kWarning);
  server_.config.worker_uid = 10'001;
  Expect("user", Verdict::kOk);
}

TEST_F(CheckupTest, TimeoutsFitIntoTheOnesAround) {
  server_.config.keep_alive_s = seconds(60);
  Expect("keep-alive", Verdict::kFailure);
  EXPECT_NE(Of("keep-alive").advice.find("--keep-alive-s 75"), std::string::npos);
  server_.config.keep_alive_s = seconds(65);
  Expect("keep-alive", Verdict::kOk);
  server_.config.deadline_max_ms = seconds(60);
  Expect("deadline", Verdict::kFailure);
  EXPECT_NE(Of("deadline").advice.find("--deadline-max-ms 53000"), std::string::npos);
  server_.config.drain_timeout_s = seconds(28);
  Expect("stop", Verdict::kOk);
  server_.config.lame_duck_s = seconds(5);
  Expect("stop", Verdict::kFailure);
  EXPECT_NE(Of("stop").advice.find("--drain-timeout-s 23"), std::string::npos);
  server_.config.drain_timeout_s = seconds(9);
  Expect("drain", Verdict::kWarning);
}

TEST_F(CheckupTest, IsToldToPeopleAndToMachines) {
  host_.overcommit = 2;
  host_.killed_together = true;
  const auto findings = Examine(host_, server_);
  const std::string text = FormatFindings(findings);
  EXPECT_NE(text.find("failure  oom-group      memory.oom.group is 1\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("why: each fork of a worker"), std::string::npos);
  EXPECT_NE(text.find("do:  sysctl vm.overcommit_memory=0\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("16 ok, 1 to look at, 1 to mend\n")) << text;
  const std::string json = FormatFindingsAsJson(findings);
  EXPECT_TRUE(json.starts_with("{\"passed\":false,\"findings\":[{\"check\":\"descriptors\","))
      << json;
  EXPECT_NE(json.find("\"check\":\"overcommit\",\"verdict\":\"warning\""), std::string::npos);
}

}  // namespace
}  // namespace holdfast
