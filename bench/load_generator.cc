// SPDX-License-Identifier: Apache-2.0
// holdfast-load: offers photos to a server over HTTP/1.1 and keeps a ledger of what became of each.
//
// Open loop: Poisson arrivals; a latency runs from the moment that a request was due, so that a
// slow server cannot slow its own test down. Closed loop: a fixed number of connections, each with
// one request at a time. Nothing is retried. A request that was sent and got no answer is a loss.
#include <fmt/format.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <chrono>
#include <deque>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr auto kUse = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kConnectionsMax = 3000;

struct Options {
  unsigned short port = 0;
  std::string path = "/classify";
  double rate = 0;      // Open loop: requests a second.
  int connections = 0;  // Closed loop.
  double seconds = 10;
  double timeout = 10;
  std::uint64_t seed = 1;
  std::string ledger;               // One line a request.
  std::vector<std::string> photos;  // FILE or FILE=INDEX.
};

struct Photo {
  std::string bytes;
  long expected = -1;  // The right class; -1: any.
};

struct Record {
  double due = 0;       // Seconds since the start.
  double latency = 0;   // Milliseconds.
  std::string outcome;  // "200", "200-wrong", "503 OVERLOADED", "reset", "refused", "timeout".
  int attempts = 0;
};

// The number behind `key` in a JSON text, or -1.
long NumberAfter(const std::string& text, const std::string& key) {
  const std::size_t at = text.find(key);
  if (at == std::string::npos) return -1;
  long number = -1;
  std::from_chars(text.data() + at + key.size(), text.data() + text.size(), number);
  return number;
}

std::string WordAfter(const std::string& text, const std::string& key) {
  const std::size_t at = text.find(key);
  if (at == std::string::npos) return "";
  const std::size_t start = at + key.size();
  return text.substr(start, text.find('"', start) - start);
}

class Generator {
 public:
  explicit Generator(Options options) : options_(std::move(options)), random_(options_.seed) {
    for (const std::string& argument : options_.photos) photos_.push_back(Load(argument));
  }

  int Run() {
    start_ = Clock::now();
    if (options_.rate > 0) {
      asio::co_spawn(loop_, Arrivals(), asio::detached);
    } else {
      for (int i = 0; i < options_.connections; ++i) {
        asio::co_spawn(loop_, ClosedLoop(), asio::detached);
      }
    }
    loop_.run();
    Report();
    return 0;
  }

 private:
  using Stream = beast::tcp_stream;
  struct Connection {
    explicit Connection(asio::io_context& loop) : stream(loop) {}
    Stream stream;
    beast::flat_buffer buffer;
  };

  struct Outcome {
    std::string word;
    bool keep = false;  // The connection can take another request.
  };

  static Photo Load(const std::string& argument) {
    const std::size_t equals = argument.rfind('=');
    const std::string file = argument.substr(0, equals);
    std::ifstream stream(file, std::ios::binary);
    Photo photo;
    photo.bytes.assign(std::istreambuf_iterator<char>(stream), {});
    if (photo.bytes.empty()) throw CLI::ValidationError(file, "cannot be read, or is empty");
    if (equals != std::string::npos) photo.expected = std::stol(argument.substr(equals + 1));
    return photo;
  }

  double Elapsed() const { return Seconds(Clock::now() - start_).count(); }

  asio::awaitable<void> Arrivals() {
    std::exponential_distribution<double> gap(options_.rate);
    asio::steady_timer timer(loop_);
    for (double due = gap(random_); due < options_.seconds; due += gap(random_)) {
      timer.expires_at(start_ + std::chrono::duration_cast<Clock::duration>(Seconds(due)));
      co_await timer.async_wait(kUse);
      asio::co_spawn(loop_, One(due), asio::detached);
    }
  }

  asio::awaitable<void> ClosedLoop() {
    while (Elapsed() < options_.seconds) co_await One(Elapsed());
  }

  asio::awaitable<void> One(double due) {
    Record record{.due = due};
    const Photo& photo = photos_[sent_++ % photos_.size()];
    record.outcome = co_await Ask(photo, due, record);
    record.latency = (Elapsed() - due) * 1e3;
    records_.push_back(std::move(record));
  }

  // An idle connection that the server has not closed since, or none.
  std::unique_ptr<Connection> TakeIdle() {
    while (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      char byte = 0;
      const auto peeked =
          ::recv(connection->stream.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
      if (peeked < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return connection;
    }
    return nullptr;
  }

  asio::awaitable<std::string> Ask(const Photo& photo, double due, Record& record) {
    const auto until =
        start_ + std::chrono::duration_cast<Clock::duration>(Seconds(due + options_.timeout));
    auto connection = TakeIdle();
    if (!connection) {
      if (open_ >= kConnectionsMax) co_return "generator-full";
      connection = std::make_unique<Connection>(loop_);
      connection->stream.expires_at(until);
      const auto [error] = co_await connection->stream.async_connect(
          asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), options_.port), kUse);
      if (error) co_return error == beast::error::timeout ? "timeout" : "refused";
      connection->stream.socket().set_option(asio::ip::tcp::no_delay(true));
    }
    ++open_;
    const Outcome outcome = co_await Exchange(*connection, photo, until, record);
    --open_;
    if (outcome.keep) idle_.push_back(std::move(connection));
    co_return outcome.word;
  }

