// SPDX-License-Identifier: Apache-2.0
#include "gateway/report/span_exporter.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "gateway/coroutine.h"
#include "os/steady_clock.h"

namespace holdfast {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

// A collector in the test's own loop, which answers as the test says.
class SpanExporterTest : public testing::Test {
 protected:
  SpanExporterTest() {
    asio::co_spawn(loop_, Collect(), asio::detached);
    exporter_.emplace(
        loop_, Collector(), "shop",
        SpanExporter::Events{.exported = [this](std::size_t spans) { exported_ += spans; },
                             .dropped = [this](std::size_t spans) { dropped_ += spans; },
                             .failed = [this](const std::string& e) { failures_.push_back(e); }});
  }

  HttpUrl Collector() { return {"127.0.0.1", acceptor_.local_endpoint().port(), "/collector/"}; }

  asio::awaitable<void> Collect() {
    for (;;) {
      auto [error, socket] = co_await acceptor_.async_accept(kUse);
      if (error) co_return;
      boost::beast::flat_buffer buffer;
      http::request<http::string_body> request;
      co_await http::async_read(socket, buffer, request, kUse);
      targets_.emplace_back(request.target());
      bodies_.push_back(request.body());
      if (silent_) {
        kept_.push_back(std::move(socket));
        continue;
      }
      http::response<http::string_body> response(http::int_to_status(status_), 11, "{}");
      response.prepare_payload();
      co_await http::async_write(socket, response, kUse);
    }
  }

  static std::vector<Span> Spans(std::size_t count) {
    return std::vector<Span>(count, Span{.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736",
                                         .span_id = "00f067aa0ba902b7",
                                         .name = "infer"});
  }
  void Start() { asio::co_spawn(loop_, exporter_->Run(), asio::detached); }
  template <class Condition>
  void TurnUntil(Condition holds) {
    const TimePoint give_up = Now() + std::chrono::seconds(20);
    while (!holds() && Now() < give_up) loop_.run_one_for(std::chrono::milliseconds(100));
    EXPECT_TRUE(holds());
  }

  asio::io_context loop_{1};
  asio::ip::tcp::acceptor acceptor_{loop_, {asio::ip::address_v4::loopback(), 0}};
  std::optional<SpanExporter> exporter_;
  unsigned status_ = 200;
  bool silent_ = false;
  std::vector<asio::ip::tcp::socket> kept_;
  std::vector<std::string> targets_;
  std::vector<std::string> bodies_;
  std::vector<std::string> failures_;
  std::size_t exported_ = 0;
  std::size_t dropped_ = 0;
};

TEST_F(SpanExporterTest, SendsWhatItWasGivenInOneBatch) {
  Start();
  exporter_->Take(Spans(2));
  exporter_->Take(Spans(3));
  TurnUntil([this] { return exported_ == 5; });
  ASSERT_EQ(targets_.size(), 1U);
  EXPECT_EQ(targets_[0], "/collector/v1/traces");
  EXPECT_NE(bodies_[0].find(R"("stringValue":"shop")"), std::string::npos);
  EXPECT_EQ(dropped_, 0U);
}

TEST_F(SpanExporterTest, SendsAFullBatchAtOnce) {
  Start();
  loop_.poll();
  const TimePoint begin = Now();
  exporter_->Take(Spans(SpanExporter::kBatchMax));
  TurnUntil([this] { return exported_ == SpanExporter::kBatchMax; });
  EXPECT_LT(Now() - begin, std::chrono::milliseconds(900)) << "it waits a second for more";
}

TEST_F(SpanExporterTest, TriesAgainWhereTheCollectorIsBusy) {
  status_ = 503;
  Start();
  exporter_->Take(Spans(4));
  TurnUntil([this] { return !failures_.empty(); });
  EXPECT_EQ(failures_[0], "the collector answers 503");
  status_ = 200;
  TurnUntil([this] { return exported_ == 4; });
  EXPECT_EQ(dropped_, 0U);
}

TEST_F(SpanExporterTest, DropsWhatTheCollectorWillNeverTake) {
  status_ = 400;
  Start();
  exporter_->Take(Spans(4));
  TurnUntil([this] { return dropped_ == 4; });
  EXPECT_EQ(exported_, 0U);
  EXPECT_EQ(bodies_.size(), 1U);
}

TEST_F(SpanExporterTest, HoldsNoMoreThanItMay) {
  acceptor_.close();
  Start();
  exporter_->Take(Spans(SpanExporter::kPendingMax));
  exporter_->Take(Spans(7));
  EXPECT_EQ(dropped_, 7U);
  TurnUntil([this] { return !failures_.empty(); });
}

TEST_F(SpanExporterTest, DoesNotWaitForASilentCollectorAtTheEnd) {
  silent_ = true;
  Start();
  exporter_->Take(Spans(SpanExporter::kBatchMax + 1));
  TurnUntil([this] { return !bodies_.empty(); });
  bool finished = false;
  const TimePoint begin = Now();
  asio::co_spawn(loop_, exporter_->Finish(begin + std::chrono::milliseconds(200)),
                 [&finished](const std::exception_ptr&) { finished = true; });
  TurnUntil([&finished] { return finished; });
  EXPECT_LT(Now() - begin, std::chrono::seconds(3));
}

TEST_F(SpanExporterTest, SendsWhatIsLeftAtTheEnd) {
  Start();
  loop_.poll();
  exporter_->Take(Spans(3));
  bool finished = false;
  asio::co_spawn(loop_, exporter_->Finish(Now() + std::chrono::seconds(5)),
                 [&finished](const std::exception_ptr&) { finished = true; });
  TurnUntil([&finished] { return finished; });
  EXPECT_EQ(exported_, 3U);
}

}  // namespace
}  // namespace holdfast
