// SPDX-License-Identifier: Apache-2.0
#include "gateway/report/request_spans.h"

#include <string>
#include <string_view>
#include <utility>

namespace holdfast {
namespace {

class Trace {
 public:
  Trace(const RequestRecord& record, Duration unix_offset)
      : record_(record), unix_offset_(unix_offset) {}

  Span& Add(std::string_view name, TimePoint begin, TimePoint end) {
    const bool first = spans_.empty();
    spans_.push_back({.trace_id = record_.trace.trace_id,
                      .span_id = MakeSpanId(),
                      .parent_id = first ? record_.trace.parent_id : spans_.front().span_id,
                      .name = std::string(name),
                      .begin_unix_ns = UnixNanoseconds(begin),
                      .end_unix_ns = UnixNanoseconds(end),
                      .attributes = {},
                      .error = {}});
    return spans_.back();
  }

  void AddItem(const ItemTimes& times, std::int64_t index) {
    const auto add = [&](std::string_view name, TimePoint begin, TimePoint end) -> Span& {
      Span& span = Add(name, begin, end);
      if (record_.items > 1) span.attributes.push_back({"holdfast.item", index});
      return span;
    };
    add("queue", times.queued, times.lost.empty() ? times.dispatched : times.lost[0].dispatched);
    for (std::size_t i = 0; i < times.lost.size(); ++i) {
      const bool last = i + 1 == times.lost.size();
      add("lost attempt", times.lost[i].dispatched, times.lost[i].lost).error = "worker lost";
      add("rescue", times.lost[i].lost, last ? times.dispatched : times.lost[i + 1].dispatched);
    }
    if (times.preprocess_us == 0 && times.infer_us == 0) return;
    const TimePoint decoded = times.dispatched + std::chrono::microseconds(times.preprocess_us);
    add("decode", times.dispatched, decoded);
    add("infer", decoded, decoded + std::chrono::microseconds(times.infer_us));
  }

  std::vector<Span> Take() { return std::move(spans_); }

 private:
  std::int64_t UnixNanoseconds(TimePoint time) const {
    return (time.time_since_epoch() + unix_offset_).count();
  }

  const RequestRecord& record_;
  Duration unix_offset_;
  std::vector<Span> spans_;
};

std::vector<Span::Attribute> AttributesOf(const RequestRecord& record) {
  std::vector<Span::Attribute> attributes;
  if (record.protocol == RequestRecord::Protocol::kGrpc) {
    attributes.push_back({"rpc.system", std::string("grpc")});
    attributes.push_back({"rpc.method", record.endpoint});
  } else {
    attributes.push_back({"http.request.method", record.method});
    attributes.push_back({"http.route", record.endpoint});
    attributes.push_back({"http.response.status_code", std::int64_t{record.status}});
  }
  attributes.push_back({"holdfast.request_id", record.id});
  attributes.push_back({"holdfast.items", static_cast<std::int64_t>(record.items)});
  attributes.push_back({"holdfast.attempts", std::int64_t{record.attempts}});
  if (!record.model.empty()) attributes.push_back({"holdfast.model", record.model});
  if (record.reason != Reason::kOk) {
    attributes.push_back({"error.type", std::string(Describe(record.reason).word)});
  }
  return attributes;
}

}  // namespace

std::vector<Span> SpansOf(const RequestRecord& record, TimePoint end, Duration unix_offset) {
  Trace trace(record, unix_offset);
  const bool grpc = record.protocol == RequestRecord::Protocol::kGrpc;
  Span& whole =
      trace.Add(grpc ? record.endpoint : record.method + ' ' + record.endpoint, record.start, end);
  whole.kind = Span::Kind::kServer;
  whole.attributes = AttributesOf(record);
  // A client's mistake is no error of the server's.
  if (record.status >= 500) whole.error = Describe(record.reason).word;
  if (record.admitted > record.start) trace.Add("admission", record.start, record.admitted);
  if (record.received > record.admitted) trace.Add("receive", record.admitted, record.received);
  std::int64_t index = 0;
  for (const ItemTimes& times : record.item_times) trace.AddItem(times, index++);
  return trace.Take();
}

}  // namespace holdfast
