// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"

namespace holdfast {

// What the prices are, and what a reader must do with them.
inline constexpr std::string_view kPricesFrom =
    "us-east-1, Linux, On-Demand, as of 2026-07-20; look them up before you buy";
inline constexpr std::string_view kPricesRegion = "us-east-1";

// A kind of core.
struct Processor {
  std::string_view name;
  std::string_view cpuinfo;  // Part of the name that os/cpu.h reads on it.
  double flops_per_cycle;    // float32, of a core: vector units times their width times two.
  double gigahertz;          // As the vendor advertises it; a lower one is to be expected.
  bool arm = false;

  double peak() const { return flops_per_cycle * gigahertz; }  // GFLOP a second.
};

// A row of the table: a machine, or a task of Fargate.
struct InstanceType {
  std::string_view name;
  const Processor* processor;
  std::uint32_t cpus;  // As the machine shows them.
  std::uint32_t threads_per_core;
  double memory_gib;
  double dollars_per_hour;
  bool sagemaker = false;  // There is one of this type, called ml.NAME.
  bool fargate = false;

  double cores() const { return static_cast<double>(cpus) / threads_per_core; }
};

std::span<const InstanceType> InstanceTypes();

// kUsage names the nearest type, or says why a known one is not in the table.
Result<const InstanceType*> FindInstanceType(std::string_view name);
// The processor that a host's name is of; none where the table does not know it.
const Processor* FindProcessor(std::string_view cpuinfo);

}  // namespace holdfast
