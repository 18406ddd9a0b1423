// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/worker_count.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast {
namespace {

using testing::HasSubstr;

TEST(WorkerCount, IsOnePerCpuOfTheAffinity) {
  const WorkerCount count = ChooseWorkerCount({.affinity_cpus = 8}, 0);
  EXPECT_EQ(count.workers, 8u);
  EXPECT_EQ(count.why, "one per core: 8 CPUs by affinity, no cgroup quota");
}

TEST(WorkerCount, IsNoMoreThanTheQuotaRoundedUp) {
  const WorkerCount count = ChooseWorkerCount({.affinity_cpus = 8, .quota_cpus = 2.5}, 0);
  EXPECT_EQ(count.workers, 3u);
  EXPECT_THAT(count.why, HasSubstr("2.5 by cgroup quota"));
}

TEST(WorkerCount, IsAtLeastOne) {
  EXPECT_EQ(ChooseWorkerCount({.affinity_cpus = 4, .quota_cpus = 0.2}, 0).workers, 1u);
  EXPECT_EQ(ChooseWorkerCount({.affinity_cpus = 0}, 0).workers, 1u);
}

TEST(WorkerCount, IsNoMoreThanTheAffinityWhateverTheQuota) {
  EXPECT_EQ(ChooseWorkerCount({.affinity_cpus = 4, .quota_cpus = 1e12}, 0).workers, 4u);
}

TEST(WorkerCount, IsWhatWasAskedAndSaysSoWhenThatIsTooMany) {
  const WorkerCount fewer = ChooseWorkerCount({.affinity_cpus = 4}, 2);
  EXPECT_EQ(fewer.workers, 2u);
  EXPECT_THAT(fewer.why, testing::StartsWith("as asked"));
  EXPECT_THAT(fewer.why, Not(HasSubstr("more than")));
  const WorkerCount more = ChooseWorkerCount({.affinity_cpus = 1}, 2);
  EXPECT_EQ(more.workers, 2u);
  EXPECT_EQ(more.why,
            "as asked; 1 CPU by affinity, no cgroup quota; more than the 1 that run at once");
}

TEST(WorkerCount, WritesALargeQuotaInFull) {
  EXPECT_THAT(ChooseWorkerCount({.affinity_cpus = 192, .quota_cpus = 128}, 0).why,
              HasSubstr(", 128 by cgroup quota"));
}

constexpr std::uint64_t kMiB = 1 << 20;

TEST(WorkersThatFit, ShareWhatTheModelsLeave) {
  MemoryNeeds needs{.models = 100 * kMiB, .worker = 10 * kMiB, .largest_body = 16 * kMiB};
  const std::uint64_t each = needs.worker + needs.largest_body + kDecodeBytes;
  const std::uint64_t fixed = kServerBytes + needs.models;
  EXPECT_EQ(WorkersThatFit(fixed + 3 * each, needs), 3u);
  EXPECT_EQ(WorkersThatFit(fixed + 3 * each - 1, needs), 2u);
  needs.models_count = 2;
  EXPECT_EQ(WorkersThatFit(fixed + 4 * each, needs), 2u);
}

TEST(WorkersThatFit, IsNoneWhereTheModelsFillTheLimit) {
  EXPECT_EQ(WorkersThatFit(100 * kMiB, {.models = 100 * kMiB}), 0u);
  EXPECT_EQ(WorkersThatFit(0, {}), 0u);
  EXPECT_EQ(WorkersThatFit(kServerBytes + 1, {}), 0u);
}

}  // namespace
}  // namespace holdfast
