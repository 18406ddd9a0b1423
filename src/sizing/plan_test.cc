// SPDX-License-Identifier: Apache-2.0
#include "sizing/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "sizing/parameter_file.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

PlanRequest Request(std::string_view kit = "ec2-autoscaling") {
  return {.rate = 50,
          .deadline_ms = 600,
          .kit = FindKit(kit).value(),
          .workload = PublishedWorkload("resnet50").value()};
}

Tuning Measured(const std::string& cpu, std::uint32_t cores, double rate) {
  return {.key = {.cpu = cpu, .features = "avx2 fma", .model_sha256 = "", .engines = ""},
          .cores = cores,
          .engine = "onnxruntime",
          .workers = cores,
          .points = {{.engine = "onnxruntime",
                      .workers = cores,
                      .images_per_second = rate * 1.1,
                      .slowest = rate,
                      .fastest = rate * 1.2}}};
}

const Sizing& Of(const Plan& plan, std::string_view type) {
  const auto found = std::ranges::find_if(
      plan.ranked, [&](const Sizing& sizing) { return sizing.type->name == type; });
  EXPECT_NE(found, plan.ranked.end()) << type;
  return *found;
}

Plan PlanFor(const KitRule& kit) {
  auto plan = MakePlan(Request(kit.word));
  EXPECT_TRUE(plan) << kit.word << ": " << (plan ? "" : plan.error().message);
  return plan.value_or(Plan{});
}

TEST(Plan, PutsTheCheapestFirst) {
  for (const KitRule& kit : KitRules()) {
    const Plan plan = PlanFor(kit);
    EXPECT_FALSE(plan.ranked.empty());
    EXPECT_TRUE(std::ranges::is_sorted(plan.ranked, {}, &Sizing::dollars_per_million));
  }
}

void ExpectItsPromiseIsKept(const Plan& plan, const Sizing& sizing) {
  EXPECT_LE(sizing.p99_ms, sizing.p99_degraded_ms);
  EXPECT_LE(sizing.p99_degraded_ms, plan.response_limit_ms + 1e-6) << sizing.type->name;
  EXPECT_GT(sizing.alarm_ms, sizing.p99_degraded_ms);
  EXPECT_LE(sizing.alarm_ms, Request().deadline_ms);
  EXPECT_GE(sizing.instances_min, 2u);
  EXPECT_GT(sizing.instances_max, sizing.instances_min);
  EXPECT_LT(sizing.cpu_target, 100 * sizing.utilisation);
}

TEST(Plan, KeepsItsPromiseWithoutOneInstance) {
  for (const KitRule& kit : KitRules()) {
    const Plan plan = PlanFor(kit);
    for (const Sizing& sizing : plan.ranked) ExpectItsPromiseIsKept(plan, sizing);
  }
}

TEST(Plan, MarksWhatNobodyMeasured) {
  for (const KitRule& kit : KitRules()) {
    for (const Sizing& sizing : PlanFor(kit).ranked) {
      EXPECT_EQ(sizing.capacity.source, Source::kPublished);
      EXPECT_THAT(sizing.reasoning.front(), HasSubstr("published, not measured"));
    }
  }
}

TEST(Plan, CostsWhatItsInstancesCost) {
  const auto plan = MakePlan(Request());
  ASSERT_TRUE(plan);
  const Sizing& sizing = Of(*plan, "c7a.xlarge");
  const double hourly = sizing.instances_min * 0.2053;
  EXPECT_NEAR(sizing.dollars_per_month, hourly * 730, 1e-6);
  EXPECT_NEAR(sizing.dollars_per_million, hourly / (50 * 3600) * 1e6, 1e-6);
}

TEST(Plan, TakesTheMeasurementOfTheSameProcessorAsItIs) {
  PlanRequest request = Request();
  request.workload.tunings = {Measured("AMD EPYC 9R14", 4, 80), Measured("Somebody's", 2, 20)};
  const auto plan = MakePlan(request);
  ASSERT_TRUE(plan);
  const Sizing& same = Of(*plan, "c7a.xlarge");
  EXPECT_EQ(same.capacity.source, Source::kMeasured);
  EXPECT_DOUBLE_EQ(same.capacity.images_per_second, 80);
  EXPECT_DOUBLE_EQ(Of(*plan, "c7a.2xlarge").capacity.images_per_second, 160);
  const Sizing& other = Of(*plan, "c6i.xlarge");
  EXPECT_EQ(other.capacity.source, Source::kScaled);
  EXPECT_THAT(other.reasoning.front(), HasSubstr("by its data sheet"));
}

