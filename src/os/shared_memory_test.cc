// SPDX-License-Identifier: Apache-2.0
#include "os/shared_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <string_view>

namespace holdfast {
namespace {

constexpr std::size_t kSize = 3 * 4096;

TEST(SealedMemory, NeitherGrowsNorShrinksNorLosesItsSeals) {
  const auto memory = MakeSealedMemory("test", kSize);
  ASSERT_TRUE(memory);
  EXPECT_EQ(::ftruncate(memory->get(), 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::ftruncate(memory->get(), kSize + 1), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::fcntl(memory->get(), F_ADD_SEALS, F_SEAL_WRITE), -1);
  EXPECT_EQ(errno, EPERM);
}

TEST(SealedMemory, IsZeroAndSharedByAllWhoMapIt) {
  auto memory = MakeSealedMemory("test", kSize);
  ASSERT_TRUE(memory);
  const auto one = SharedMemory::Map(memory->get(), SharedMemory::Access::kReadWrite);
  const auto two = SharedMemory::Map(memory->get(), SharedMemory::Access::kRead);
  memory->reset();  // Mappings outlive the descriptor.
  ASSERT_TRUE(one && two);
  ASSERT_EQ(two->bytes().size(), kSize);
  EXPECT_EQ(two->bytes()[kSize - 1], 0);
  one->bytes()[kSize - 1] = 7;
  EXPECT_EQ(two->bytes()[kSize - 1], 7);
}

TEST(SealedMemory, ThatIsNotSealedIsNotMapped) {
  const UniqueFd memory(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::ftruncate(memory.get(), kSize), 0);
  const auto mapped = SharedMemory::Map(memory.get(), SharedMemory::Access::kRead);
  ASSERT_FALSE(mapped);
  EXPECT_EQ(mapped.error().reason, Reason::kInternal);
}

TEST(SealedMemory, WhatIsNoMemoryIsNotMapped) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  EXPECT_FALSE(SharedMemory::Map(ends[0], SharedMemory::Access::kRead));
  EXPECT_FALSE(SharedMemory::Map(-1, SharedMemory::Access::kRead));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(SealedCopy, HoldsTheBytesAndCannotBeWritten) {
  constexpr std::string_view kText = "what the zygote found";
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(kText.data());
  const auto memory = MakeSealedCopy("test", {bytes, kText.size()});
  ASSERT_TRUE(memory);
  const auto mapped = SharedMemory::Map(memory->get(), SharedMemory::Access::kRead);
  ASSERT_TRUE(mapped);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(mapped->bytes().data()),
                             mapped->bytes().size()),
            kText);
  EXPECT_FALSE(SharedMemory::Map(memory->get(), SharedMemory::Access::kReadWrite));
  EXPECT_EQ(::pwrite(memory->get(), "x", 1, 0), -1);
  EXPECT_EQ(errno, EPERM);
}

TEST(SealedCopy, OfNothingCannotBeMapped) {
  const auto memory = MakeSealedCopy("test", {});
  ASSERT_TRUE(memory);
  EXPECT_FALSE(SharedMemory::Map(memory->get(), SharedMemory::Access::kRead));
}

TEST(SharedMemory, GoesFromHandToHand) {
  const auto memory = MakeSealedMemory("test", kSize);
  ASSERT_TRUE(memory);
  auto first = SharedMemory::Map(memory->get(), SharedMemory::Access::kReadWrite);
  ASSERT_TRUE(first);
  first->bytes()[0] = 9;
  SharedMemory second = std::move(*first);
  SharedMemory third;
  third = std::move(second);
  EXPECT_EQ(third.bytes()[0], 9);
}

}  // namespace
}  // namespace holdfast
