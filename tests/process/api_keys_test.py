# SPDX-License-Identifier: Apache-2.0
"""API keys: who is let in over HTTP and gRPC, who is told why not, and how much one may ask."""

import hashlib
import json
import secrets
import subprocess

import grpc
import pytest

from tests.process.grpc_health import grpc_health
from tests.process.grpc_inference import image_request, infer_over_grpc, messages, services
from tests.process.running_server import BIN, PHOTOS, PROMPT, TINY, Server, kill, wait_until

OPEN = ("/", "/ping", "/healthz", "/readyz", "/livez", "/v2/health/live", "/v2/health/ready")
CLOSED = ("/metrics", "/v1/models/tiny", "/v2", "/v2/models/tiny", "/v2/models/tiny/ready",
          "/models", "/execution-parameters")


class Keys:
    """A file of keys, and the keys."""

    def __init__(self, file):
        self.file = file
        self.lines = ["# clients"]
        self.of = {}

    def add(self, name, quota=""):
        key = secrets.token_hex(32)
        self.of[name] = key
        self.lines.append(f"{name} {hashlib.sha256(key.encode()).hexdigest()} {quota}")
        self.write()
        return key

    def write(self):
        self.file.write_text("\n".join(self.lines) + "\n")


@pytest.fixture
def keys(tmp_path):
    made = Keys(tmp_path / "keys.txt")
    made.add("app")
    made.add("slow", "1 3")
    return made


class KeyServer(Server):
    """Its metrics are read where no key is needed."""

    def get(self, path, **keywords):
        if path == "/metrics" and "headers" not in keywords:
            keywords.setdefault("port", self.admin_port)
        return super().get(path, **keywords)


@pytest.fixture
def server(tmp_path, keys):
    with KeyServer(tmp_path, "--workers", "2", "--repository-poll-s", "1", "--api-keys", keys.file,
                   models=TINY) as running:
        yield running


@pytest.fixture
def photo():
    return (PHOTOS / "chelsea.jpg").read_bytes()


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


# --- HTTP ---

def test_a_key_lets_in_by_either_header(server, keys, photo):
    key = keys.of["app"]
    for headers in (bearer(key), {"authorization": f"bearer {key}"}, {"X-Api-Key": key}):
        assert server.classify(photo, headers=headers)[0] == 200
    assert server.metric("holdfast_api_key_requests_total", key="app", result="ok") == 3
    server.check_quiet()


@pytest.mark.parametrize("headers", [
    {}, bearer("wrong"), bearer(""), {"Authorization": "Basic YTpi"}, {"X-Api-Key": "0" * 64}])
def test_nobody_else_is_let_in(server, headers, photo):
    status, answered, answer = server.classify(photo, headers=headers)
    assert (status, answer["code"], answer["reason"]) == (401, 401, "UNAUTHENTICATED")
    assert answer["retryable"] is False and "retry_after_ms" not in answer
    assert {name.lower(): value for name, value in answered.items()}["www-authenticate"] == "Bearer"
    assert server.metric("holdfast_refused_total", reason="UNAUTHENTICATED") == 1


def test_a_hash_is_no_key(server, keys, photo):
    digest = hashlib.sha256(keys.of["app"].encode()).hexdigest()
    assert server.classify(photo, headers=bearer(digest))[0] == 401


def test_probes_need_no_key_and_everything_else_does(server, keys):
    assert [server.get(path)[0] for path in OPEN] == [200] * len(OPEN)
    assert [server.request("GET", path)[0] for path in CLOSED] == [401] * len(CLOSED)
    key = bearer(keys.of["app"])
    assert [server.get(path, headers=key)[0] for path in CLOSED] == [200] * len(CLOSED)
    assert server.request("GET", "/metrics", port=server.admin_port)[0] == 200


def test_a_refusal_of_a_large_body_can_be_read(server, keys):
    body = bytes(15 << 20)
    status, _, answer = server.classify(body, headers=bearer("wrong"))
    assert (status, answer["reason"]) == (401, "UNAUTHENTICATED")
    slow = bearer(keys.of["slow"])
    statuses = [server.get("/v2", headers=slow)[0] for _ in range(4)]
    status, headers, answer = server.classify(body, headers=slow)
    assert 429 in [*statuses, status]
    assert (status, answer["reason"]) == (429, "RATE_LIMITED")
    assert 0 < answer["retry_after_ms"] <= 1000 and headers["Retry-After"] == "1"


def test_a_quota_holds_for_its_key_alone_and_fills_up_again(server, keys, photo):
    slow = bearer(keys.of["slow"])
    statuses = [server.classify(photo, headers=slow)[0] for _ in range(6)]
    assert statuses[:3] == [200] * 3 and 429 in statuses
    assert server.classify(photo, headers=bearer(keys.of["app"]))[0] == 200
    wait_until(lambda: server.classify(photo, headers=slow)[0] == 200, "a request again", 5)
    assert server.metric("holdfast_api_key_requests_total", key="slow", result="limited") >= 1
    assert server.metric("holdfast_refused_total", reason="RATE_LIMITED") >= 1
    server.check_quiet()


# --- gRPC ---

