// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>

#include "gateway/server_state.h"

namespace holdfast {

// gRPC's threads read and write messages; everything else happens on the gateway's loop, where they
// post it. The loop must turn until the server has been shut down.
struct GrpcGateway {
  boost::asio::io_context& loop;
  ServerState& state;
};

}  // namespace holdfast
