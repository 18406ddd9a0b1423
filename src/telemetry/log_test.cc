// SPDX-License-Identifier: Apache-2.0
#include "telemetry/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include "telemetry/pipe_sink.h"

namespace holdfast {
namespace {

TEST(Log, AJsonLineHoldsWhatWasSaidAndEscapesIt) {
  EXPECT_EQ(FormatLogLine(LogFormat::kJson, 1700000000.25, LogLevel::kWarning, "supervisor",
                          "worker-died", {{"slot", 3}, {"cause", "a \"b\"\n"}, {"own", true}}),
            R"({"time":"2023-11-14T22:13:20.250Z","level":"warning","role":"supervisor",)"
            R"("event":"worker-died","slot":3,"cause":"a \"b\"\n","own":true})");
}

TEST(Log, ATextLineIsOneLineWhateverAFieldHolds) {
  EXPECT_EQ(FormatLogLine(LogFormat::kText, 1700000000.25, LogLevel::kInfo, "gateway", "refused",
                          {{"why", "two\nlines"}, {"ms", 1.5}}),
            "22:13:20.250 I gateway: refused why=\"two\\nlines\" ms=1.5");
}

TEST(Log, WhatAWorkerSaysLastNeitherBreaksALineNorATerminal) {
  const std::string words = "a\xff\x1b[2J\x7f\xc2\x9b é";
  EXPECT_EQ(FormatLogLine(LogFormat::kJson, 0, LogLevel::kInfo, "r", "e", {{"w", words}}),
            R"({"time":"1970-01-01T00:00:00.000Z","level":"info","role":"r","event":"e",)"
            "\"w\":\"a\uFFFD\\u001B[2J\uFFFD\uFFFD é\"}");
  EXPECT_EQ(FormatLogLine(LogFormat::kText, 0, LogLevel::kInfo, "r", "e", {{"w", "\x1b[2J"}}),
            "00:00:00.000 I r: e w=\"\\u001B[2J\"");
}

TEST(PipeSink, NeverBlocksAndSaysHowMuchItDropped) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  PipeSink sink(ends[1]);
  const std::string line(1000, 'x');
  for (int i = 0; i < 2000; ++i) sink.WriteLine(line);  // Two megabytes, and nobody reads.
  EXPECT_GT(sink.dropped(), 0u);
  ASSERT_EQ(::fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
  std::string text;
  std::array<char, 65536> buffer{};
  while (sink.pending() || text.find("log-lines-dropped") == std::string::npos) {
    const ssize_t count = ::read(ends[0], buffer.data(), buffer.size());
    if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
    sink.Flush();
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(PipeSink, SurvivesAReaderThatGoesAway) {
  std::signal(SIGPIPE, SIG_IGN);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  PipeSink sink(ends[1]);
  ::close(ends[0]);
  sink.WriteLine("nobody reads this");
  EXPECT_FALSE(sink.pending());
  ::close(ends[1]);
}

}  // namespace
}  // namespace holdfast
