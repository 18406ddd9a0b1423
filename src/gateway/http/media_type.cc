// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/media_type.h"

#include <algorithm>
#include <array>
#include <vector>

#include "gateway/http/ascii.h"

namespace holdfast {
namespace {

constexpr std::size_t kRangesMax = 64;  // A header with more has nothing honest to say.

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view TakeTrimmed(std::string_view& rest, char separator) {
  const std::string_view part = rest.substr(0, std::min(rest.find(separator), rest.size()));
  rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  return Trim(part);
}

struct MediaRange {
  std::string type;
  int quality = 1000;  // Thousandths, as RFC 9110 has them.
};

// "q=0.8" → 800. Anything that is no such number counts as 1, as if it were not there.
int ParseQuality(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return 1000;
  if (text[0] == '1') return 1000;
  int quality = 0;
  int weight = 100;
  for (std::size_t i = 2; i < std::min<std::size_t>(text.size(), 5); ++i, weight /= 10) {
    if (text[i] < '0' || text[i] > '9') return 1000;
    quality += (text[i] - '0') * weight;
  }
  return quality;
}

MediaRange ParseRange(std::string_view text) {
  MediaRange range;
  range.type = LowerAscii(TakeTrimmed(text, ';'));
  while (!text.empty()) {
    const std::string parameter = LowerAscii(TakeTrimmed(text, ';'));
    if (parameter.starts_with("q=")) range.quality = ParseQuality(parameter.substr(2));
  }
  return range;
}

// How exactly a range names a type; 0: not at all.
int Exactness(std::string_view range, std::string_view type) {
  if (range == type) return 3;
  if (range == "*/*" || range == "*") return 1;
  return range.ends_with("/*") && type.starts_with(range.substr(0, range.size() - 1)) ? 2 : 0;
}

}  // namespace

std::string MediaType(std::string_view content_type) {
  return LowerAscii(TakeTrimmed(content_type, ';'));
}

bool IsImageType(std::string_view media_type) {
  constexpr std::array<std::string_view, 8> kTypes{
      "image/jpeg", "image/jpg",   "image/pjpeg", "image/png",
      "image/webp", "image/x-png", "image/*",     "application/x-image"};
  return std::ranges::find(kTypes, media_type) != kTypes.end();
}

bool LooksLikeJsonObject(ByteView bytes) {
  const auto first = std::ranges::find_if(
      bytes, [](std::uint8_t c) { return c != ' ' && c != '\n' && c != '\r' && c != '\t'; });
  return first != bytes.end() && *first == '{';
}

std::optional<std::string_view> Negotiate(std::string_view accept,
                                          std::span<const std::string_view> offers) {
  std::vector<MediaRange> ranges;
  while (!accept.empty() && ranges.size() < kRangesMax) {
    const std::string_view text = TakeTrimmed(accept, ',');
    if (!text.empty()) ranges.push_back(ParseRange(text));
  }
  if (ranges.empty()) return offers.front();
  std::optional<std::string_view> best;
  int best_quality = 0;
  for (const std::string_view offer : offers) {
    int exactness = 0;
    int quality = 0;
    for (const MediaRange& range : ranges) {
      if (const int exact = Exactness(range.type, offer); exact > exactness) {
        exactness = exact;
        quality = range.quality;
      }
    }
    if (quality > best_quality) {
      best = offer;
      best_quality = quality;
    }
  }
  return best;
}

}  // namespace holdfast
