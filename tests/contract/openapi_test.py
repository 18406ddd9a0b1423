# SPDX-License-Identifier: Apache-2.0
"""The server against its own OpenAPI document: what it answers is what the document says.

Each operation is asked once as a client would, and must succeed; then with what schemathesis makes of
the document, right and wrong. The examples are the same in each run.
"""

import base64
import json
import re

import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (content_type_conformance,
                                               response_headers_conformance,
                                               response_schema_conformance,
                                               status_code_conformance)

from tests.process.gray import gray
from tests.process.conftest import built  # noqa: F401 (a fixture)
from tests.process.running_server import PHOTOS, ROOT, TINY, Server

MODEL, EXAMPLES = "tiny", 20
CHECKS = [status_code_conformance, content_type_conformance, response_headers_conformance,
          response_schema_conformance]
SERVER_SAYS_NO = {501, 503, 504}  # Refusals with a documented reason; a 500 would be a bug.

PNG = gray(40)
PICTURES = st.sampled_from([PNG, PNG, (PHOTOS / "chelsea.jpg").read_bytes(), PNG[:60], b"hello", b""])
for media_type in ("image/jpeg", "image/png", "image/webp", "image/*", "application/x-image",
                   "application/octet-stream", "application/x-npy"):
    schemathesis.openapi.media_type(media_type, PICTURES)
schemathesis.openapi.format("byte", PICTURES.map(lambda picture: base64.b64encode(picture).decode()))


def document():
    return yaml.safe_load((ROOT / "api/openapi.yaml").read_text())


def operations():
    return [(path, method) for path, item in document()["paths"].items()
            for method in item if method in ("get", "post", "put", "delete")]


ORDERS = ("/load", "/unload", "/labels/{label}", "/rollout", "/promote")


def is_admin(path):
    return path.startswith(("/debug/", "/console")) or path.endswith(ORDERS)


@pytest.fixture(scope="module")
def schema(tiny):
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{tiny.port}/openapi.json")


@pytest.fixture(scope="module")
def session():
    with requests.Session() as one:
        yield one


def is_multi_model(path, method):
    """SageMaker's alone; what it shares with TorchServe is asked of the other server."""
    return path.endswith("/invoke") or (path == "/models" and method == "post") or \
        (path == "/models/{model}" and method == "delete")


@pytest.fixture(scope="module")
def many(tmp_path_factory, built):  # noqa: F811
    """A server whose models come by SageMaker's calls, with one that is there."""
    root = tmp_path_factory.mktemp("many")
    (root / "tiny").symlink_to(TINY / "tiny")
    with Server(root, "--workers", "1", "--model-control", "sagemaker", "--multi-model-root",
                root) as running:
        running.archive = str(root / "tiny")
        yield running
        running.check_quiet()


@pytest.fixture
def of(request, many, tiny):
    """The server for an operation: of(path, method), with the model there."""
    def find(path, method):
        if not is_multi_model(path, method):
            return tiny
        if path != "/models":
            many.request("POST", "/models",
                         json.dumps({"model_name": MODEL, "url": many.archive}))
        return many
    return find


def base_url(server, path):
    return f"http://127.0.0.1:{server.admin_port if is_admin(path) else server.port}"


# --- The document ---

def test_it_is_served_as_it_is_written(tiny):
    answer = requests.get(f"http://127.0.0.1:{tiny.port}/openapi.json", timeout=30)
    assert answer.headers["content-type"] == "application/json"
    written = {key: value for key, value in document().items() if not key.startswith("x-")}
    assert answer.json() == json.loads(json.dumps(written))
    tag = answer.headers["etag"]
    again = requests.get(answer.url, headers={"If-None-Match": tag}, timeout=30)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    head = requests.head(answer.url, timeout=30)
    assert head.headers["content-length"] == str(len(answer.content)) and head.content == b""


def test_the_messages_of_grpc_are_served(tiny):
    for file in sorted((ROOT / "api").glob("*.proto")):
        answer = requests.get(f"http://127.0.0.1:{tiny.port}/api/{file.name}", timeout=30)
        assert answer.content == file.read_bytes(), file.name


