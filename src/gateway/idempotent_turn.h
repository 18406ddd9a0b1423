// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>

#include "gateway/http_body.h"
#include "gateway/idempotent_answers.h"
#include "gateway/server_state.h"
#include "gateway/tls/tcp_or_tls_stream.h"

namespace holdfast {

// A digest of all of a request that its answer depends on. The loop turns in between.
boost::asio::awaitable<std::string> DigestOfRequest(const HttpParser& parser, const Body& body,
                                                    TcpOrTlsStream& stream);

// What has become of waiting for a request's turn under its key.
enum class IdempotentTurn {
  kRun,      // It is the first.
  kReplay,   // The first has been answered: state.idempotent.Answer() has the answer.
  kReused,   // The key stands for another request.
  kTooLate,  // The first still runs at the deadline.
  kGone,     // The client went away.
};

// Waits while another request runs under `key`. With kRun `lease` is held. What does not run is
// counted.
boost::asio::awaitable<IdempotentTurn> AwaitTurn(ServerState& state, TcpOrTlsStream& stream,
                                                 std::string key, std::string digest,
                                                 TimePoint deadline,
                                                 std::optional<IdempotentAnswers::Lease>& lease);

}  // namespace holdfast
