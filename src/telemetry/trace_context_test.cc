// SPDX-License-Identifier: Apache-2.0
#include "telemetry/trace_context.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

constexpr std::int64_t kNow = 0x5759e988;
constexpr std::string_view kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";

TraceContext FromParent(std::string_view traceparent) {
  return TraceContextFrom(traceparent, {}, kNow);
}

TraceContext FromBalancer(std::string_view amazon) { return TraceContextFrom({}, amazon, kNow); }

// A new one: nobody has decided, and the id begins with the time.
bool IsOwn(const TraceContext& context) {
  return context.trace_id.size() == 32 && context.trace_id.starts_with("5759e988") &&
         context.parent_id.empty() && !context.sampled.has_value();
}

TEST(TraceContextTest, ReadsTraceparent) {
  EXPECT_EQ(FromParent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            (TraceContext{std::string(kTrace), "00f067aa0ba902b7", true}));
  EXPECT_EQ(FromParent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").sampled, false);
  EXPECT_EQ(FromParent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0b").sampled, true);
}

TEST(TraceContextTest, ReadsWhatALaterVersionHasInCommon) {
  EXPECT_EQ(
      FromParent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes").trace_id,
      kTrace);
}

TEST(TraceContextTest, BeginsANewTraceWhereTraceparentIsMalformed) {
  for (const char* text : {"", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
                           "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01"}) {
    EXPECT_TRUE(IsOwn(FromParent(text))) << text;
  }
}

TEST(TraceContextTest, ReadsXRaysHeader) {
  EXPECT_EQ(
      FromBalancer("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"),
      (TraceContext{"5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8", true}));
  // As a load balancer sends it, behind another's: it decides nothing.
  EXPECT_EQ(FromBalancer("Self=1-67891234-12456789abcdef012345678; "
                         "Root=1-67891233-abcdef012345678912345678"),
            (TraceContext{"67891233abcdef012345678912345678", "", std::nullopt}));
  EXPECT_EQ(FromBalancer("Root=1-67891233-abcdef012345678912345678;Sampled=?").sampled,
            std::nullopt);
}

TEST(TraceContextTest, BeginsANewTraceWhereXRaysHeaderIsMalformed) {
  for (const char* text : {"Root=", "Root=2-67891233-abcdef012345678912345678", "Parent=;;;=",
                           "Root=1-67891233abcdef012345678912345678", "Sampled=1;Root=1-6789-ab"}) {
    const TraceContext context = FromBalancer(text);
    EXPECT_TRUE(IsOwn(context)) << text;
  }
}

TEST(TraceContextTest, PrefersTraceparent) {
  EXPECT_EQ(TraceContextFrom("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                             "Root=1-67891233-abcdef012345678912345678", kNow)
                .trace_id,
            kTrace);
}

TEST(TraceContextTest, MakesDifferentIds) {
  EXPECT_NE(FromParent({}).trace_id, FromParent({}).trace_id);
  const std::string span = MakeSpanId();
  EXPECT_EQ(span.size(), 16U);
  EXPECT_NE(span, MakeSpanId());
}

}  // namespace
}  // namespace holdfast