TEST(Plan, NeedsMoreInstancesForMoreImagesAndLessTime) {
  PlanRequest request = Request();
  const auto needed = [&] { return Of(MakePlan(request).value(), "c7a.xlarge").needed; };
  const std::uint32_t base = needed();
  request.rate = 500;
  const std::uint32_t more = needed();
  EXPECT_GT(more, 5 * base);
  request.p99_ms = 1.2 * 1000 * Of(MakePlan(request).value(), "c7a.xlarge").capacity.service_s();
  EXPECT_GT(needed(), more);
}

TEST(Plan, SaysWhichLimitIsInTheWayAndWhatHelps) {
  PlanRequest request = Request();
  request.deadline_ms = 5;
  const auto late = MakePlan(request);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, Reason::kUnavailable);
  EXPECT_THAT(late.error().message, HasSubstr("even without a queue"));
  EXPECT_THAT(late.error().message, HasSubstr("--deadline-ms"));
  request = Request();
  request.workload.model_bytes = std::uint64_t{100} << 30;
  EXPECT_THAT(MakePlan(request).error().message, HasSubstr("more memory"));
}

TEST(Plan, MarksWhatIsAboveTheBudget) {
  PlanRequest request = Request();
  request.budget = 1;
  const auto plan = MakePlan(request);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->chosen(), nullptr);
  EXPECT_FALSE(plan->ranked.front().within_budget);
  EXPECT_THAT(plan->ranked.front().reasoning.back(), HasSubstr("more than that"));
}

// What is said against a request that `change` has made another one; empty: nothing.
template <class Change>
std::string MessageOf(const Change& change) {
  PlanRequest request = Request();
  change(request);
  const auto plan = MakePlan(request);
  return plan ? std::string() : plan.error().message;
}

TEST(Plan, RefusesNumbersThatAreNone) {
  EXPECT_THAT(MessageOf([](auto& r) { r.rate = 0; }), HasSubstr("--rate"));
  EXPECT_THAT(MessageOf([](auto& r) { r.rate = -1; }), HasSubstr("--rate"));
  EXPECT_THAT(MessageOf([](auto& r) { r.deadline_ms = 0; }), HasSubstr("--deadline-ms"));
  EXPECT_THAT(MessageOf([](auto& r) { r.deadline_ms = 60'000; }), HasSubstr("at most 55000"));
  EXPECT_THAT(MessageOf([](auto& r) { r.p99_ms = 700; }), HasSubstr("--p99-ms"));
  EXPECT_THAT(MessageOf([](auto& r) { r.budget = 0; }), HasSubstr("--budget"));
}

TEST(Plan, RefusesTypesThatCannotBe) {
  const auto message = [](const char* type) {
    return MessageOf([type](auto& request) { request.types = {type}; });
  };
  EXPECT_THAT(message("c7i.xlrge"), HasSubstr("try c7i.xlarge"));
  EXPECT_THAT(message("t3.large"), HasSubstr("on credit"));
  EXPECT_THAT(message("g5.xlarge"), HasSubstr("accelerator"));
  EXPECT_THAT(message("fargate.2cpu-4gb"), HasSubstr("--kit"));
  EXPECT_THAT(message("ml.c7i.xlarge"), "");
}

TEST(Plan, RefusesADeadlineThatTheKitCutsShort) {
  const std::string message = MessageOf([](auto& request) {
    request.kit = FindKit("elastic-beanstalk").value();
    request.deadline_ms = 9000;
  });
  EXPECT_THAT(message, HasSubstr("8 s of draining"));
}

TEST(Plan, NamesTheNearestKitAndModel) {
  EXPECT_THAT(FindKit("esc").error().message, HasSubstr("try ecs"));
  EXPECT_THAT(PublishedWorkload("resnet51").error().message, HasSubstr("try resnet50"));
}

TEST(ParameterFile, IsOneJsonObjectOfStrings) {
  const KitRule& kit = *FindKit("sagemaker").value();
  const auto plan = MakePlan(Request("sagemaker"));
  ASSERT_TRUE(plan);
  const std::string text = FormatParameterFile(kit, plan->ranked.front());
  EXPECT_TRUE(text.starts_with("{\n  \"InstanceType\": \"ml.")) << text;
  EXPECT_THAT(text, HasSubstr("\"ConcurrencyTarget\": \""));
  EXPECT_TRUE(text.ends_with("\"\n}\n")) << text;
}

}  // namespace
}  // namespace holdfast
