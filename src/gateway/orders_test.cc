// SPDX-License-Identifier: Apache-2.0
#include "gateway/orders.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <optional>
#include <string>

#include "ipc/add_order.h"
#include "ipc/rollout_order.h"
#include "testing/inference_fixture.h"

namespace holdfast {
namespace {

class Orders : public InferenceFixture {
 protected:
  Orders() {
    options_.model_control = ModelControl::kSageMaker;
    options_.multi_model_root = "/opt/ml/models";
  }

  // Begins to carry out what `route` asks with `body`; answer_ is set when that is done.
  void Ask(const Route& route, std::string body = {}) {
    answer_.reset();
    body_ = std::move(body);
    boost::asio::co_spawn(
        loop_,
        CarryOutOrder(state_, route,
                      {reinterpret_cast<const std::uint8_t*>(body_.data()), body_.size()}),
        [this](const std::exception_ptr&, Result<HttpAnswer> answer) {
          answer_ = std::move(answer);
        });
    Turn();
  }

  // The supervisor's answer to the order that was sent last.
  void Outcome(const Status& outcome) {
    orders_.Done(sent_.back().number, outcome);
    Turn();
  }

  struct Sent {
    ModelOrder order;
    std::uint64_t number;
    std::string text;
  };
  std::vector<Sent> sent_;
  ModelOrders orders_{[this](ModelOrder order, std::uint64_t number, const std::string& text) {
    sent_.push_back({order, number, text});
    return Status();
  }};
  RequestJournal journal_{{}, metrics_, log_};
  Rollouts rollouts_{*service_, servables_, metrics_, log_,
                     [](ModelOrder, const RolloutEndOrder&) { return Status(); }};
  PipelineTurns turns_{loop_};
  ServerState state_{options_, servables_, *service_, metrics_, log_,
                     journal_, orders_,    rollouts_, turns_};
  std::string body_;
  std::optional<Result<HttpAnswer>> answer_;
};

constexpr auto kAdding = R"({"model_name":"a1","url":"/opt/ml/models/a1/model"})";

TEST_F(Orders, ADrillTellsWhoseTurnItWas) {
  Announce();
  Ask({.endpoint = Endpoint::kDrill}, R"({"fault":"nap"})");
  EXPECT_EQ(answer_->error().reason, Reason::kBadRequest);
  Ask({.endpoint = Endpoint::kDrill}, R"({"fault":"stop"})");
  EXPECT_EQ(answer_->error().reason, Reason::kNoWorker);
  const auto worker = ReadyWorker(2);
  service_->WorkerForked({2}, {1}, 77);
  Ask({.endpoint = Endpoint::kDrill}, R"({"fault":"stop"})");
  EXPECT_EQ((*answer_)->body,
            "{\"fault\":\"stop\",\"model\":\"tiny/1\",\"slot\":2,\"generation\":1,"
            "\"pid\":77}\n");
}

TEST_F(Orders, AModelIsAddedAndTheAnswerWaitsForIt) {
  Ask({.endpoint = Endpoint::kSageMakerModels, .posts = true}, kAdding);
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].order, ModelOrder::kAdd);
  EXPECT_EQ(*DecodeAddOrder(sent_[0].text),
            (AddOrder{.model = "a1", .folder = "/opt/ml/models/a1/model"}));
  EXPECT_FALSE(answer_.has_value());
  Outcome({});
  ASSERT_TRUE(answer_.has_value());
  EXPECT_EQ((*answer_)->status, 200);
}

TEST_F(Orders, WhatCannotBeAddedIsNeverSent) {
  Ask({.endpoint = Endpoint::kSageMakerModels, .posts = true},
      R"({"model_name":"a1","url":"/etc"})");
  EXPECT_EQ(answer_->error().reason, Reason::kBadRequest);
  EXPECT_TRUE(sent_.empty());
}

TEST_F(Orders, SageMakerIsToldWhatItActsOn) {
  const std::pair<Reason, int> answers[] = {{Reason::kAlreadyLoaded, 409},
                                            {Reason::kInsufficientResources, 507},
                                            {Reason::kBadModel, 400},
                                            {Reason::kNotFound, 400},
                                            {Reason::kNoWorker, 400}};
  for (const auto& [reason, status] : answers) {
    Ask({.endpoint = Endpoint::kSageMakerModels, .posts = true}, kAdding);
    Outcome(Error{reason, "why"});
    EXPECT_EQ(Describe(answer_->error().reason).http, status);
    EXPECT_EQ(answer_->error().message, "why");
  }
  Ask({.endpoint = Endpoint::kSageMakerModel, .model = "a1", .deletes = true});
  EXPECT_EQ(sent_.back().order, ModelOrder::kRemove);
  EXPECT_EQ(sent_.back().text, "a1");
  Outcome(Error{Reason::kNotFound, "none"});
  EXPECT_EQ(answer_->error().reason, Reason::kNotFound);
}

TEST_F(Orders, ATrialIsBegunPromotedAndEndedByItsOwnOrders) {
  Ask({.endpoint = Endpoint::kModelRollout, .model = "tiny", .version = 2});
  EXPECT_EQ(sent_.back().order, ModelOrder::kRollout);
  EXPECT_EQ(DecodeRolloutOrder(sent_.back().text)->rollout.version, 2);
  Outcome({});
  EXPECT_EQ((*answer_)->status, 200);
  Ask({.endpoint = Endpoint::kModelPromote, .model = "tiny"});
  EXPECT_EQ(sent_.back().order, ModelOrder::kPromote);
  Ask({.endpoint = Endpoint::kModelRollout, .model = "tiny", .deletes = true});
  EXPECT_EQ(sent_.back().order, ModelOrder::kRollBack);
  EXPECT_EQ(DecodeRolloutEndOrder(sent_.back().text)->why, "an operator's order");
  EXPECT_FALSE(IsOrder({.endpoint = Endpoint::kModelRollout, .reads = true}));
}

TEST_F(Orders, TritonsLoadsKeepTheirReasons) {
  Ask({.endpoint = Endpoint::kModelLoad, .model = "tiny"});
  EXPECT_EQ(sent_.back().order, ModelOrder::kLoad);
  Outcome(Error{Reason::kBadModel, "why"});
  EXPECT_EQ(answer_->error().reason, Reason::kBadModel);
}

}  // namespace
}  // namespace holdfast
