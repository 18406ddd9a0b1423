// SPDX-License-Identifier: Apache-2.0
#include "os/cpu.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(Cpu, IsTheFirstProcessorsNameAndItsVectorExtensions) {
  EXPECT_EQ(ParseCpu("processor\t: 0\nmodel name\t: Some Xeon @ 2.6GHz\n"
                     "flags\t\t: fpu sse2 fma avx2 avx512f avx512_vnni bmi2\n\n"
                     "processor\t: 1\nmodel name\t: Another\n"),
            (Cpu{.model = "Some Xeon @ 2.6GHz", .features = "avx2 fma avx512f avx512_vnni"}));
}

TEST(Cpu, OfArmIsKnownByItsNumbers) {
  EXPECT_EQ(ParseCpu("processor\t: 0\nFeatures\t: fp asimd asimddp sve i8mm bf16\n"
                     "CPU implementer\t: 0x41\nCPU part\t: 0xd40\n"),
            (Cpu{.model = "Arm 0x41 0xd40", .features = "asimddp i8mm bf16 sve"}));
}

TEST(Cpu, IsEmptyWhereNothingIsSaid) {
  EXPECT_EQ(ParseCpu(""), Cpu());
  EXPECT_EQ(ParseCpu("model name"), Cpu());
  EXPECT_EQ(ParseCpu("model name extra: x\n"), Cpu());
}

TEST(Cpu, OfThisHostHasAName) { EXPECT_FALSE(ReadCpu().model.empty()); }

}  // namespace
}  // namespace holdfast