def test_every_status_is_named_with_its_reasons():
    """`default` would document whatever comes; a status has the reasons that errors.md gives it."""
    rows = re.findall(r"^\| ([A-Z_]+) \| (\d{3}) \|", (ROOT / "api/errors.md").read_text(),
                      re.MULTILINE)
    text = document()
    for path, method in operations():
        responses = text["paths"][path][method]["responses"]
        assert "default" not in responses, f"{method} {path}: name its statuses"
        for status, response in responses.items():
            if status < "400":
                continue
            named = text["components"]["responses"][response["$ref"].split("/")[-1]]
            known = named["content"]["application/json"]["schema"]["allOf"][1]["properties"]
            assert known["code"]["enum"] == [int(status)], (path, status)
            assert {(reason, status) for reason in known["reason"]["enum"]} <= set(rows), (path, status)


# --- The server ---

ROW = [[[0.5] * 32] * 32] * 3
INFER = {"inputs": [{"name": "input", "datatype": "FP32", "shape": [1, 3, 32, 32], "data": ROW}]}
ASKED = {  # What a client sends to an operation with a body.
    "/classify": {"data": PNG}, "/invocations": {"data": PNG, "headers": {"accept": "text/csv"}},
    "/predictions/{model}": {"files": {"data": PNG}}, "/predictions/{model}/{version}": {"data": PNG},
    "infer": {"json": INFER}, ":predict": {"json": {"instances": [ROW]}},
    ":classify": {"data": PNG, "headers": {"content-type": "image/png"}},
    "/labels/{label}": {"params": {"version": 1}}, "/invoke": {"data": PNG},
    "/rollout": {"params": {"version": 1}},
    "/debug/drill": {"json": {"fault": "explode"}}, ":regress": {"json": {"examples": [{}]}},
}
# Nothing is on trial there; tests/process/canary_test.py has versions that are.
UNTRIED = {("/rollout", "put"): 400, ("/rollout", "delete"): 404, ("/promote", "post"): 404}
REFUSED = {"/debug/drill": 400, ":regress": 400}  # A drill that works is tests/process/drill_test.py's.

# What no example of schemathesis gets right: tensors that fit, and admin orders that nobody gives here.
TOO_HARD = ("infer", ":predict", *REFUSED, *ORDERS, "/models")


def of_path(table, path, otherwise):
    return next((value for ending, value in table.items() if path.endswith(ending)), otherwise)


@pytest.mark.parametrize("path, method", operations())
def test_an_operation_answers_a_client(of, schema, session, path, method):
    names = {"model": MODEL, "version": 1, "label": "stable", "document": "console.js" if path.startswith("/console") else "inference.proto"}
    server = of(path, method)
    url = base_url(server, path) + path.format(**names)
    asked = of_path(ASKED, path, {})
    if (path, method) == ("/models", "post"):
        asked = {"json": {"model_name": "another", "url": server.archive}}
    answer = session.request(method, url, timeout=30, **asked)
    if path.endswith("/unload"):
        session.post(url.replace("/unload", "/load"), timeout=30).raise_for_status()
    untried = next((status for (ending, verb), status in UNTRIED.items()
                    if path.endswith(ending) and method == verb), None)
    assert answer.status_code == (untried or of_path(REFUSED, path, 200)), answer.text
    case = schema[path][method].Case(path_parameters=names)
    case.validate_response(answer, checks=CHECKS)


@pytest.mark.parametrize("path, method", operations())
def test_an_operation_answers_anything_as_documented(of, schema, session, path, method):
    server = of(path, method)
    operation = schema[path][method]
    right, wrong = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)
    # A drill that is ordered rightly is carried out; tests/process/drill_test.py gives those.
    cases = wrong if path == "/debug/drill" else st.one_of(right, right, wrong)
    seen = set()

    @settings(max_examples=EXAMPLES, derandomize=True, database=None, deadline=None,
              phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=cases, known=st.sampled_from([True, True, True, False]))
    def ask(case, known):
        if known and not is_admin(path):
            for name, value in (("model", MODEL), ("version", 1)):
                if name in case.path_parameters:
                    case.path_parameters[name] = value
        answer = case.call(base_url=base_url(server, path), session=session, timeout=30)
        case.validate_response(answer, checks=CHECKS)
        assert answer.status_code < 500 or answer.status_code in SERVER_SAYS_NO, answer.text
        seen.add(answer.status_code)

    ask()
    assert 200 in seen or path.endswith(TOO_HARD), f"nothing but refusals: {seen}"
