// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast {

// JSON is appended to a string; the caller writes brackets. For the few fixed forms that
// answers have, that is shorter than a writer object, and a float keeps its float32 digits.

// `text` in quotes. Ill-formed UTF-8 becomes U+FFFD, so that an answer is always valid JSON.
void AppendJsonString(std::string& json, std::string_view text);

// The shortest decimal that reads back as the same float32, with a point or an exponent, so that
// typed clients see a floating-point number. NaN, Infinity and -Infinity as TensorFlow Serving.
void AppendJsonFloat(std::string& json, float number);

void AppendJsonInteger(std::string& json, std::int64_t number);

// A comma, unless `json` ends with the bracket that has just been opened.
void AppendJsonComma(std::string& json);

// One more member of the object that `json` is in the middle of: its key, and what follows it here.
void AppendJsonKey(std::string& json, std::string_view key);
void AppendJsonText(std::string& json, std::string_view key, std::string_view text);
void AppendJsonCount(std::string& json, std::string_view key, std::uint64_t count);

// The beginning of a client's text, in quotes, for an error message: at most 64 bytes, and only
// printable ASCII.
std::string Excerpt(std::string_view client_text);

}  // namespace holdfast
