# SPDX-License-Identifier: Apache-2.0
"""What a client sees over HTTP: labels, errors, headers, and refusals that can be read."""

import base64
import http.client
import json
import socket
import struct
import zlib

import pytest

from tests.process.running_server import PHOTOS, TINY, Server

LIMIT = 2 << 20  # Body bytes that this server takes.


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("http"), "--workers", "2", "--body-bytes-max", str(LIMIT),
                models=TINY) as running:
        yield running
        running.check_quiet()
        assert not running.events("worker-died"), "a worker died of a client's input"


@pytest.fixture
def photo():
    return (PHOTOS / "chelsea.jpg").read_bytes()


def post_json(server, path, document):
    return server.classify(json.dumps(document).encode(), path=path,
                           headers={"content-type": "application/json"})


# --- Answers ---

def test_a_photo_posted_raw_is_classified(server, photo, tiny_photos):
    expected = dict(tiny_photos)[PHOTOS / "chelsea.jpg"]
    status, headers, answer = server.classify(photo, headers={"content-type": "image/jpeg"})
    assert status == 200
    assert answer["model"] == "tiny" and answer["version"] == "1"
    assert answer["predictions"][0]["index"] == expected
    assert abs(sum(entry["probability"] for entry in
                   server.classify(photo, path="/classify?top=10")[2]["predictions"]) - 1) < 1e-3
    assert headers["x-holdfast-attempts"] == "1" and headers["x-request-id"]


def test_all_faces_give_the_same_answer(server, photo):
    encoded = base64.b64encode(photo).decode()
    raw = server.classify(photo)[2]["predictions"]
    expected = [[entry["label"], entry["probability"]] for entry in raw]
    _, _, classified = post_json(server, "/v1/models/tiny:classify",
                                 {"examples": [{"image": {"b64": encoded}}]})
    assert classified["results"][0] == expected
    _, _, predicted = post_json(server, "/v1/models/tiny:predict",
                                {"instances": [{"b64": encoded}]})
    scores = predicted["predictions"][0]
    assert scores.index(max(scores)) == raw[0]["index"]
    _, _, invoked = server.classify(photo, path="/invocations",
                                    headers={"content-type": "image/jpeg"})
    assert invoked["predictions"] == raw


def test_a_tensor_is_classified(server):
    red = [[[1.0] * 32] * 32, [[-1.0] * 32] * 32, [[-1.0] * 32] * 32]
    status, _, answer = post_json(server, "/v1/models/tiny/versions/1:predict",
                                  {"instances": [red, red]})
    assert status == 200
    first, second = answer["predictions"]
    assert first == second and first.index(max(first)) == 2  # The golden example's class of red.


def test_a_model_says_its_status(server):
    status, _, body = server.get("/v1/models/tiny")
    assert status == 200
    version = json.loads(body)["model_version_status"][0]
    assert version["version"] == "1" and version["state"] == "AVAILABLE"


@pytest.mark.parametrize("path", ["/ping", "/healthz", "/readyz", "/livez", "/metrics", "/"])
def test_probes_answer(server, path):
    assert server.get(path)[0] == 200
    assert server.request("HEAD", path)[2] == b""


def test_a_request_id_is_echoed(server, photo):
    assert server.classify(photo, headers={"x-request-id": "abc-1"})[1]["x-request-id"] == "abc-1"
    assert server.get("/nowhere", headers={"x-request-id": "abc-2"})[1]["x-request-id"] == "abc-2"


# --- Refusals ---

ERROR_KEYS = {"error", "message", "code", "reason", "retryable", "request_id"}


@pytest.mark.parametrize(("method", "path", "body", "headers", "status", "reason"), [
    ("GET", "/nowhere", None, {}, 404, "NOT_FOUND"),
    ("GET", "/classify", None, {}, 405, "METHOD_NOT_ALLOWED"),
    ("POST", "/classify?model=other", b"\xff\xd8\xff", {}, 404, "NOT_FOUND"),
    ("POST", "/v1/models/tiny/versions/9:predict", b"{}", {}, 404, "NOT_FOUND"),
    ("POST", "/v1/models/tiny:predict", b"{", {}, 400, "BAD_REQUEST"),
    ("POST", "/v1/models/tiny:predict", b'{"instances":[[1,2]]}', {}, 400, "BAD_REQUEST"),
    ("POST", "/v1/models/tiny:regress", b"{}", {}, 400, "BAD_REQUEST"),
    ("POST", "/classify", b"<html>no image</html>", {"content-type": "text/html"}, 415,
     "UNSUPPORTED_MEDIA"),
    ("POST", "/classify", b"plain text", {"content-type": "image/jpeg"}, 415, "UNSUPPORTED_MEDIA"),
    ("POST", "/classify", b"", {"content-type": "image/jpeg"}, 415, "UNSUPPORTED_MEDIA"),
    ("POST", "/classify", b"x" * (LIMIT + 1), {}, 413, "PAYLOAD_TOO_LARGE"),
    ("POST", "/classify", b"x", {"x-request-timeout-ms": "soon"}, 400, "BAD_REQUEST"),
])
def test_a_refusal_is_one_flat_object(server, method, path, body, headers, status, reason):
    got, answer_headers, text = server.request(method, path, body=body, headers=headers)
    answer = json.loads(text)
    assert (got, answer["reason"]) == (status, reason)
    assert ERROR_KEYS <= set(answer) and answer["code"] == status
    assert isinstance(answer["error"], str) and answer["message"]
    assert answer["request_id"] == answer_headers["x-request-id"]
    if status == 405:
        assert "POST" in answer_headers["Allow"]


