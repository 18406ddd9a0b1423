// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>

#include "gateway/encoding/npy.h"

// The elements of an accepted array lie within the file, and are as many as its shape says.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast;
  const auto array = ReadNpy(ByteView(bytes, size));
  if (!array) {
    if (array.error().message.empty()) std::abort();
    return 0;
  }
  if (array->shape.size() > 8) std::abort();
  const auto count = ElementCount(array->shape);
  if (!count || *count * DTypeSize(array->dtype) != array->elements.size()) std::abort();
  if (array->elements.empty()) return 0;
  if (array->elements.data() < bytes ||
      array->elements.data() + array->elements.size() != bytes + size) {
    std::abort();
  }
  return 0;
}
