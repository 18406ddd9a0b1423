// SPDX-License-Identifier: Apache-2.0
#include "gateway/access/api_keys.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <map>

#include "base/digits.h"

namespace holdfast {
namespace {

constexpr std::size_t kNameBytesMax = 64;
constexpr std::uint32_t kRateMax = 1'000'000;
constexpr std::string_view kBlank = " \t\r";

// The words of a line, up to a comment.
std::vector<std::string_view> WordsOf(std::string_view line) {
  line = line.substr(0, line.find('#'));
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t begin = line.find_first_not_of(kBlank);
    if (begin == line.npos) return words;
    line.remove_prefix(begin);
    words.push_back(line.substr(0, line.find_first_of(kBlank)));
    line.remove_prefix(words.back().size());
  }
}

bool IsName(std::string_view text) {
  return text.size() <= kNameBytesMax && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

std::optional<std::uint8_t> HexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<KeyHash> HashFromHex(std::string_view text) {
  KeyHash hash{};
  if (text.size() != 2 * hash.size()) return std::nullopt;
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const auto high = HexDigit(text[2 * i]);
    const auto low = HexDigit(text[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    hash[i] = static_cast<std::uint8_t>(*high << 4 | *low);
  }
  return hash;
}

std::optional<std::uint32_t> PositiveFrom(std::string_view text) {
  const auto number = ParseDigits<std::uint32_t>(text);
  return number && *number > 0 && *number <= kRateMax ? number : std::nullopt;
}

// What is wrong is told without the words: one of them may be a key that was meant to be hashed.
Result<ApiKey> KeyFrom(const std::vector<std::string_view>& words) {
  constexpr Reason kWrong = Reason::kBadModel;
  if (words.size() < 2 || words.size() > 4) {
    return Error{kWrong, "a line is NAME SHA256 [REQUESTS_PER_SECOND [BURST]]"};
  }
  if (!IsName(words[0])) {
    return Error{kWrong, "a name has letters, digits, -, _ and ., 64 of them at most"};
  }
  const auto hash = HashFromHex(words[1]);
  if (!hash) {
    return Error{kWrong,
                 "the second word is no SHA-256 of 64 hexadecimal digits; make it with "
                 "printf %s KEY | sha256sum"};
  }
  ApiKey key{.name = std::string(words[0]), .hash = *hash, .quota = std::nullopt};
  if (words.size() == 2) return key;
  const auto rate = PositiveFrom(words[2]);
  const auto burst = PositiveFrom(words.back());
  if (!rate || !burst) {
    return Error{kWrong, "requests per second and burst are whole numbers from 1 to 1000000"};
  }
  key.quota = Quota{.per_second = *rate, .burst = *burst};
  return key;
}

}  // namespace

Result<std::vector<ApiKey>> ParseApiKeys(std::string_view text) {
  std::vector<ApiKey> keys;
  std::map<std::string, std::optional<Quota>> quotas;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::vector<std::string_view> words = WordsOf(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.empty()) continue;
    const auto wrong = [&](std::string_view what) {
      return Error{Reason::kBadModel, fmt::format("--api-keys: line {}: {}", number, what)};
    };
    Result<ApiKey> key = KeyFrom(words);
    if (!key) return wrong(key.error().message);
    const auto [known, is_new] = quotas.emplace(key->name, key->quota);
    if (!is_new && known->second != key->quota) {
      return wrong("another line of this name has another quota; keys of one name share it");
    }
    if (keys.size() == kApiKeysMax) return wrong("there are more than 10000 keys");
    keys.push_back(*std::move(key));
  }
  if (keys.empty()) {
    return Error{Reason::kBadModel,
                 "--api-keys: the file has no key, and nobody would be served; add a line "
                 "NAME SHA256, or leave the flag out"};
  }
  return keys;
}

KeyHash HashKey(std::string_view key) {
  KeyHash hash{};
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), hash.data());
  return hash;
}

const ApiKey* FindKey(const std::vector<ApiKey>& keys, std::string_view key) {
  const KeyHash hash = HashKey(key);
  const ApiKey* found = nullptr;
  for (const ApiKey& one : keys) {
    if (CRYPTO_memcmp(one.hash.data(), hash.data(), hash.size()) == 0) found = &one;
  }
  return found;
}

}  // namespace holdfast
