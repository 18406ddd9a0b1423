# SPDX-License-Identifier: Apache-2.0
"""What the server tells of its requests: a line in the log, metrics for CloudWatch, traces."""

import contextlib
import http.client
import http.server
import json
import math
import re
import threading
import time

import grpc
import pytest

from tests.process.fake_rules import GOOD
from tests.process.gray import gray
from tests.process.grpc_inference import infer_over_grpc
from tests.process.running_server import ROOT, Server, kill, wait_until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
UNITS = {"Count", "Milliseconds", "None"}


def spans_of(request):
    for resource in request["resourceSpans"]:
        names = {a["key"]: a["value"]["stringValue"] for a in resource["resource"]["attributes"]}
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                yield names["service.name"], span


class Collector(http.server.ThreadingHTTPServer):
    """Takes traces as an OpenTelemetry collector does."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.requests = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def traces(self):
        """{trace id: {span name: span}}"""
        traces = {}
        for _, _, body in list(self.requests):
            for _, span in spans_of(body):
                traces.setdefault(span["traceId"], {})[span["name"]] = span
        return traces

    def await_trace(self, trace=TRACE):
        return wait_until(lambda: self.traces().get(trace), f"trace {trace}")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            self.server.requests.append((self.path, self.headers["content-type"], json.loads(body)))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass


@pytest.fixture
def collector():
    running = Collector()
    yield running
    running.shutdown()
    running.server_close()


def attributes(span):
    return {a["key"]: next(iter(a["value"].values())) for a in span["attributes"]}


def begin(span):
    return int(span["startTimeUnixNano"])


def end(span):
    return int(span["endTimeUnixNano"])


# --- Traces ---

def test_a_trace_shows_where_the_time_went(tmp_path, fake_model, collector):
    before = time.time_ns()
    with Server(tmp_path, "--workers", "2", "--trace-endpoint", collector.url + "/", "--service-name", "shop",
                models=fake_model(service_ms=20)) as server:
        answer = server.classify(gray(GOOD), headers={
            "traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "the-request"})
        assert answer[0] == 200
        spans = collector.await_trace()
        path, content_type, body = collector.requests[0]
        assert (path, content_type) == ("/v1/traces", "application/json")
        assert {service for service, _ in spans_of(body)} == {"shop"}
        whole = spans["POST /classify"]
        assert whole["parentSpanId"] == PARENT and whole["kind"] == 2 and "status" not in whole
        assert {"holdfast.request_id": "the-request", "holdfast.model": "fake/1",
                "holdfast.attempts": "1", "http.response.status_code": "200"
                }.items() <= attributes(whole).items()
        parts = [spans[name] for name in ("admission", "receive", "queue", "decode", "infer")]
        assert all(part["parentSpanId"] == whole["spanId"] for part in parts)
        for earlier, later in zip(parts, parts[1:]):
            assert begin(earlier) <= end(earlier) <= begin(later)
        assert before < begin(whole) and end(parts[-1]) <= end(whole) < time.time_ns()
        assert end(parts[-1]) - begin(parts[-1]) > 10_000_000, "the model took 20 ms"
        wait_until(lambda: server.metric("holdfast_spans_exported_total") >= 6, "spans are counted")


def test_a_trace_shows_a_rescue(tmp_path, fake_model, collector):
    with Server(tmp_path, "--workers", "2", "--trace-endpoint", collector.url, "--trace-percent", "0",
                models=fake_model(service_ms=600, busy="false")) as server:
        server.await_workers(2)
        answers = []
        asking = threading.Thread(target=lambda: answers.append(server.classify(gray(GOOD), headers={
            "x-amzn-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793"})))
        asking.start()
        wait_until(lambda: server.metric("holdfast_running_items") == 1, "a worker has it")
        for worker in server.workers():
            kill(worker)
        asking.join()
        assert answers[0][0] == 200
        # Nobody asked for a trace: it is kept since something went wrong.
        spans = collector.await_trace("5759e988bd862e3fe1be46a994272793")
        assert spans["lost attempt"]["status"]["code"] == 2
        assert begin(spans["lost attempt"]) <= begin(spans["rescue"]) <= begin(spans["infer"])
        assert int(attributes(spans["POST /classify"])["holdfast.attempts"]) >= 2
        assert server.await_event("request")[0]["trace_id"] == "5759e988bd862e3fe1be46a994272793"


def test_grpc_calls_are_traced_too(tmp_path, fake_model, collector):
    with Server(tmp_path, "--trace-endpoint", collector.url, models=fake_model()) as server:
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            infer_over_grpc(channel, gray(GOOD), "fake", metadata=[("traceparent", f"00-{TRACE}-{PARENT}-01")])
        spans = collector.await_trace()
        whole = spans["/inference.GRPCInferenceService/ModelInfer"]
        assert attributes(whole)["rpc.system"] == "grpc" and whole["parentSpanId"] == PARENT
        assert "infer" in spans


def test_a_caller_that_does_not_want_a_trace_gets_none(tmp_path, fake_model, collector):
    with Server(tmp_path, "--trace-endpoint", collector.url, "--trace-percent", "100",
                models=fake_model()) as server:
        server.classify(gray(GOOD), headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
        other = TRACE[::-1]
        server.classify(gray(GOOD), headers={"traceparent": f"00-{other}-{PARENT}-01"})
        collector.await_trace(other)
        assert TRACE not in collector.traces()
        assert server.stop() == 0
    assert TRACE not in collector.traces()


def test_the_last_spans_are_sent_before_the_server_ends(tmp_path, fake_model, collector):
    with Server(tmp_path, "--trace-endpoint", collector.url, models=fake_model()) as server:
        server.classify(gray(GOOD), headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        assert server.stop() == 0
    assert TRACE in collector.traces()


def test_a_collector_that_is_away_costs_nothing_but_the_traces(tmp_path, fake_model, collector):
    url = collector.url
    collector.server_close()
    with Server(tmp_path, "--trace-endpoint", url, "--trace-percent", "100",
                models=fake_model()) as server:
        for _ in range(50):
            assert server.classify(gray(GOOD))[0] == 200
        warning = server.await_event("trace-export")[0]
        assert warning["collector"] == url and "connect" in warning["error"]
        assert server.stop() == 0


def test_an_endpoint_that_is_none_is_refused(tmp_path, fake_model):
    with Server(tmp_path, models=fake_model(), wait=False,
                environment={"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector"}) as server:
        assert server.wait() == 64
        assert "OTEL_EXPORTER_OTLP_ENDPOINT" in server.log_lines[0]


# --- CloudWatch ---

def check_emf(line):
    """The rules of CloudWatch's Embedded Metric Format, those that its schema leaves out as well."""
    document = json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert len(line) < 256 * 1024
    meta = document["_aws"]
    assert isinstance(meta["Timestamp"], int)
    assert abs(meta["Timestamp"] / 1000 - time.time()) < 600
    for directive in meta["CloudWatchMetrics"]:
        assert 1 <= len(directive["Namespace"]) <= 1024
        assert directive["Dimensions"]
        for dimensions in directive["Dimensions"]:
            assert set(dimensions) <= {"Service", "Model"}, "each value of another one costs money"
            assert all(isinstance(document[key], str) and 1 <= len(document[key]) <= 1024
                       for key in dimensions)
        assert 1 <= len(directive["Metrics"]) <= 100
        for metric in directive["Metrics"]:
            assert metric["Unit"] in UNITS and set(metric) == {"Name", "Unit"}
            value = document[metric["Name"]]
            values = value if isinstance(value, list) else [value]
            assert 1 <= len(values) <= 100
            assert all(isinstance(number, (int, float)) and math.isfinite(number)
                       for number in values)
    return document


