// SPDX-License-Identifier: Apache-2.0
#include "os/poller.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>

#include "os/steady_clock.h"

namespace holdfast {
namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    read.reset(ends[0]);
    write.reset(ends[1]);
  }
  void Fill() const { EXPECT_EQ(::write(write.get(), "x", 1), 1); }
  UniqueFd read;
  UniqueFd write;
};

class PollerTest : public testing::Test {
 protected:
  PollerTest() : poller_(*Poller::Open()) {}
  // One round that does not wait.
  void Round() { EXPECT_TRUE(poller_.Wait(TimePoint::min())); }

  Poller poller_;
  std::string calls_;
};

TEST_F(PollerTest, CallsForWhatCanBeReadOrHasEnded) {
  Pipe a;
  Pipe b;
  Pipe c;
  EXPECT_TRUE(poller_.Add(a.read.get(), [&] { calls_ += 'a'; }));
  EXPECT_TRUE(poller_.Add(b.read.get(), [&] { calls_ += 'b'; }));
  EXPECT_TRUE(poller_.Add(c.read.get(), [&] { calls_ += 'c'; }));
  Round();
  EXPECT_EQ(calls_, "");
  a.Fill();
  c.write.reset();
  Round();
  EXPECT_EQ(calls_, "ac");
}

TEST_F(PollerTest, WaitsNoLongerThanAsked) {
  const TimePoint wake = Now() + std::chrono::milliseconds(5);
  EXPECT_TRUE(poller_.Wait(wake));
  EXPECT_GE(Now(), wake);
}

TEST_F(PollerTest, ACallbackMayRemoveItself) {
  Pipe a;
  const std::string text = "still there after the removal, and longer than a short string";
  ASSERT_TRUE(poller_.Add(a.read.get(), [&, text] {
    poller_.Remove(a.read.get());
    calls_ += text;
  }));
  a.Fill();
  Round();
  Round();
  EXPECT_EQ(calls_, text);
}

TEST_F(PollerTest, ACallbackMayRemoveAnotherWhoseEventIsInHand) {
  Pipe a;
  Pipe b;
  const auto remove_other = [&](char name, const Pipe& other) {
    return [&, name] {
      calls_ += name;
      poller_.Remove(other.read.get());
    };
  };
  ASSERT_TRUE(poller_.Add(a.read.get(), remove_other('a', b)));
  ASSERT_TRUE(poller_.Add(b.read.get(), remove_other('b', a)));
  a.Fill();
  b.Fill();
  Round();
  EXPECT_EQ(calls_.size(), 1u);
}

TEST_F(PollerTest, AnEventInHandDoesNotReachANewDescriptorOfTheSameNumber) {
  Pipe a;
  Pipe b;
  Pipe fresh;
  const auto replace_other = [&](Pipe& other) {
    return [&] {
      const int number = other.read.get();
      poller_.Remove(number);
      other.read.reset();
      ASSERT_EQ(::fcntl(fresh.read.get(), F_DUPFD, number), number);
      other.read.reset(number);
      ASSERT_TRUE(poller_.Add(number, [&] { calls_ += "fresh"; }));
    };
  };
  ASSERT_TRUE(poller_.Add(a.read.get(), replace_other(b)));
  ASSERT_TRUE(poller_.Add(b.read.get(), replace_other(a)));
  a.Fill();
  b.Fill();
  Round();
  EXPECT_EQ(calls_, "");
}

TEST_F(PollerTest, ACallbackMayAddAnother) {
  Pipe a;
  Pipe b;
  b.Fill();
  ASSERT_TRUE(poller_.Add(a.read.get(), [&] {
    poller_.Remove(a.read.get());
    EXPECT_TRUE(poller_.Add(b.read.get(), [&] { calls_ += 'b'; }));
  }));
  a.Fill();
  Round();
  Round();
  EXPECT_EQ(calls_, "b");
}

TEST_F(PollerTest, RefusesWhatCannotBeWatchedAndWhatIsWatchedAlready) {
  Pipe a;
  EXPECT_FALSE(poller_.Add(-1, [] {}));
  EXPECT_TRUE(poller_.Add(a.read.get(), [&] { calls_ += 'a'; }));
  EXPECT_FALSE(poller_.Add(a.read.get(), [] {}));
  a.Fill();
  Round();
  EXPECT_EQ(calls_, "a");
  poller_.Remove(12345);  // Never added.
}

}  // namespace
}  // namespace holdfast
