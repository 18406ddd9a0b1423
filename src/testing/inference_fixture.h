// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/inference_service.h"
#include "os/steady_clock.h"

namespace holdfast {

// The worker's side of a channel and an arena, in the test's own process: it does what the test
// says, and nothing by itself.
class FakeWorker {
 public:
  FakeWorker(SlotId slot, Generation generation, UniqueFd channel, Arena arena)
      : slot_(slot),
        generation_(generation),
        channel_(std::move(channel)),
        arena_(std::move(arena)) {}

  Arena& arena() { return arena_; }
  const Channel& channel() const { return channel_; }
  void SayReady() { Say(MessageKind::kReady, {}); }
  void SayAnswered(ItemId item) { Say(MessageKind::kAnswer, item); }
  void Die() { channel_.Close(); }
  bool dropped() {
    Channel::Incoming incoming;
    return channel_.Receive(incoming) == Channel::State::kClosed;
  }

  // The item that has come, if one has; begun, unless told otherwise.
  std::optional<ItemId> Take(bool begin = true) {
    Channel::Incoming incoming;
    if (channel_.Receive(incoming) != Channel::State::kMessage) return std::nullopt;
    EXPECT_EQ(incoming.message.kind, MessageKind::kItem);
    EXPECT_EQ(incoming.message.slot, slot_);
    EXPECT_EQ(incoming.message.generation, generation_);
    const ByteView bytes = arena_.Request(incoming.message.value);
    request_.assign(bytes.begin(), bytes.end());
    if (begin) arena_.MarkBegun(incoming.message.item);
    return incoming.message.item;
  }
  const std::string& request() const { return request_; }  // The bytes of what Take() took.

  void Answer(ItemId item, const std::vector<float>& scores) {
    std::copy(scores.begin(), scores.end(), arena_.Scores(scores.size()).begin());
    arena_.WriteAnswer(item, Reason::kOk, "", scores.size(), 100, 200);
    SayAnswered(item);
  }
  void Fail(ItemId item, Reason reason, std::string_view detail) {
    arena_.WriteAnswer(item, reason, detail, 0, 0, 0);
    SayAnswered(item);
  }

 private:
  void Say(MessageKind kind, ItemId item) {
    channel_.Send({.kind = kind, .slot = slot_, .generation = generation_, .item = item});
  }

  SlotId slot_;
  Generation generation_;
  Channel channel_;
  Arena arena_;
  std::string request_;
};

// An InferenceService with one servable of three classes, whose loop only the test turns.
class InferenceFixture : public testing::Test, private LogSink {
 protected:
  static constexpr ServableId kServable{0};
  static constexpr std::size_t kArenaBytes = 4096;

  InferenceFixture() { Rebuild(); }

  // With `options_`, and the servable announced.
  void Rebuild() {
    service_.reset();
    servables_ = ServableTable("tiny");
    service_.emplace(loop_, options_, servables_, metrics_, log_,
                     [this](const Message& message) { told_.push_back(message); });
  }
  static ServableDescription Tiny() {
    return {.key = {"tiny", 1},
            .signature = {.input = {"x", DType::kFloat32, {kAnyDim, 2}},
                          .output = {"y", DType::kFloat32, {kAnyDim, 3}}},
            .output = OutputKind::kLogits,
            .labels = {},
            .engine = "fake",
            .service = std::chrono::milliseconds(1),
            .assumptions = {}};
  }
  void Announce() { service_->AddServable(kServable, Tiny()); }

  // Lets the loop do what there is to do, without waiting.
  void Turn() {
    loop_.restart();
    while (loop_.poll() > 0) {
    }
  }
  // Lets the loop wait for its timers until `holds`.
  template <class Condition>
  void TurnUntil(Condition holds) {
    const TimePoint give_up = Now() + std::chrono::seconds(20);
    while (!holds() && Now() < give_up) {
      loop_.restart();
      loop_.run_one_for(std::chrono::milliseconds(100));
    }
    EXPECT_TRUE(holds());
  }

  std::unique_ptr<FakeWorker> StartWorker(std::uint32_t slot, std::uint32_t generation = 1) {
    auto ends = MessageSocketPair();
    const auto memory = Arena::Make(kArenaBytes);
    auto worker =
        std::make_unique<FakeWorker>(SlotId{slot}, Generation{generation}, std::move(ends->second),
                                     std::move(*Arena::Map(memory->get())));
    service_->AddWorker({slot}, {generation}, kServable, std::move(ends->first),
                        UniqueFd(::fcntl(memory->get(), F_DUPFD_CLOEXEC, 0)));
    return worker;
  }
  std::unique_ptr<FakeWorker> ReadyWorker(std::uint32_t slot, std::uint32_t generation = 1) {
    auto worker = StartWorker(slot, generation);
    worker->SayReady();
    Turn();
    return worker;
  }
  void Verdict(std::uint32_t slot, DeathCause cause, std::uint32_t generation = 1) {
    service_->WorkerDied({slot}, {generation}, kServable, cause,
                         {.pid = 4711, .last_words = "last words"});
    Turn();
  }

  static InferenceItem Image(std::string_view text) {
    return {ItemKind::kEncodedImage, ItemBytes::Own({text.begin(), text.end()})};
  }
  static InferenceItem Tensor(std::initializer_list<float> numbers) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(numbers.begin());
    return {ItemKind::kTensor, ItemBytes::Own({bytes, bytes + numbers.size() * sizeof(float)})};
  }

  // A request on its way; its outcomes once it is done.
  struct Request {
    CallId id = 0;
    std::vector<ItemOutcome> outcomes;
    int times_done = 0;
    Reason reason() const { return outcomes.at(0).reason; }
  };
  template <class... Items>
  std::shared_ptr<Request> Submit(Items... items) {
    auto request = std::make_shared<Request>();
    InferenceService::Call call{.servable = kServable,
                                .items = {},
                                .deadline = Now() + time_limit_,
                                .request_id = "the-request",
                                .done = [request](std::vector<ItemOutcome> outcomes) {
                                  request->outcomes = std::move(outcomes);
                                  ++request->times_done;
                                }};
    (call.items.push_back(std::move(items)), ...);
    request->id = service_->Submit(std::move(call));
    Turn();
    return request;
  }

  // How often the supervisor was told to recycle `slot` for `cause`.
  std::ptrdiff_t Recycles(std::uint32_t slot, DeathCause cause) const {
    return std::count_if(told_.begin(), told_.end(), [&](const Message& message) {
      return message.kind == MessageKind::kRecycle && message.slot == SlotId{slot} &&
             message.code == static_cast<std::uint32_t>(cause);
    });
  }
  std::string MetricLine(const std::string& name) {
    const std::string text = metrics_.Render(service_->levels());
    const std::size_t at = text.find('\n' + name);
    return at == std::string::npos ? "" : text.substr(at + 1, text.find('\n', at + 1) - at - 1);
  }

  void WriteLine(std::string_view line) override { logged_ += std::string(line) + '\n'; }

  boost::asio::io_context loop_{1};
  GatewayOptions options_;
  ServableTable servables_{"tiny"};
  Metrics metrics_;
  Log log_{*this, {.role = "test"}};
  std::vector<Message> told_;
  std::string logged_;
  Duration time_limit_ = std::chrono::seconds(60);
  std::optional<InferenceService> service_;
  const std::vector<float> scores_{1, 5, 2};
};

}  // namespace holdfast