def emf_lines(server):
    return [check_emf(line) for line in server.plan if line.startswith('{"_aws"')]


def sums(lines, name, **dimensions):
    return sum(line[name] for line in lines if name in line and
               all(line.get(key) == value for key, value in dimensions.items()))


def test_metrics_for_cloudwatch_add_up(tmp_path, fake_model):
    models = fake_model(service_ms=5)
    with Server(tmp_path, "--workers", "2", "--emf-interval-s", "1", "--service-name", "shop",
                models=models) as server:
        server.await_workers(2)
        for _ in range(30):
            assert server.classify(gray(GOOD))[0] == 200
        assert server.classify(gray(GOOD), path="/v1/models/none:predict")[0] == 404
        for worker in server.workers():
            kill(worker)
        server.await_workers(2)
        wait_until(lambda: sums(emf_lines(server), "WorkerKills") == 2, "both deaths are reported")
        assert server.stop() == 0
    lines = emf_lines(server)
    service = [line for line in lines if "Model" not in line]
    model = [line for line in lines if "Model" in line]
    assert {line["Service"] for line in lines} == {"shop"}
    assert {line["Model"] for line in model} == {"fake"}
    assert sums(service, "Requests") == sums(service, "Answered") == 30
    assert sums(model, "Requests") == 30
    assert sum(len(line.get("LatencyMs", [])) for line in service) == 30
    assert sum(len(line.get("InferMs", [])) for line in model) == 30
    for name in ("Lost", "Failed", "Rejected", "GatewayRestarts"):
        assert sums(service, name) == 0, name
    assert sums(service, "WorkerExits") == 2
    assert any(0 < line.get("BusyWorkerRatio", 0) <= 1 for line in service)
    # The log stays free of them, and the plan stands before them.
    assert not any("_aws" in line for line in server.log_lines)


