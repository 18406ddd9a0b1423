// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast {

using ByteView = std::span<const std::uint8_t>;

constexpr std::size_t KiB(std::size_t n) { return n << 10; }
constexpr std::size_t MiB(std::size_t n) { return n << 20; }

}  // namespace holdfast
