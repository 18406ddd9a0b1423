// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/console_documents.h"

#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <string>

namespace holdfast {
namespace {

#include "console_documents.inc"  // kConsoleDocuments, which tools/embed_documents.py makes.

constexpr std::string_view kPage = "index.html";
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// "[::1]:8081" → "::1"
std::string HostOnly(std::string_view host) {
  if (host.starts_with('[')) return std::string(host.substr(1, host.find(']') - 1));
  return std::string(host.substr(0, host.find(':')));
}

bool IsAddress(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

}  // namespace

HttpAnswer AnswerConsole(const Route& route, std::string_view if_none_match,
                         std::string_view request_id) {
  const std::string_view name = route.document ? std::string_view(*route.document) : kPage;
  HttpAnswer answer = AnswerDocument(kConsoleDocuments, name, if_none_match, request_id);
  answer.headers.emplace_back("Content-Security-Policy", kPolicy);
  answer.headers.emplace_back("X-Content-Type-Options", "nosniff");
  answer.headers.emplace_back("Referrer-Policy", "no-referrer");
  return answer;
}

Status CheckBrowser(std::string_view host, std::string_view origin, std::string_view fetch_site) {
  if (origin.empty() && fetch_site.empty()) return {};
  const std::string name = HostOnly(host);
  if (name != "localhost" && !IsAddress(name)) {
    return Error{Reason::kBadRequest,
                 "browsers reach the operator's port by an IP address or as localhost only"};
  }
  const bool own = origin.empty() || origin == "http://" + std::string(host);
  const bool asked_here = fetch_site.empty() || fetch_site == "same-origin" || fetch_site == "none";
  if (own && asked_here) return {};
  return Error{Reason::kBadRequest, "the operator's port takes nothing from other pages"};
}

}  // namespace holdfast
