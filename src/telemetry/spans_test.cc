// SPDX-License-Identifier: Apache-2.0
#include "telemetry/spans.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(SpansTest, EncodesAsOtlpsJson) {
  const Span span{.trace_id = "5759e988bd862e3fe1be46a994272793",
                  .span_id = "53995c3f42cd8ad8",
                  .parent_id = "00f067aa0ba902b7",
                  .name = "infer",
                  .kind = Span::Kind::kServer,
                  .begin_unix_ns = 1'763'800'000'123'456'789,
                  .end_unix_ns = 1'763'800'000'123'456'790,
                  .attributes = {{"holdfast.items", 3}, {"http.route", std::string("/classify")}},
                  .error = "NO_WORKER"};
  EXPECT_EQ(EncodeSpans("shop", "1.2.3", {&span, 1}),
            R"({"resourceSpans":[{"resource":{"attributes":[)"
            R"({"key":"service.name","value":{"stringValue":"shop"}},)"
            R"({"key":"service.version","value":{"stringValue":"1.2.3"}}]},)"
            R"("scopeSpans":[{"scope":{"name":"holdfast"},"spans":[{)"
            R"("traceId":"5759e988bd862e3fe1be46a994272793","spanId":"53995c3f42cd8ad8",)"
            R"("parentSpanId":"00f067aa0ba902b7","name":"infer","kind":2,)"
            R"("startTimeUnixNano":"1763800000123456789","endTimeUnixNano":"1763800000123456790",)"
            R"("attributes":[{"key":"holdfast.items","value":{"intValue":"3"}},)"
            R"({"key":"http.route","value":{"stringValue":"/classify"}}],)"
            R"("status":{"code":2,"message":"NO_WORKER"}}]}]}]})");
}

TEST(SpansTest, LeavesOutWhatIsNotThere) {
  const Span span{.trace_id = "5759e988bd862e3fe1be46a994272793", .span_id = "53995c3f42cd8ad8"};
  const std::string text = EncodeSpans("shop", "1", {&span, 1});
  EXPECT_EQ(text.find("parentSpanId"), std::string::npos);
  EXPECT_EQ(text.find("status"), std::string::npos);
}

}  // namespace
}  // namespace holdfast