  asio::awaitable<Outcome> Exchange(Connection& connection, const Photo& photo,
                                    Clock::time_point until, Record& record) {
    connection.stream.expires_at(until);
    const std::string head = fmt::format(
        "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\nContent-Length: "
        "{}\r\n\r\n",
        options_.path, photo.bytes.size());
    const std::array<asio::const_buffer, 2> parts{asio::buffer(head), asio::buffer(photo.bytes)};
    const auto [write_error, written] = co_await asio::async_write(connection.stream, parts, kUse);
    http::response<http::string_body> response;
    const auto [error, bytes] =
        co_await http::async_read(connection.stream, connection.buffer, response, kUse);
    if (error == beast::error::timeout) co_return Outcome{"timeout"};
    if (error) co_return Outcome{"reset"};
    const bool keep = response.keep_alive() && !write_error;
    const auto attempts = response["x-holdfast-attempts"];
    std::from_chars(attempts.data(), attempts.data() + attempts.size(), record.attempts);
    if (response.result_int() != 200) {
      co_return Outcome{
          fmt::format("{} {}", response.result_int(), WordAfter(response.body(), "\"reason\":\"")),
          keep};
    }
    const long answered = NumberAfter(response.body(), "\"index\":");
    const bool wrong = photo.expected >= 0 && answered != photo.expected;
    co_return Outcome{wrong ? "200-wrong" : "200", keep};
  }

  static double Quantile(const std::vector<double>& sorted, double q) {
    if (sorted.empty()) return 0;
    return sorted[std::min(sorted.size() - 1,
                           static_cast<std::size_t>(q * static_cast<double>(sorted.size())))];
  }

  void Report() const {
    std::map<std::string, long> outcomes;
    std::vector<double> latencies;
    std::vector<double> good_times;
    long rescued = 0;
    for (const Record& record : records_) {
      ++outcomes[record.outcome];
      rescued += record.attempts > 1 ? 1 : 0;
      if (record.outcome != "200") continue;
      latencies.push_back(record.latency);
      good_times.push_back(record.due + record.latency / 1e3);
    }
    std::sort(latencies.begin(), latencies.end());
    std::sort(good_times.begin(), good_times.end());
    double gap = 0;
    for (std::size_t i = 1; i < good_times.size(); ++i) {
      gap = std::max(gap, good_times[i] - good_times[i - 1]);
    }
    const auto in_time = std::count_if(good_times.begin(), good_times.end(),
                                       [this](double t) { return t <= options_.seconds; });
    std::string counts;
    for (const auto& [outcome, count] : outcomes) {
      counts += fmt::format("{}\"{}\":{}", counts.empty() ? "" : ",", outcome, count);
    }
    fmt::print(
        "{{\"offered\":{},\"ok\":{},\"rate\":{:.2f},\"rescued\":{},\"p50_ms\":{:.2f},\"p90_ms\":{:."
        "2f},"
        "\"p99_ms\":{:.2f},\"max_ms\":{:.2f},\"longest_gap_s\":{:.3f},\"outcomes\":{{{}}}}}\n",
        records_.size(), latencies.size(), static_cast<double>(in_time) / options_.seconds, rescued,
        Quantile(latencies, 0.5), Quantile(latencies, 0.9), Quantile(latencies, 0.99),
        latencies.empty() ? 0.0 : latencies.back(), gap, counts);
    if (options_.ledger.empty()) return;
    std::ofstream ledger(options_.ledger);
    for (const Record& record : records_) {
      ledger << fmt::format(
          "{{\"due_s\":{:.4f},\"latency_ms\":{:.3f},\"outcome\":\"{}\",\"attempts\":{}}}\n",
          record.due, record.latency, record.outcome, record.attempts);
    }
  }

  Options options_;
  std::mt19937_64 random_;
  asio::io_context loop_{1};
  Clock::time_point start_;
  std::vector<Photo> photos_;
  std::deque<std::unique_ptr<Connection>> idle_;
  std::vector<Record> records_;
  std::size_t sent_ = 0;
  std::size_t open_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Offers photos to a server and keeps a ledger of what became of each.");
  Options options;
  app.add_option("--port", options.port, "Port on 127.0.0.1")->required();
  app.add_option("--path", options.path, "Path to post to");
  app.add_option("--rate", options.rate, "Open loop: Poisson arrivals, requests a second");
  app.add_option("--connections", options.connections, "Closed loop: connections");
  app.add_option("--seconds", options.seconds, "How long requests are offered");
  app.add_option("--timeout", options.timeout, "Seconds after which a request counts as lost");
  app.add_option("--seed", options.seed, "Of the arrivals");
  app.add_option("--ledger", options.ledger, "File for one JSON line a request");
  app.add_option("photos", options.photos, "FILE, or FILE=INDEX with the right class")->required();
  CLI11_PARSE(app, argc, argv);
  if ((options.rate > 0) == (options.connections > 0)) {
    fmt::print(stderr, "give either --rate or --connections\n");
    return 64;
  }
  try {
    return Generator(std::move(options)).Run();
  } catch (const CLI::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 66;
  }
}
