// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "gateway/encoding/json_reader.h"
#include "tensor/shape.h"

namespace holdfast {

// Reads nested arrays of numbers of exactly `shape` (no kAnyDim) into float32s in C order. `first`
// is the value's first token, which the reader has just given. kBadRequest names the shape found
// and the shape expected; it begins with a verb phrase ("has the shape …"), the caller says what.
Result<std::vector<std::uint8_t>> ReadNestedNumbers(JsonReader& reader, JsonToken first,
                                                    const Shape& shape);

// What a JSON value is, for people: "the shape [3,224]", "ragged arrays", "a string".
std::string DescribeValue(JsonReader reader, JsonToken first);

}  // namespace holdfast
