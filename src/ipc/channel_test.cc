// SPDX-License-Identifier: Apache-2.0
#include "ipc/channel.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "testing/forked_child.h"

namespace holdfast {
namespace {

class ChannelTest : public testing::Test {
 protected:
  ChannelTest() {
    auto pair = MessageSocketPair();
    EXPECT_TRUE(pair.has_value());
    ours_ = Channel(std::move(pair->first));
    theirs_ = Channel(std::move(pair->second));
  }
  // Sends `message` with `count` descriptors, whatever its kind asks for.
  void TheySendRaw(const Message& message, std::size_t count) {
    const std::vector<int> descriptors(count, 0);
    const EncodedMessage bytes = Encode(message);
    ASSERT_TRUE(SendMessage(theirs_.fd(), bytes, descriptors, Blocking::kNo));
  }

  Channel ours_;
  Channel theirs_;
  Channel::Incoming incoming_;
};

TEST_F(ChannelTest, CarriesMessagesInTheirOrder) {
  EXPECT_EQ(ours_.Receive(incoming_), Channel::State::kNothingYet);
  const Message first{.kind = MessageKind::kReady, .slot = {3}, .generation = {4}};
  const Message second{.kind = MessageKind::kAnswer, .item = {77}};
  EXPECT_TRUE(theirs_.Send(first));
  EXPECT_TRUE(theirs_.Send(second));
  ASSERT_EQ(ours_.Receive(incoming_), Channel::State::kMessage);
  EXPECT_EQ(incoming_.message, first);
  ASSERT_EQ(ours_.Receive(incoming_), Channel::State::kMessage);
  EXPECT_EQ(incoming_.message, second);
}

TEST_F(ChannelTest, CarriesTheDescriptorsOfAKind) {
  EXPECT_TRUE(theirs_.Send({.kind = MessageKind::kWorker}, {0, 1}));
  ASSERT_EQ(ours_.Receive(incoming_), Channel::State::kMessage);
  EXPECT_EQ(incoming_.descriptors.size(), 2u);
}

TEST_F(ChannelTest, AMessageWithoutItsDescriptorsOrWithTooManyEndsTheConversation) {
  for (std::uint32_t kind = 1; kind <= static_cast<std::uint32_t>(kLastMessageKind); ++kind) {
    const Message message{.kind = static_cast<MessageKind>(kind)};
    for (std::size_t count = 0; count <= kDescriptorsMax; ++count) {
      TheySendRaw(message, count);
      EXPECT_EQ(ours_.Receive(incoming_), count == DescriptorsOf(message.kind)
                                              ? Channel::State::kMessage
                                              : Channel::State::kClosed)
          << "kind " << kind << " with " << count;
    }
  }
}

TEST_F(ChannelTest, ASenderThatForgetsDescriptorsIsABug) {
  EXPECT_EQ(RunInChild([this] {
              ::close(2);  // What it says is not for the test's log.
              theirs_.Send({.kind = MessageKind::kWorker}, {0});
              return 0;
            }),
            -SIGABRT);
}

TEST_F(ChannelTest, WhatIsNoMessageEndsTheConversation) {
  std::array<std::uint8_t, kMessageBytes + 1> bytes{};
  for (const std::size_t size : {std::size_t{1}, kMessageBytes, kMessageBytes + 1}) {
    ASSERT_TRUE(SendMessage(theirs_.fd(), ByteView(bytes.data(), size), {}, Blocking::kNo));
    EXPECT_EQ(ours_.Receive(incoming_), Channel::State::kClosed) << size;
  }
}

TEST_F(ChannelTest, ALongerMessageThatBeginsAsOursEndsTheConversation) {
  const EncodedMessage good = Encode({.kind = MessageKind::kReady});
  std::vector<std::uint8_t> bytes(good.begin(), good.end());
  bytes.push_back(0);
  ASSERT_TRUE(SendMessage(theirs_.fd(), bytes, {}, Blocking::kNo));
  EXPECT_EQ(ours_.Receive(incoming_), Channel::State::kClosed);
}

TEST_F(ChannelTest, SaysThatThePeerIsGone) {
  theirs_.Send({.kind = MessageKind::kReady});
  theirs_.Close();
  EXPECT_FALSE(theirs_.Send({.kind = MessageKind::kReady}));
  EXPECT_EQ(ours_.Receive(incoming_), Channel::State::kMessage);
  EXPECT_EQ(ours_.Receive(incoming_), Channel::State::kClosed);
  EXPECT_FALSE(ours_.Send({.kind = MessageKind::kReady}));
  EXPECT_EQ(Channel().Receive(incoming_), Channel::State::kClosed);
}

TEST_F(ChannelTest, GivesItsSocketAway) {
  const int fd = ours_.fd();
  const UniqueFd socket = ours_.TakeSocket();
  EXPECT_EQ(socket.get(), fd);
  EXPECT_FALSE(ours_.open());
}

}  // namespace
}  // namespace holdfast
