// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "gateway/client/http_client.h"
#include "gateway/client/remote_classifier.h"

namespace holdfast {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

// Accepts one connection and does with it what the test says. The socket closes when that returns.
class OneShotServer {
 public:
  explicit OneShotServer(std::function<void(tcp::socket&)> serve)
      : acceptor_(loop_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)),
        port_(acceptor_.local_endpoint().port()),
        thread_([this, serve = std::move(serve)] {
          error_code error;
          tcp::socket socket(loop_);
          acceptor_.accept(socket, error);
          if (!error) serve(socket);
        }) {}
  ~OneShotServer() { thread_.join(); }

  HttpUrl url(std::string target = "/") const {
    return {.host = "127.0.0.1", .port = port_, .target = std::move(target)};
  }

 private:
  boost::asio::io_context loop_;
  tcp::acceptor acceptor_;
  std::uint16_t port_;
  std::thread thread_;
};

std::string ReadHeaders(tcp::socket& socket) {
  std::string text;
  error_code error;
  boost::asio::read_until(socket, boost::asio::dynamic_buffer(text), "\r\n\r\n", error);
  return text;
}

void Write(tcp::socket& socket, const std::string& text) {
  error_code error;
  boost::asio::write(socket, boost::asio::buffer(text), error);
}

// Until the client goes away.
void ReadToEnd(tcp::socket& socket) {
  std::vector<char> sink(4096);
  error_code error;
  while (!error) socket.read_some(boost::asio::buffer(sink), error);
}

std::string Answer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nx-request-id: abc\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

TEST(HttpClient, SendsTheRequestAndReturnsTheAnswer) {
  std::string seen;
  const std::string body = "picture";
  {
    OneShotServer server([&](tcp::socket& socket) {
      seen = ReadHeaders(socket);
      Write(socket, Answer(200, "fine"));
      ReadToEnd(socket);
    });
    const ByteView bytes(reinterpret_cast<const std::uint8_t*>(body.data()), body.size());
    const auto answer = SendHttpRequest({.method = "POST",
                                         .url = server.url("/classify?top=1"),
                                         .content_type = "image/jpeg",
                                         .body = bytes});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "fine");
    EXPECT_EQ(answer->request_id, "abc");
  }
  EXPECT_TRUE(seen.starts_with("POST /classify?top=1 HTTP/1.1\r\n")) << seen;
  EXPECT_NE(seen.find("Content-Length: 7\r\n"), std::string::npos) << seen;
}

TEST(HttpClient, TakesARefusalThatComesBeforeTheBodyIsSent) {
  OneShotServer server([](tcp::socket& socket) {
    ReadHeaders(socket);
    Write(socket, Answer(413, "too large"));
    error_code error;
    socket.shutdown(tcp::socket::shutdown_send, error);
    ReadToEnd(socket);
  });
  const std::vector<std::uint8_t> body(MiB(32));
  const auto answer = SendHttpRequest({.method = "POST", .url = server.url(), .body = body});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 413);
}

TEST(HttpClient, SaysThatNothingListens) {
  HttpUrl url;
  {
    OneShotServer server([](tcp::socket&) {});
    url = server.url();
    boost::asio::io_context loop;
    tcp::socket socket(loop);
    socket.connect(tcp::endpoint(boost::asio::ip::address_v4::loopback(), url.port));
  }
  const auto answer = SendHttpRequest({.url = url});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().reason, Reason::kUnavailable);
  EXPECT_NE(answer.error().message.find("connect"), std::string::npos) << answer.error().message;
}

struct BadAnswer {
  const char* name;
  std::string bytes;
};

class HttpClientOnBadAnswers : public testing::TestWithParam<BadAnswer> {};

