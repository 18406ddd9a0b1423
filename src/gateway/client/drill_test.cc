// SPDX-License-Identifier: Apache-2.0
#include "gateway/client/drill.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <mutex>
#include <set>
#include <string_view>

#include "gateway/client/generated_picture.h"
#include "gateway/client/metrics_text.h"
#include "gateway/client/open_loop.h"
#include "os/steady_clock.h"

namespace holdfast {
namespace {

using Counts = std::map<std::string, std::uint64_t>;

constexpr std::string_view kScrape =
    "# HELP holdfast_worker_exits_total Worker processes that ended, by cause\n"
    "# TYPE holdfast_worker_exits_total counter\n"
    "holdfast_worker_exits_total{cause=\"hung\",model=\"a/1\"} 2\n"
    "holdfast_worker_exits_total{cause=\"hung\",model=\"b/1\"} 1\n"
    "holdfast_worker_exits_total{model=\"b/1\",cause=\"signal\"} 4\n"
    "holdfast_workers_ready 3\n"
    "holdfast_requests_unaccounted -1\n"
    "holdfast_odd Nan\n"
    "nonsense\n";

TEST(MetricsText, AddsUpByNameAndByLabel) {
  const MetricsText metrics = MetricsText::Parse(kScrape);
  EXPECT_EQ(metrics.Sum("holdfast_worker_exits_total"), 7u);
  EXPECT_EQ(metrics.Sum("holdfast_workers_ready"), 3u);
  EXPECT_EQ(metrics.Sum("holdfast_worker"), 0u);
  EXPECT_EQ(metrics.Value("holdfast_requests_unaccounted"), -1);
  EXPECT_EQ(metrics.ByLabel("holdfast_worker_exits_total", "cause"),
            (Counts{{"hung", 3}, {"signal", 4}}));
}

TEST(MetricsText, TellsWhatHappenedBetweenTwoScrapes) {
  EXPECT_EQ(CountedBetween({{"hung", 3}, {"signal", 1}}, {{"hung", 3}, {"signal", 2}, {"exit", 1}}),
            (Counts{{"signal", 1}, {"exit", 1}}));
}

TEST(GeneratedPicture, IsAPngOfItsOwnForEachSeed) {
  const auto picture = GeneratedPicture(0);
  EXPECT_EQ(picture, GeneratedPicture(0));
  EXPECT_NE(picture, GeneratedPicture(1));
  const std::string_view text(reinterpret_cast<const char*>(picture.data()), picture.size());
  EXPECT_TRUE(text.starts_with("\x89PNG\r\n\x1a\n"));
  // The checksum of an empty IEND, which every PNG ends with.
  EXPECT_TRUE(text.ends_with("IEND\xAE\x42\x60\x82"));
}

TEST(OpenLoop, SendsWhatIsDueWhileEarlierRequestsAreWaitedFor) {
  std::latch all_sent(8);
  std::atomic<int> sent = 0;
  OpenLoop loop({.per_second = 1'000'000, .in_flight_max = 8}, [&](std::uint64_t, TimePoint) {
    if (++sent <= 8) all_sent.arrive_and_wait();  // None ends before eight are on their way.
  });
  all_sent.wait();
  loop.Stop();
  EXPECT_GE(sent, 8);
}

TEST(OpenLoop, NumbersEveryRequestAndTellsWhenItWasDue) {
  std::mutex mutex;
  std::set<std::uint64_t> numbers;
  std::latch enough(20);
  OpenLoop loop({.per_second = 10'000, .in_flight_max = 4},
                [&](std::uint64_t number, TimePoint due) {
                  EXPECT_LE(due, Now());
                  const std::scoped_lock lock(mutex);
                  EXPECT_TRUE(numbers.insert(number).second);
                  if (numbers.size() <= 20) enough.count_down();
                });
  enough.wait();
  loop.Stop();
  EXPECT_TRUE(numbers.contains(0));
}

TEST(Drill, SaysThatNoServerIsThere) {
  const auto report = RunDrill({.admin = {.host = "127.0.0.1", .port = 1, .target = "/"},
                                .faults = {DrillFault::kKill},
                                .pictures = {GeneratedPicture(0)}},
                               [](const DrillEvent&) {});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().reason, Reason::kUnavailable);
}

}  // namespace
}  // namespace holdfast
