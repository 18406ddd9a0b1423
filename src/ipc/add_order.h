// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast {

// A client's wish that `model` is served from now on; `folder` holds its files, as somebody's
// archive had them.
struct AddOrder {
  std::string model;
  std::string folder;
  bool operator==(const AddOrder&) const = default;
};

// As JSON, for the sealed memory that carries it from gateway to supervisor.
std::string EncodeAddOrder(const AddOrder& order);
// kBadRequest for anything else.
Result<AddOrder> DecodeAddOrder(std::string_view json);

}  // namespace holdfast
