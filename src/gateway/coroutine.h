// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace holdfast {

// How coroutines of the gateway wait: `co_await f(kUse)` gives (error, results) and throws nothing.
inline constexpr auto kUse = boost::asio::as_tuple(boost::asio::use_awaitable);

}  // namespace holdfast
