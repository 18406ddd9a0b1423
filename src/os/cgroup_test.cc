// SPDX-License-Identifier: Apache-2.0
#include "os/cgroup.h"

#include <gtest/gtest.h>

#include <string>

#include "testing/temp_dir.h"

namespace holdfast {
namespace {

constexpr const char* kV1Groups =
    "7:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n";

TEST(Cgroup, ReadsVersionTwo) {
  const TempDir root;
  root.Write("sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
  root.Write("proc/self/cgroup", "0::/app\n");
  root.Write("sys/fs/cgroup/app/cpu.max", "150000 100000\n");
  root.Write("sys/fs/cgroup/app/memory.max", "314572800\n");
  root.Write("sys/fs/cgroup/app/memory.current", "1048576\n");
  root.Write("sys/fs/cgroup/app/pids.max", "512\n");
  root.Write("sys/fs/cgroup/app/memory.oom.group", "1\n");
  root.Write("sys/fs/cgroup/app/memory.events", "low 0\nhigh 0\nmax 9\noom 4\noom_kill 3\n");
  const Cgroup cgroup(root.path());
  EXPECT_EQ(cgroup.CpuQuota(), 1.5);
  EXPECT_EQ(cgroup.MemoryLimit(), 314'572'800u);
  EXPECT_EQ(cgroup.MemoryUsage(), 1'048'576u);
  EXPECT_EQ(cgroup.OomKills(), 3u);
  EXPECT_EQ(cgroup.TasksLimit(), 512u);
  EXPECT_EQ(cgroup.KillsTogether(), true);
}

TEST(Cgroup, ReadsVersionOne) {
  const TempDir root;
  root.Write("proc/self/cgroup", kV1Groups);
  root.Write("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "50000\n");
  root.Write("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us", "100000\n");
  root.Write("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "104857600\n");
  root.Write("sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", "4096\n");
  root.Write("sys/fs/cgroup/memory/docker/abc/memory.oom_control",
             "oom_kill_disable 0\nunder_oom 0\noom_kill 12\n");
  const Cgroup cgroup(root.path());
  EXPECT_EQ(cgroup.CpuQuota(), 0.5);
  EXPECT_EQ(cgroup.MemoryLimit(), 104'857'600u);
  EXPECT_EQ(cgroup.MemoryUsage(), 4096u);
  EXPECT_EQ(cgroup.OomKills(), 12u);
  EXPECT_EQ(cgroup.KillsTogether(), std::nullopt);
}

TEST(Cgroup, InAContainerWithoutANamespaceTheMountsRootIsTheGroup) {
  const TempDir one;
  one.Write("proc/self/cgroup", kV1Groups);
  one.Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "1000\n");
  one.Write("sys/fs/cgroup/memory/memory.oom_control", "oom_kill 2\n");
  EXPECT_EQ(Cgroup(one.path()).MemoryLimit(), 1000u);
  EXPECT_EQ(Cgroup(one.path()).OomKills(), 2u);

  const TempDir two;
  two.Write("sys/fs/cgroup/cgroup.controllers", "");
  two.Write("proc/self/cgroup", "0::/system.slice/docker-abc.scope\n");
  two.Write("sys/fs/cgroup/memory.max", "2000\n");
  EXPECT_EQ(Cgroup(two.path()).MemoryLimit(), 2000u);
}

TEST(Cgroup, NoLimitIsNoNumber) {
  const TempDir two;
  two.Write("sys/fs/cgroup/cgroup.controllers", "");
  two.Write("sys/fs/cgroup/cpu.max", "max 100000\n");
  two.Write("sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(Cgroup(two.path()).CpuQuota(), std::nullopt);
  EXPECT_EQ(Cgroup(two.path()).MemoryLimit(), std::nullopt);

  const TempDir one;
  one.Write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  one.Write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  one.Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(Cgroup(one.path()).CpuQuota(), std::nullopt);
  EXPECT_EQ(Cgroup(one.path()).MemoryLimit(), std::nullopt);
}

TEST(Cgroup, WhatCannotBeReadIsNoLimit) {
  const TempDir root;
  const Cgroup cgroup(root.path());
  EXPECT_EQ(cgroup.CpuQuota(), std::nullopt);
  EXPECT_EQ(cgroup.MemoryLimit(), std::nullopt);
  EXPECT_EQ(cgroup.MemoryUsage(), std::nullopt);
  EXPECT_EQ(cgroup.OomKills(), std::nullopt);
}

TEST(Cgroup, NonsenseIsNoLimit) {
  for (const std::string text : {"", "\n", "12x\n", "18446744073709551619\n",
                                 "99999999999999999999999999\n", "-5\n", "0x10\n"}) {
    const TempDir root;
    root.Write("sys/fs/cgroup/cgroup.controllers", "");
    root.Write("proc/self/cgroup", "nonsense\n::\n0\n");
    root.Write("sys/fs/cgroup/memory.max", text);
    root.Write("sys/fs/cgroup/cpu.max", "100000 0\n");
    root.Write("sys/fs/cgroup/memory.events", "oom_kill many\n");
    EXPECT_EQ(Cgroup(root.path()).MemoryLimit(), std::nullopt) << text;
    EXPECT_EQ(Cgroup(root.path()).CpuQuota(), std::nullopt);
    EXPECT_EQ(Cgroup(root.path()).OomKills(), std::nullopt);
  }
}

TEST(AffinityCpus, AreAtLeastOne) { EXPECT_GE(AffinityCpus(), 1u); }

}  // namespace
}  // namespace holdfast
