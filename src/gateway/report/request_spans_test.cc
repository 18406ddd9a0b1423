// SPDX-License-Identifier: Apache-2.0
#include "gateway/report/request_spans.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace holdfast {
namespace {

using std::chrono::milliseconds;

TimePoint At(int ms) { return TimePoint(milliseconds(ms)); }

class RequestSpansTest : public testing::Test {
 protected:
  RequestSpansTest() {
    record_.kind = RequestRecord::Kind::kInference;
    record_.id = "the-request";
    record_.method = "POST";
    record_.endpoint = "/v1/models/*:predict";
    record_.model = "tiny/1";
    record_.trace = {"4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", true};
    record_.status = 200;
    record_.Begin(At(100));
    record_.Admitted(At(101));
    record_.received = At(105);
  }

  std::vector<Span> Spans() { return SpansOf(record_, At(130), kOffset); }

  // "queue 5-10": milliseconds since the request's begin.
  static std::vector<std::string> Words(const std::vector<Span>& spans) {
    std::vector<std::string> words;
    const std::int64_t begin = spans.front().begin_unix_ns;
    for (const Span& span : spans) {
      words.push_back(span.name + ' ' + std::to_string((span.begin_unix_ns - begin) / 1'000'000) +
                      '-' + std::to_string((span.end_unix_ns - begin) / 1'000'000));
    }
    return words;
  }

  static constexpr Duration kOffset = std::chrono::hours(1'000);
  RequestRecord record_;
};

TEST_F(RequestSpansTest, TellWhereTheTimeWent) {
  record_.Answered({{.reason = Reason::kOk,
                     .attempts = 1,
                     .times = {.queued = At(106),
                               .dispatched = At(110),
                               .ended = At(128),
                               .preprocess_us = 3'000,
                               .infer_us = 12'000}}});
  const std::vector<Span> spans = Spans();
  EXPECT_EQ(Words(spans),
            (std::vector<std::string>{"POST /v1/models/*:predict 0-30", "admission 0-1",
                                      "receive 1-5", "queue 6-10", "decode 10-13", "infer 13-25"}));
  EXPECT_EQ(spans[0].begin_unix_ns, (At(100).time_since_epoch() + kOffset).count());
  EXPECT_EQ(spans[0].parent_id, "00f067aa0ba902b7");
  EXPECT_EQ(spans[0].kind, Span::Kind::kServer);
  EXPECT_TRUE(spans[0].error.empty());
  for (std::size_t i = 1; i < spans.size(); ++i) {
    EXPECT_EQ(spans[i].trace_id, record_.trace.trace_id);
    EXPECT_EQ(spans[i].parent_id, spans[0].span_id) << spans[i].name;
    EXPECT_NE(spans[i].span_id, spans[0].span_id);
  }
}

TEST_F(RequestSpansTest, ShowARescue) {
  record_.Answered({{.reason = Reason::kOk,
                     .attempts = 2,
                     .times = {.queued = At(106),
                               .dispatched = At(120),
                               .ended = At(128),
                               .lost = {{.dispatched = At(110), .lost = At(118)}},
                               .preprocess_us = 1'000,
                               .infer_us = 5'000}}});
  const std::vector<Span> spans = Spans();
  EXPECT_EQ(Words(spans),
            (std::vector<std::string>{"POST /v1/models/*:predict 0-30", "admission 0-1",
                                      "receive 1-5", "queue 6-10", "lost attempt 10-18",
                                      "rescue 18-20", "decode 20-21", "infer 21-26"}));
  EXPECT_EQ(spans[4].error, "worker lost");
  EXPECT_TRUE(spans[5].error.empty());
}

TEST_F(RequestSpansTest, OfSeveralItemsSayWhich) {
  const ItemTimes times{.queued = At(106), .dispatched = At(110), .ended = At(120), .infer_us = 1};
  record_.Answered(
      {{.reason = Reason::kOk, .times = times}, {.reason = Reason::kOk, .times = times}});
  int second = 0;
  for (const Span& span : Spans()) {
    second += static_cast<int>(std::ranges::any_of(span.attributes, [](const auto& attribute) {
      return attribute.key == "holdfast.item" &&
             attribute.value == decltype(attribute.value){std::int64_t{1}};
    }));
  }
  EXPECT_EQ(second, 3) << "queue, decode, infer";
}

TEST_F(RequestSpansTest, FailuresAreErrorsAndClientsMistakesAreNot) {
  record_.status = 503;
  record_.reason = Reason::kNoWorker;
  EXPECT_EQ(Spans()[0].error, "NO_WORKER");
  record_.status = 404;
  record_.reason = Reason::kNotFound;
  EXPECT_EQ(Spans()[0].error, "");
  const auto attributes = Spans()[0].attributes;
  EXPECT_TRUE(std::ranges::any_of(attributes, [](const auto& attribute) {
    return attribute.key == "error.type" && std::get<std::string>(attribute.value) == "NOT_FOUND";
  }));
}

TEST_F(RequestSpansTest, OfACallThatWasRefusedAtOnceAreOne) {
  record_.Begin(At(100));
  EXPECT_EQ(Words(Spans()), (std::vector<std::string>{"POST /v1/models/*:predict 0-30"}));
}

}  // namespace
}  // namespace holdfast
