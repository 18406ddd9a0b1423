// SPDX-License-Identifier: Apache-2.0
#include "os/listener.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace holdfast {
namespace {

// Connects to 127.0.0.1 and leaves again.
bool CanConnect(std::uint16_t port) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

TEST(Listen, PortZeroIsAnyFreeOneAndIsTold) {
  const auto listener = Listen("127.0.0.1", 0);
  ASSERT_TRUE(listener) << listener.error().message;
  EXPECT_NE(listener->port, 0);
  EXPECT_TRUE(CanConnect(listener->port));
}

TEST(Listen, OnAllAddressesOfIpv6TakesIpv4Too) {
  const auto listener = Listen("::", 0);
  if (!listener) GTEST_SKIP() << "no IPv6 here: " << listener.error().message;
  EXPECT_TRUE(CanConnect(listener->port));
}

TEST(Listen, SaysThatAPortIsInUse) {
  const auto first = Listen("127.0.0.1", 0);
  ASSERT_TRUE(first);
  const auto second = Listen("127.0.0.1", first->port);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason, Reason::kUnavailable);
  EXPECT_NE(second.error().message.find(std::to_string(first->port)), std::string::npos);
}

TEST(Listen, APortCanBeTakenAgainAtOnceAfterAConnectionEnded) {
  auto first = Listen("127.0.0.1", 0);
  ASSERT_TRUE(first);
  ASSERT_TRUE(CanConnect(first->port));
  const UniqueFd accepted(::accept4(first->socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
  first->socket.reset();
  EXPECT_TRUE(Listen("127.0.0.1", first->port));
}

TEST(Listen, RefusesWhatIsNoAddress) {
  for (const char* address : {"", "localhost", "256.0.0.1", "127.0.0.1:80", "::g"}) {
    const auto listener = Listen(address, 0);
    ASSERT_FALSE(listener) << address;
    EXPECT_EQ(listener.error().reason, Reason::kUsage) << address;
  }
}

TEST(Listen, RefusesAnAddressThatIsNotOurs) {
  const auto listener = Listen("192.0.2.1", 0);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().reason, Reason::kUnavailable);
}

}  // namespace
}  // namespace holdfast