def test_the_document_lists_every_metric(tmp_path, fake_model):
    text = (ROOT / "docs/reference/cloudwatch.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \|", text, re.MULTILINE))
    with Server(tmp_path, "--emf-interval-s", "1", models=fake_model(service_ms=5)) as server:
        assert server.classify(gray(GOOD))[0] == 200
        wait_until(lambda: sums(emf_lines(server), "Requests", Model="fake"), "the model's line")
        server.stop()
    found = {}
    for line in emf_lines(server):
        scope = "model" if "Model" in line else "service"
        for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
            found.setdefault((metric["Name"], metric["Unit"]), set()).add(scope)
    assert {(name, unit, ", ".join(sorted(scopes, reverse=True)))
            for (name, unit), scopes in found.items()} == documented


def test_a_gateways_death_is_a_metric(tmp_path, fake_model):
    with Server(tmp_path, "--emf-interval-s", "1", models=fake_model()) as server:
        kill(server.gateway())
        wait_until(lambda: sums(emf_lines(server), "GatewayRestarts") == 1, "the successor says so")


def test_what_is_cut_off_at_the_end_is_lost(tmp_path, fake_model):
    with Server(tmp_path, "--emf-interval-s", "300", "--drain-timeout-s", "1",
                models=fake_model(service_ms=5_000, busy="false")) as server:
        def ask():
            with contextlib.suppress(OSError, http.client.HTTPException):
                server.classify(gray(GOOD))
        asking = threading.Thread(target=ask)
        asking.start()
        wait_until(lambda: server.metric("holdfast_running_items") == 1, "a worker has it")
        server.stop()
        asking.join()
    assert sums(emf_lines(server), "Lost") == 1


def test_there_are_none_unless_they_are_wanted(tiny_server):
    tiny_server.stop()
    assert not emf_lines(tiny_server)


# --- The log ---

def test_a_line_for_each_request(tmp_path, fake_model):
    with Server(tmp_path, "--access-log-percent", "100", models=fake_model(service_ms=20)) as server:
        body = gray(GOOD)
        server.classify(body, headers={"x-request-id": "mine"})
        line, = server.await_event("request")
        assert {"request_id": "mine", "protocol": "http", "endpoint": "/classify", "model": "fake/1", "status": 200,
                "reason": "OK", "items": 1, "attempts": 1, "request_bytes": len(body), "unlogged": 0
                }.items() <= line.items()
        assert len(line["trace_id"]) == 32 and line["response_bytes"] > 20
        assert line["latency_ms"] >= line["infer_ms"] + line["queue_ms"] > 10
        server.get("/healthz")
        status, _, answer = server.classify(b"no picture")
        second = server.await_event("request", 2)[1]
        assert 400 <= status < 500
        assert (second["status"], second["reason"]) == (status, answer["reason"])
        server.request("GET", "/no-such-path")
        assert server.await_event("request", 3)[2]["endpoint"] == "unknown"


def test_only_what_went_wrong_is_written_by_default(tmp_path, fake_model):
    with Server(tmp_path, "--workers", "1", models=fake_model(service_ms=400, busy="false")) as server:
        server.await_workers(1)
        assert server.classify(gray(GOOD))[0] == 200
        status, _, answer = server.classify(gray(GOOD), headers={"x-request-timeout-ms": "50"})
        assert status >= 500
        line = server.await_event("request")[0]
        assert (line["status"], line["reason"]) == (status, answer["reason"])
        assert len(server.events("request")) == 1
