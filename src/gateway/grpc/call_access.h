// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/server_context.h>

#include <optional>
#include <string_view>

#include "gateway/server_state.h"

namespace holdfast {

// Whether a method asks for an API key. Load balancers' questions do not.
enum class CallAccess { kWithKey, kOpen };

// The API key in a call's metadata, as HTTP's headers have it; empty: there is none.
std::string_view KeyOf(const grpc::CallbackServerContext& context);

// A call's metadata of that name; empty: there is none.
std::string_view MetadataOf(const grpc::CallbackServerContext& context, const char* name);

// What refuses a call whose key does not let it in; nothing: it may go on. `record` learns which.
// On the loop.
std::optional<grpc::Status> RefusalOf(ServerState& state, grpc::CallbackServerContext& context,
                                      RequestRecord& record);

// Says why in the trailing metadata, and when to come back, if that is known.
void ExplainRefusal(grpc::CallbackServerContext& context, Reason reason, Duration retry_after);

}  // namespace holdfast
