// SPDX-License-Identifier: Apache-2.0
#include "os/message_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

#include "testing/forked_child.h"

namespace holdfast {
namespace {

ByteView Bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

class MessageSocket : public testing::Test {
 protected:
  MessageSocket() {
    auto pair = MessageSocketPair();
    EXPECT_TRUE(pair.has_value());
    ours_ = std::move(pair->first);
    theirs_ = std::move(pair->second);
  }

  // What comes next at our end, as text; "closed" and "nothing" for the rest.
  std::string Next() {
    const Received received = ReceiveMessage(ours_.get(), buffer_, Blocking::kNo);
    if (received.kind == Received::Kind::kClosed) return "closed";
    if (received.kind == Received::Kind::kNothingYet) return "nothing";
    return {reinterpret_cast<const char*>(buffer_.data()), received.size};
  }
  void TheySend(std::string_view text) {
    EXPECT_TRUE(SendMessage(theirs_.get(), Bytes(text), {}, Blocking::kNo).has_value());
  }

  UniqueFd ours_;
  UniqueFd theirs_;
  std::array<std::uint8_t, 16> buffer_{};
};

std::size_t OpenDescriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

TEST_F(MessageSocket, KeepsTheBoundariesOfMessages) {
  TheySend("one");
  TheySend("two");
  EXPECT_EQ(Next(), "one");
  EXPECT_EQ(Next(), "two");
  EXPECT_EQ(Next(), "nothing");
  theirs_.reset();
  EXPECT_EQ(Next(), "closed");
}

TEST_F(MessageSocket, TheLastAnswersOfAPeerThatDiedWithAMessageUnreadAreStillRead) {
  ASSERT_TRUE(SendMessage(ours_.get(), Bytes("unread"), {}, Blocking::kNo).has_value());
  TheySend("answer 1");
  TheySend("answer 2");
  theirs_.reset();  // The kernel says ECONNRESET first.
  EXPECT_EQ(Next(), "answer 1");
  EXPECT_EQ(Next(), "answer 2");
  EXPECT_EQ(Next(), "closed");
}

TEST_F(MessageSocket, AMessageLongerThanTheBufferEndsTheConversation) {
  TheySend("0123456789abcdef");
  EXPECT_EQ(Next(), "0123456789abcdef");
  TheySend("0123456789abcdefg");
  EXPECT_EQ(Next(), "closed");
}

TEST_F(MessageSocket, DescriptorsArriveOpenAndCloseOnExec) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  ASSERT_TRUE(SendMessage(theirs_.get(), Bytes("x"), ends, Blocking::kNo).has_value());
  ::close(ends[0]);
  ::close(ends[1]);
  const Received received = ReceiveMessage(ours_.get(), buffer_, Blocking::kNo);
  ASSERT_EQ(received.kind, Received::Kind::kMessage);
  ASSERT_EQ(received.descriptors.size(), 2u);
  char byte = 'y';
  EXPECT_EQ(::write(received.descriptors[1].get(), &byte, 1), 1);
  EXPECT_EQ(::read(received.descriptors[0].get(), &byte, 1), 1);
  for (const UniqueFd& fd : received.descriptors) {
    EXPECT_TRUE((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  }
  EXPECT_TRUE((::fcntl(ours_.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_F(MessageSocket, DescriptorsThatWereLostForWantOfAFreeOneEndTheConversation) {
  EXPECT_EQ(RunInChild([this] {
              const std::array sent{0};
              if (!SendMessage(theirs_.get(), Bytes("x"), sent, Blocking::kNo)) return 1;
              const rlimit limit{64, 64};
              if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return 2;
              while (::dup(0) >= 0) {
              }
              // The message itself arrives; only a flag tells that it has lost something.
              return Next() == "closed" ? 0 : 3;
            }),
            0);
}

TEST_F(MessageSocket, MoreDescriptorsThanAMessageMayCarryEndTheConversationAndLeakNone) {
  const std::size_t before = OpenDescriptors();
  std::array<int, kDescriptorsMax + 1> sent{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof sent)> control{};
  char byte = 'x';
  iovec part{&byte, 1};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  cmsghdr* rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof sent);
  std::memcpy(CMSG_DATA(rights), sent.data(), sizeof sent);
  ASSERT_EQ(::sendmsg(theirs_.get(), &header, 0), 1);
  EXPECT_EQ(Next(), "closed");
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(MessageSocket, SendingToAPeerThatIsGoneIsAnErrorAndNoSignal) {
  ours_.reset();
  const Status sent = SendMessage(theirs_.get(), Bytes("x"), {}, Blocking::kNo);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().reason, Reason::kUnavailable);
}

TEST_F(MessageSocket, SendingToAPeerThatDoesNotReadEndsInAnError) {
  Status sent;
  for (int i = 0; i < 100'000 && sent; ++i) {
    sent = SendMessage(theirs_.get(), Bytes("x"), {}, Blocking::kNo);
  }
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().reason, Reason::kUnavailable);
  EXPECT_EQ(Next(), "x");
}

}  // namespace
}  // namespace holdfast