TEST_P(HttpClientOnBadAnswers, IsUnavailableAndNeverHangs) {
  OneShotServer server([&](tcp::socket& socket) {
    ReadHeaders(socket);
    Write(socket, GetParam().bytes);
  });
  const auto answer = SendHttpRequest({.url = server.url(), .answer_bytes_max = 1000});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().reason, Reason::kUnavailable);
  EXPECT_NE(answer.error().message.find("127.0.0.1"), std::string::npos) << answer.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    All, HttpClientOnBadAnswers,
    testing::Values(BadAnswer{"Nothing", ""}, BadAnswer{"Garbage", std::string(300, '\xfe')},
                    BadAnswer{"HalfAHeader", "HTTP/1.1 200 OK\r\nContent-Le"},
                    BadAnswer{"HalfABody", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"},
                    BadAnswer{"TooLarge", Answer(200, std::string(2000, 'x'))},
                    BadAnswer{"EndlessHeader",
                              "HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x')}),
    [](const auto& test) { return test.param.name; });

TEST(HttpClient, GivesUpOnAServerThatHangs) {
  OneShotServer server([](tcp::socket& socket) { ReadToEnd(socket); });
  const auto answer =
      SendHttpRequest({.url = server.url(), .answer_timeout = std::chrono::milliseconds(50)});
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("no answer in time"), std::string::npos)
      << answer.error().message;
}

TEST(HttpClient, BoundsTheWholeAnswerNotOnlyTheGapsInIt) {
  OneShotServer server([](tcp::socket& socket) {
    ReadHeaders(socket);
    Write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n");
    // Byte after byte, until the client goes away.
    error_code error;
    while (!error) boost::asio::write(socket, boost::asio::buffer("x", 1), error);
  });
  const auto answer =
      SendHttpRequest({.url = server.url(), .answer_timeout = std::chrono::milliseconds(100)});
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("no answer in time"), std::string::npos)
      << answer.error().message;
}

TEST(RemoteClassifier, ReadsWhatClassifyAnswers) {
  std::string seen;
  {
    OneShotServer server([&](tcp::socket& socket) {
      seen = ReadHeaders(socket);
      Write(socket, Answer(200, R"({"model":"m","version":"2","predictions":[)"
                                R"({"label":"tabby\u001b","index":281,"probability":1}]})"));
      ReadToEnd(socket);
    });
    RemoteClassifyOptions options{.server = server.url("/base/"), .model = "a b/2", .top = 1};
    const auto result = ClassifyRemotely(options, {});
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->model, "m");
    EXPECT_EQ(result->version, "2");
    ASSERT_EQ(result->predictions.size(), 1u);
    EXPECT_EQ(result->predictions[0].label, "tabby ");
    EXPECT_EQ(result->predictions[0].index, 281u);
  }
  EXPECT_TRUE(seen.starts_with("POST /base/classify?top=1&model=a%20b&version=2 ")) << seen;
}

TEST(RemoteClassifier, KeepsTheServersReason) {
  OneShotServer server([](tcp::socket& socket) {
    ReadHeaders(socket);
    Write(socket,
          Answer(415, R"({"error":"not an image","code":415,"reason":"UNSUPPORTED_MEDIA"})"));
    ReadToEnd(socket);
  });
  const auto result = ClassifyRemotely({.server = server.url()}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::kUnsupportedMedia);
  EXPECT_NE(result.error().message.find("not an image"), std::string::npos);
}

TEST(RemoteClassifier, SaysWhenTheOtherSideIsNoHoldfastServer) {
  for (const std::string& body :
       {Answer(404, "<html>"), Answer(200, "<html>"), Answer(200, R"({"predictions":[]})"),
        Answer(200, R"({"model":"m","version":"1","predictions":[{"label":3}]})")}) {
    OneShotServer server([&](tcp::socket& socket) {
      ReadHeaders(socket);
      Write(socket, body);
      ReadToEnd(socket);
    });
    const auto result = ClassifyRemotely({.server = server.url()}, {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().reason, Reason::kInternal);
    EXPECT_NE(result.error().message.find("check the address"), std::string::npos);
  }
}

}  // namespace
}  // namespace holdfast
