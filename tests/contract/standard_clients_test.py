# SPDX-License-Identifier: Apache-2.0
"""The HTTP clients that come with Go, Node, Java, Python and the shell: photos are classified,
refusals are read, also the one that comes while 24 MB are still being sent."""

import http.client
import json
import os
import shutil
import subprocess

import httpx
import pytest
import requests

from tests.process.running_server import PHOTOS, ROOT

HERE = ROOT / "tests/contract/standard_clients"
PHOTO = PHOTOS / "chelsea.jpg"
EXPECTED = {"photo": "200|tiger cat", "again": "200|tiger cat", "chunked": "200|tiger cat",
            "expect": "200|tiger cat", "unknown": "404|NOT_FOUND", "text": "415|UNSUPPORTED_MEDIA",
            "large": "413|PAYLOAD_TOO_LARGE", "head": "200|", "after": "200|tiger cat"}


def needs(program):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not here")


def answers_of(command, server, **keywords):
    done = subprocess.run([*map(str, command), f"http://127.0.0.1:{server.port}", str(PHOTO)],
                          capture_output=True, text=True, timeout=120, check=False, **keywords)
    assert done.returncode == 0, done.stderr
    return {line.split("|", 1)[0]: line.split("|", 1)[1] for line in done.stdout.splitlines()}


def test_gos_client(server, tmp_path):
    needs("go")
    program = tmp_path / "client"
    subprocess.run(["go", "build", "-o", program, HERE / "client.go"], check=True, timeout=300,
                   env={**os.environ, "GO111MODULE": "off", "GOFLAGS": ""}, cwd=tmp_path)
    answers = answers_of([program], server)
    assert {name: "|".join(answer.split("|")[:2]) for name, answer in answers.items()} == EXPECTED
    assert answers["again"].split("|")[2] == "true", "the connection is kept"
    assert all(answer.endswith("<nil>") for answer in answers.values()), answers


def test_nodes_client(server):
    needs("node")
    answers = answers_of(["node", HERE / "client.mjs"], server)
    assert answers == {name: answer for name, answer in EXPECTED.items() if name != "expect"}


def test_javas_client(server):
    needs("java")
    assert answers_of(["java", HERE / "Client.java"], server) == EXPECTED


def curl(server, path, *arguments):
    done = subprocess.run(["curl", "-s", "-w", "|%{http_code}", *arguments,
                           f"http://127.0.0.1:{server.port}{path}"], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    body, _, status = done.stdout.rpartition("|")
    return int(status), body


def test_curl(server, tmp_path):
    for how in (["--data-binary", f"@{PHOTO}"], ["-T", str(PHOTO), "-X", "POST"],
                ["--http2", "--data-binary", f"@{PHOTO}"], ["--http1.0", "--data-binary", f"@{PHOTO}"],
                ["-H", "Expect: 100-continue", "--data-binary", f"@{PHOTO}"],
                ["-H", "Transfer-Encoding: chunked", "--data-binary", f"@{PHOTO}"],
                ["-F", f"data=@{PHOTO}"]):
        status, body = curl(server, "/classify", *how)
        assert (status, json.loads(body)["predictions"][0]["label"]) == (200, "tiger cat"), how
    # As TensorFlow Serving's documents use it: JSON that is called a form.
    status, body = curl(server, "/v1/models/efficientnet-lite0:predict", "-d",
                        '{"instances": [[1, 2]]}')
    assert status == 400 and "has the shape" in json.loads(body)["error"]
    large = tmp_path / "large"
    large.write_bytes(bytes(24 << 20))
    status, body = curl(server, "/classify", "--data-binary", f"@{large}")
    assert (status, json.loads(body)["reason"]) == (413, "PAYLOAD_TOO_LARGE")
    assert curl(server, "/healthz", "--head")[0] == 200


@pytest.mark.parametrize("library", [requests, httpx])
def test_pythons_libraries(server, photo, library):
    url = f"http://127.0.0.1:{server.port}"
    session = requests.Session() if library is requests else httpx.Client()
    body = {"data": photo} if library is requests else {"content": photo}
    for _ in range(3):
        answer = session.post(url + "/classify", timeout=30, **body)
        assert answer.json()["predictions"][0]["label"] == "tiger cat"
    chunks = {next(iter(body)): iter([photo[:1000], photo[1000:]])}
    assert session.post(url + "/classify", timeout=30, **chunks).status_code == 200
    large = {next(iter(body)): bytes(24 << 20)}
    refusal = session.post(url + "/classify", timeout=30, **large)
    assert (refusal.status_code, refusal.json()["reason"]) == (413, "PAYLOAD_TOO_LARGE")
    assert session.head(url + "/healthz", timeout=30).status_code == 200
    session.close()


def test_pythons_own_client(server, photo):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    for _ in range(3):  # Over one connection.
        connection.request("POST", "/classify", photo)
        answer = connection.getresponse()
        assert json.loads(answer.read())["predictions"][0]["label"] == "tiger cat"
    connection.request("POST", "/classify", bytes(24 << 20))
    refusal = connection.getresponse()
    assert (refusal.status, json.loads(refusal.read())["reason"]) == (413, "PAYLOAD_TOO_LARGE")
    connection.close()