def chunk(kind, content):
    return (struct.pack(">I", len(content)) + kind + content +
            struct.pack(">I", zlib.crc32(kind + content)))


def png_header(width, height, pixels=b""):
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) +
            chunk(b"IEND", b""))


def bomb():
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(20_001)) for _ in range(20_000))
    return png_header(20_000, 20_000, rows + packer.flush())


def jpeg_header(side):
    segment = b"\x08" + struct.pack(">HH", side, side) + b"\x03\x01\x11\0\x02\x11\0\x03\x11\0"
    return (b"\xff\xd8\xff\xdb\x00\x43\x00" + bytes([1] * 64) + b"\xff\xc2" +
            struct.pack(">H", len(segment) + 2) + segment + b"\xff\xd9")


@pytest.mark.parametrize(("name", "image", "status", "reason"), [
    ("20000 x 20000 pixels", bomb, 422, "IMAGE_TOO_LARGE"),
    ("2^31-1 square header", lambda: png_header(2**31 - 1, 2**31 - 1), 422, "IMAGE_TOO_LARGE"),
    ("65500 square header", lambda: jpeg_header(65_500), 422, "IMAGE_TOO_LARGE"),
    ("truncated", lambda: (PHOTOS / "chelsea.jpg").read_bytes()[:20_000], 422,
     "IMAGE_DECODE_FAILED"),
    ("start of image only", lambda: b"\xff\xd8\xff", 422, "IMAGE_DECODE_FAILED"),
    ("GIF", lambda: b"GIF89a" + bytes(20), 415, "UNSUPPORTED_MEDIA"),
])
def test_a_hostile_image_costs_nothing_but_its_own_answer(server, photo, name, image, status,
                                                          reason):
    workers = server.workers()
    got, _, answer = server.classify(image(), headers={"content-type": "image/png"})
    assert (got, answer["reason"]) == (status, reason), name
    assert server.classify(photo)[0] == 200
    assert server.workers() == workers


@pytest.mark.parametrize("size", [3 << 20, 8 << 20])
def test_python_reads_the_413_of_an_upload_that_is_too_large(server, size):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", "/classify", body=b"x" * size)
    response = connection.getresponse()
    assert response.status == 413
    assert json.loads(response.read())["reason"] == "PAYLOAD_TOO_LARGE"
    connection.close()


def talk(server, sent, until=b"\r\n\r\n"):
    """Sends raw bytes, and reads until `until` has come or the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(sent)
        got = b""
        while until not in got:
            part = connection.recv(65536)
            if not part:
                break
            got += part
        return got


def test_expect_100_continue_is_answered_before_the_body(server, photo):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(b"POST /classify HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(photo))
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(photo)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_expect_with_a_body_that_is_too_large_is_refused_at_once(server):
    got = talk(server, b"POST /classify HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                       b"Content-Length: 99999999\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 413 ")


def test_a_chunked_body_is_read(server, photo):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part)
                      for part in (photo[:1000], photo[1000:70_000], photo[70_000:]))
    got = talk(server, b"POST /classify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
               chunks + b"0\r\n\r\n", until=b"]}")
    assert got.startswith(b"HTTP/1.1 200 OK\r\n")


def test_pipelined_requests_are_answered_in_order(server, photo):
    one = b"POST /classify HTTP/1.1\r\nHost: x\r\nx-request-id: %s\r\nContent-Length: %d\r\n\r\n%s"
    probe = b"GET /livez HTTP/1.1\r\nHost: x\r\nx-request-id: c\r\nConnection: close\r\n\r\n"
    got = talk(server, one % (b"a", len(photo), photo) + one % (b"b", len(photo), photo) + probe,
               until=b"Alive")
    order = [got.index(b"x-request-id: " + name) for name in (b"a", b"b", b"c")]
    assert order == sorted(order)


@pytest.mark.parametrize(("head", "status"), [
    (b"POST /classify HTTP/1.1\r\nHost: x\r\n\r\n", 411),
    (b"GET / HTTP/1.1\r\nHost: x\r\nx: " + b"a" * 20_000 + b"\r\n\r\n", 431),
    (b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
     400),
    (b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
     b"Transfer-Encoding: chunked\r\n\r\nabc", 400),
    (b"nonsense\r\n\r\n", 400),
])
def test_a_malformed_request_gets_a_readable_refusal(server, head, status):
    assert talk(server, head).startswith(b"HTTP/1.1 %d " % status)


def test_a_client_that_goes_away_costs_nothing(server, photo):
    for cut in (10, 200, len(photo) // 2):
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall((b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
                                % len(photo) + photo)[:cut + 60])
    assert server.classify(photo)[0] == 200


def test_metrics_count_what_was_answered(server, photo):
    before = server.metric("holdfast_requests_answered_total")
    server.classify(photo)
    assert server.metric("holdfast_requests_answered_total") == before + 1
    assert server.metric("holdfast_responses_total", endpoint="/classify", code="200") >= 1
    assert server.metric("holdfast_build_info") == 1
