// SPDX-License-Identifier: Apache-2.0
#include <curl/curl.h>

#include <algorithm>
#include <cctype>

#include "s3/transport.h"

namespace holdfast {
namespace {

constexpr std::size_t kBodyBytesMax = std::size_t{16} << 20;
constexpr std::size_t kHeadersMax = 100;
// Slower than this for so long is a connection that has died.
constexpr long kBytesPerSecondMin = 1'024;
constexpr long kSlowSeconds = 15;

struct Exchange {
  const TransportRequest& request;
  TransportReply reply;
  bool overflow = false;
};

std::size_t TakeHeader(char* data, std::size_t size, std::size_t count, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) exchange.reply.headers.clear();  // After "100 Continue".
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || exchange.reply.headers.size() >= kHeadersMax) {
    return size * count;
  }
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  std::string_view value = line.substr(colon + 1);
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  value = value.substr(0, value.find_last_not_of(" \t\r\n") + 1);
  exchange.reply.headers[name] = value;
  return size * count;
}

std::size_t TakeBody(char* data, std::size_t size, std::size_t count, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  const std::size_t bytes = size * count;
  const bool sinks = exchange.request.sink && exchange.reply.status / 100 == 2;
  if (sinks) {
    const ByteView view(reinterpret_cast<const std::uint8_t*>(data), bytes);
    return exchange.request.sink(view) ? bytes : 0;
  }
  if (exchange.reply.body.size() + bytes > kBodyBytesMax) {
    exchange.overflow = true;
    return 0;
  }
  exchange.reply.body.append(data, bytes);
  return bytes;
}

class CurlTransport final : public Transport {
 public:
  CurlTransport() : handle_(::curl_easy_init()) {}
  ~CurlTransport() override { ::curl_easy_cleanup(handle_); }
  CurlTransport(const CurlTransport&) = delete;
  CurlTransport& operator=(const CurlTransport&) = delete;

  Result<TransportReply> Send(const TransportRequest& request) override {
    if (handle_ == nullptr) return Error{Reason::kUnavailable, "libcurl cannot be used"};
    ::curl_easy_reset(handle_);  // Its connections stay.
    Exchange exchange{.request = request};
    curl_slist* headers = nullptr;
    for (const auto& [name, value] : request.headers) {
      // "name;" is how libcurl is told of an empty value.
      const std::string line = value.empty() ? name + ';' : name + ": " + value;
      headers = ::curl_slist_append(headers, line.c_str());
    }
    SetOptions(request, exchange, headers);
    const CURLcode code = ::curl_easy_perform(handle_);
    ::curl_slist_free_all(headers);
    long status = 0;
    ::curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    exchange.reply.status = static_cast<int>(status);
    if (code != CURLE_OK) {
      const std::string why = exchange.overflow ? "the answer is too long" : Words(code);
      if (status == 0) return Error{Reason::kUnavailable, request.url + ": " + why};
      exchange.reply.broken = why;
    }
    return std::move(exchange.reply);
  }

 private:
  void SetOptions(const TransportRequest& request, Exchange& exchange, curl_slist* headers) {
    error_[0] = '\0';
    Set(CURLOPT_ERRORBUFFER, error_);
    Set(CURLOPT_URL, request.url.c_str());
    Set(CURLOPT_PROTOCOLS_STR, "http,https");
    Set(CURLOPT_FOLLOWLOCATION, 0L);
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_PATH_AS_IS, 1L);  // What is signed is what is sent.
    Set(CURLOPT_USERAGENT, "holdfast");
    Set(CURLOPT_HTTPHEADER, headers);
    Set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
    Set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
    Set(CURLOPT_LOW_SPEED_LIMIT, kBytesPerSecondMin);
    Set(CURLOPT_LOW_SPEED_TIME, kSlowSeconds);
    Set(CURLOPT_HEADERFUNCTION, &NoteHeader);
    Set(CURLOPT_HEADERDATA, this);
    Set(CURLOPT_WRITEFUNCTION, &TakeBody);
    Set(CURLOPT_WRITEDATA, &exchange);
    exchange_ = &exchange;
    if (request.method == "HEAD") {
      Set(CURLOPT_NOBODY, 1L);
    } else if (request.method == "POST") {
      Set(CURLOPT_POST, 1L);
      Set(CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
      Set(CURLOPT_POSTFIELDS, request.body.c_str());
    } else if (request.method != "GET") {
      Set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
  }

  // The status is known by then, and decides who gets the body.
  static std::size_t NoteHeader(char* data, std::size_t size, std::size_t count, void* context) {
    auto& self = *static_cast<CurlTransport*>(context);
    long status = 0;
    ::curl_easy_getinfo(self.handle_, CURLINFO_RESPONSE_CODE, &status);
    self.exchange_->reply.status = static_cast<int>(status);
    return TakeHeader(data, size, count, self.exchange_);
  }

  template <class Value>
  void Set(CURLoption option, Value value) {
    ::curl_easy_setopt(handle_, option, value);
  }

  std::string Words(CURLcode code) const {
    return error_[0] == '\0' ? ::curl_easy_strerror(code) : error_;
  }

  CURL* handle_;
  Exchange* exchange_ = nullptr;
  char error_[CURL_ERROR_SIZE] = {};
};

}  // namespace

std::unique_ptr<Transport> MakeCurlTransport() {
  static const bool begun = ::curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  (void)begun;
  return std::make_unique<CurlTransport>();
}

}  // namespace holdfast
