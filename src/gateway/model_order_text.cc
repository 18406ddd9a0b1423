// SPDX-License-Identifier: Apache-2.0
#include "gateway/model_order_text.h"

#include "ipc/label_order.h"
#include "ipc/rollout_order.h"

namespace holdfast {

bool IsModelOrder(const Route& route) {
  switch (route.endpoint) {
    case Endpoint::kModelLoad:
    case Endpoint::kModelUnload:
    case Endpoint::kModelLabel:
    case Endpoint::kModelPromote:
      return true;
    case Endpoint::kModelRollout:
      return !route.reads;
    default:
      return false;
  }
}

ModelOrder OrderOf(const Route& route) {
  switch (route.endpoint) {
    case Endpoint::kModelLoad:
      return ModelOrder::kLoad;
    case Endpoint::kModelUnload:
      return ModelOrder::kUnload;
    case Endpoint::kModelPromote:
      return ModelOrder::kPromote;
    case Endpoint::kModelRollout:
      return route.deletes ? ModelOrder::kRollBack : ModelOrder::kRollout;
    default:
      return ModelOrder::kLabel;
  }
}

std::string TextOfOrder(const Route& route) {
  switch (OrderOf(route)) {
    case ModelOrder::kLabel:
      return EncodeLabelOrder(
          {.model = *route.model, .label = *route.label, .version = route.version});
    case ModelOrder::kRollout:
      return EncodeRolloutOrder(
          {.model = *route.model,
           .rollout = {.version = route.version.value_or(0), .rule = route.rollout}});
    case ModelOrder::kPromote:
    case ModelOrder::kRollBack:
      return EncodeRolloutEndOrder(
          {.model = *route.model, .version = route.version, .why = "an operator's order"});
    default:
      return *route.model;
  }
}

}  // namespace holdfast
