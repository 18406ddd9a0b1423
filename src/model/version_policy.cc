// SPDX-License-Identifier: Apache-2.0
#include "model/version_policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "base/digits.h"

namespace holdfast {
namespace {

constexpr std::uint32_t kLatestMax = 100;

Error Malformed(std::string_view text) {
  return Error{Reason::kUsage,
               fmt::format("\"{}\" is no version policy; try latest:1, all or specific:1,4", text)};
}

Result<std::vector<std::int64_t>> ParseVersions(std::string_view list, std::string_view text) {
  std::vector<std::int64_t> versions;
  for (bool more = true; more;) {
    const std::size_t comma = list.find(',');
    const auto version = ParseDigits<std::int64_t>(list.substr(0, comma));
    if (!version.has_value()) return Malformed(text);
    versions.push_back(*version);
    more = comma != std::string_view::npos;
    if (more) list.remove_prefix(comma + 1);
  }
  std::sort(versions.begin(), versions.end());
  versions.erase(std::unique(versions.begin(), versions.end()), versions.end());
  return versions;
}

}  // namespace

Result<VersionPolicy> ParseVersionPolicy(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  const bool has_rest = colon != std::string_view::npos;
  const std::string_view rest = has_rest ? text.substr(colon + 1) : std::string_view();
  VersionPolicy policy;
  if (kind == "latest") {
    const auto count = has_rest ? ParseDigits<std::uint32_t>(rest) : std::optional(1u);
    if (!count.has_value() || *count == 0 || *count > kLatestMax) return Malformed(text);
    policy.latest = *count;
    return policy;
  }
  if (kind == "all" && !has_rest) {
    policy.kind = VersionPolicy::Kind::kAll;
    return policy;
  }
  if (kind != "specific") return Malformed(text);
  policy.kind = VersionPolicy::Kind::kSpecific;
  policy.specific = TRY(ParseVersions(rest, text));
  return policy;
}

std::string FormatVersionPolicy(const VersionPolicy& policy) {
  switch (policy.kind) {
    case VersionPolicy::Kind::kLatest:
      return fmt::format("latest:{}", policy.latest);
    case VersionPolicy::Kind::kAll:
      return "all";
    case VersionPolicy::Kind::kSpecific:
      return fmt::format("specific:{}", fmt::join(policy.specific, ","));
  }
  return "";
}

std::vector<Offer> ChooseVersions(const VersionPolicy& policy, std::vector<Offer> offers) {
  std::sort(offers.begin(), offers.end(),
            [](const Offer& a, const Offer& b) { return a.key.version < b.key.version; });
  switch (policy.kind) {
    case VersionPolicy::Kind::kAll:
      break;
    case VersionPolicy::Kind::kLatest:
      if (offers.size() > policy.latest) offers.erase(offers.begin(), offers.end() - policy.latest);
      break;
    case VersionPolicy::Kind::kSpecific:
      std::erase_if(offers, [&policy](const Offer& offer) {
        return !std::binary_search(policy.specific.begin(), policy.specific.end(),
                                   offer.key.version);
      });
      break;
  }
  return offers;
}

}  // namespace holdfast
