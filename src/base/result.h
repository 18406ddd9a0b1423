// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <new>
#include <string>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>

#include "base/reason.h"

namespace holdfast {

// What went wrong, and where in our code. The message says what was being done, what was wrong and
// what was expected; it is fit for an operator, and never holds client bytes or a secret.
struct Error {
  Reason reason;
  std::string message;
  const char* file = __builtin_FILE();
  int line = __builtin_LINE();
};

// A value or an Error. Not to be ignored, unlike the alias that it wraps.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  // Implicit, so that a function can return an Error.
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}
};
using Status = Result<void>;

// Yields the value, or returns the error to the caller. Not for coroutines.
#define TRY(expression)                     \
  __extension__({                           \
    auto try_result = (expression);         \
    if (!try_result) [[unlikely]]           \
      return std::move(try_result).error(); \
    *std::move(try_result);                 \
  })
#define TRY_DO(expression)                                        \
  do {                                                            \
    if (auto try_status = (expression); !try_status) [[unlikely]] \
      return std::move(try_status).error();                       \
  } while (false)

// Runs code that may throw; the only bridge from exceptions to Result.
template <class F>
auto Guard(F&& f) -> Result<std::invoke_result_t<F>> {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
      f();
      return {};
    } else {
      return f();
    }
  } catch (const std::bad_alloc&) {
    return Error{Reason::kInsufficientResources, "out of memory"};
  } catch (const std::exception& e) {
    return Error{Reason::kInternal, e.what()};
  }
}

}  // namespace holdfast