@pytest.fixture
def channel(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as made:
        yield made


def status_of(call):
    """A call's status, and its trailing metadata."""
    try:
        call()
    except grpc.RpcError as error:
        return error.code(), dict(error.trailing_metadata() or ())
    return grpc.StatusCode.OK, {}


def test_a_key_lets_in_over_grpc(channel, keys, photo):
    key = keys.of["app"]
    for metadata in ((("authorization", f"Bearer {key}"),), (("x-api-key", key),)):
        assert infer_over_grpc(channel, photo, metadata=metadata).outputs


def test_nobody_else_is_let_in_over_grpc(channel, photo):
    stub = services.GRPCInferenceServiceStub(channel)
    calls = [lambda: infer_over_grpc(channel, photo),
             lambda: infer_over_grpc(channel, photo, metadata=[("x-api-key", "wrong")]),
             lambda: stub.ServerMetadata(messages.ServerMetadataRequest()),
             lambda: stub.ModelReady(messages.ModelReadyRequest(name="tiny")),
             lambda: stub.RepositoryModelUnload(
                 messages.RepositoryModelUnloadRequest(model_name="tiny")),
             lambda: list(stub.ModelStreamInfer(iter([image_request(photo, "tiny")]),
                                                timeout=PROMPT))]
    assert [status_of(call)[0] for call in calls] == [grpc.StatusCode.UNAUTHENTICATED] * len(calls)
    assert status_of(calls[0])[1]["x-holdfast-reason"] == "UNAUTHENTICATED"


def test_probes_need_no_key_over_grpc(channel):
    wait_until(lambda: grpc_health(channel) == "SERVING", "gRPC has heard of it")
    stub = services.GRPCInferenceServiceStub(channel)
    assert stub.ServerLive(messages.ServerLiveRequest()).live
    assert stub.ServerReady(messages.ServerReadyRequest()).ready


def test_a_quota_holds_over_grpc_and_counts_both_ports(server, channel, keys, photo):
    metadata = [("x-api-key", keys.of["slow"])]
    assert server.classify(photo, headers=bearer(keys.of["slow"]))[0] == 200
    outcomes = [status_of(lambda: infer_over_grpc(channel, photo, metadata=metadata))
                for _ in range(6)]
    assert [code for code, _ in outcomes[:2]] == [grpc.StatusCode.OK] * 2
    code, trailers = next(one for one in outcomes if one[0] != grpc.StatusCode.OK)
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert 0 < int(trailers["grpc-retry-pushback-ms"]) <= 1000
    assert trailers["x-holdfast-reason"] == "RATE_LIMITED"
    server.check_quiet()


def test_each_request_of_a_stream_counts(channel, keys, photo):
    stub = services.GRPCInferenceServiceStub(channel)
    answers = list(stub.ModelStreamInfer(iter([image_request(photo, "tiny")] * 8),
                                         metadata=[("x-api-key", keys.of["slow"])],
                                         timeout=PROMPT))
    refused = [answer.error_message for answer in answers if answer.error_message]
    assert len(answers) == 8 and 1 <= len(refused) <= 5
    assert "requests per second" in refused[0]


# --- The file ---

def test_keys_come_and_go_while_the_server_serves(server, keys, photo):
    first = keys.of["app"]
    new = keys.add("new")
    wait_until(lambda: server.classify(photo, headers=bearer(new))[0] == 200, "the new key")
    assert server.classify(photo, headers=bearer(first))[0] == 200
    keys.lines = [line for line in keys.lines if not line.startswith("app")]
    keys.write()
    wait_until(lambda: server.classify(photo, headers=bearer(first))[0] == 401, "the old key is gone")
    keys.file.write_text("broken\n")
    told = server.await_event("credentials-not-taken")[0]
    assert "--api-keys: line 1: " in told["why"]
    kill(server.gateway())  # Its successor gets what was good.
    server.await_ready()
    assert server.classify(photo, headers=bearer(new))[0] == 200


@pytest.mark.parametrize(("text", "code", "words"), [
    (None, 66, "is missing"), ("", 78, "is empty"), ("# none\n", 78, "the file has no key"),
    ("app secret\n", 78, "line 1: the second word is no SHA-256")])
def test_a_file_that_cannot_be_used_ends_the_start_in_one_line(tmp_path, text, code, words):
    file = tmp_path / "keys.txt"
    if text is not None:
        file.write_text(text)
    outcome = subprocess.run([BIN / "holdfast", "serve", "--model-repository", TINY, "--http-port",
                              "0", "--grpc-port", "0", "--admin-port", "0", "--api-keys", file],
                             capture_output=True, text=True, check=False, timeout=PROMPT)
    assert outcome.returncode == code, outcome
    assert outcome.stderr.count("\n") == 1 and words in outcome.stderr
    assert "--api-keys" in outcome.stderr and "secret" not in outcome.stderr


def test_the_documented_line_makes_a_key(server, keys, photo):
    """docs/security.md has it; here it is run."""
    line = 'key=$(openssl rand -hex 32); echo "$key"; printf %s "$key" | sha256sum | cut -d " " -f 1'
    key, digest = subprocess.run(["bash", "-c", line], check=True, capture_output=True,
                                 text=True).stdout.split()
    keys.lines.append(f"made {digest}")
    keys.write()
    wait_until(lambda: server.classify(photo, headers=bearer(key))[0] == 200, "the key that was made")


def test_no_key_and_no_hash_is_in_the_log(server, keys, photo):
    server.classify(photo, headers=bearer(keys.of["app"]))
    server.classify(photo, headers=bearer("a-wrong-key-of-somebody"))
    text = "\n".join([*server.log_lines, json.dumps(server.metrics()), *server.plan])
    for secret in (*keys.of.values(), "a-wrong-key-of-somebody",
                   *(line.split()[1] for line in keys.lines[1:])):
        assert secret not in text
