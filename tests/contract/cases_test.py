# SPDX-License-Identifier: Apache-2.0
"""The tables of cases in cases/*.toml: one a protocol, each case from a published document.

A case is one request to a server with the tiny model, and what must come back:

    source   which of the table's documents says so, and where
    request  "METHOD PATH", with `headers` and one of `body`, `binary` (after `body`, where that is
             JSON), `form`; or `call` and `message` for gRPC
    status   the HTTP status, 200 where nothing is said; `code` for gRPC, OK where nothing is said
    answer   JSON that is part of the answer's; "*" is anything, "/…" a regular expression
    error    a regular expression that is found in the answer's error
    rows, key, best   how many rows of ten scores stand under `key`, and the first one's best class
    same_as  the case of this table that gets the same scores

Words in capitals stand for what DATA says.
"""

import base64
import io
import json
import re
import tomllib

import google.protobuf.descriptor_pb2
import google.protobuf.descriptor_pool
import google.protobuf.json_format
import google.protobuf.message_factory
import grpc
import numpy as np
import pytest
import requests
from grpc_tools import protoc

from tests.process.running_server import ROOT, TINY

TABLES = {file.stem: tomllib.loads(file.read_text())
          for file in sorted((ROOT / "tests/contract/cases").glob("*.toml"))}
CASES = [pytest.param(table, case, id=f"{table}: {case['name']}")
         for table, content in TABLES.items() for case in content["case"]]

RED = (TINY / "tiny/1/golden/red.png").read_bytes()
ITEM = np.full((3, 32, 32), 0.5, np.float32)
OTHER = np.linspace(-1, 1, ITEM.size, dtype=np.float32).reshape(ITEM.shape)


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def nested(array, **first):
    """JSON of an array, its first number replaced by a text of JSON."""
    text = json.dumps(array.tolist())
    return text.replace("[[[0.5", "[[[" + first["first"], 1) if first else text


DATA = {
    "ITEM": nested(ITEM), "OTHER": nested(OTHER), "FLAT": nested(ITEM.ravel())[1:-1],
    "EXPONENTS": nested(ITEM, first="-5.0E-1").replace("0.5", "1", 1),
    "NANS": nested(ITEM, first="NaN, Infinity, -Infinity").replace("0.5, 0.5, ", "", 1),
    "SHORT": nested(ITEM[:, :, :31]), "RAGGED": nested(ITEM).replace("0.5, ", "", 1),
    "RED": RED, "CUT": RED[:70], "TEXT": b"hello", "NPY": npy(np.stack([ITEM, OTHER])),
    "FLOATS": ITEM.tobytes(), "UNPADDED": base64.b64encode(RED).decode().rstrip("="),
}
WORD = re.compile("|".join(sorted(DATA, key=len, reverse=True)))


def filled(text):
    """A text with its words in capitals written out; bytes are base64 in JSON."""
    def value(match):
        data = DATA[match[0]]
        return data if isinstance(data, str) else base64.b64encode(data).decode()
    return WORD.sub(value, text)


# --- What comes back ---

def fits(pattern, value):
    """Whether `value` has everything that `pattern` has."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            key in value and fits(part, value[key]) for key, part in pattern.items())
    if isinstance(pattern, list):
        return (isinstance(value, list) and len(value) == len(pattern) and
                all(map(fits, pattern, value)))
    if isinstance(pattern, str) and pattern.startswith("/"):
        return re.fullmatch(pattern[1:], value) is not None
    return pattern == "*" or pattern == value


class Outcome:
    """An answer of either kind: status, error and what is in it."""

    def __init__(self, status, error="", answer=None, scores=None):
        self.status, self.error, self.answer, self.scores = status, error, answer, scores


def http_scores(answer):
    """The numbers of a tensor, in whatever form it came."""
    split = answer.headers.get("inference-header-content-length")
    if split:
        return np.frombuffer(answer.content[int(split):], np.float32)
    content = answer.json()
    if not isinstance(content, dict):
        return None
    rows = content.get("predictions", content.get("outputs"))
    if rows and isinstance(rows[0], dict) and "data" in rows[0]:
        rows = rows[0]["data"]
    with_numbers = rows and not isinstance(rows[0], (dict, str))
    return np.array(rows, np.float32).ravel() if with_numbers else None


def ask_http(server, case):
    method, path = case["request"].split(" ")
    headers, body = dict(case.get("headers", {})), filled(case.get("body", "")).encode()
    if "binary" in case:
        if body:
            headers["inference-header-content-length"] = str(len(body))
        body += DATA[case["binary"]]
    files = {"data": DATA[case["form"]]} if "form" in case else None
    answer = requests.request(method, f"http://127.0.0.1:{server.port}{path}", headers=headers,
                              data=None if files else body, files=files, timeout=30)
    if "inference-header-content-length" in answer.headers:
        return Outcome(answer.status_code, scores=http_scores(answer))
    content = answer.json() if answer.content else {}
    error = content.get("error", "") if isinstance(content, dict) else ""
    return Outcome(answer.status_code, error, content, http_scores(answer))


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """api/*.proto, apart from other libraries' messages of the same names."""
    file = tmp_path_factory.mktemp("protos") / "api.pb"
    protos = sorted(one.name for one in (ROOT / "api").glob("*.proto"))
    well_known = protoc.__file__.replace("protoc.py", "_proto")
    assert protoc.main(["protoc", f"-I{ROOT / 'api'}", f"-I{well_known}", "--include_imports",
                        f"--descriptor_set_out={file}", *protos]) == 0
    found = google.protobuf.descriptor_pool.DescriptorPool()
    for one in google.protobuf.descriptor_pb2.FileDescriptorSet.FromString(file.read_bytes()).file:
        found.Add(one)
    return found


def ask_grpc(server, pool, case):
    service, name = case["call"].split("/")
    method = pool.FindServiceByName(service).methods_by_name[name]
    kinds = [google.protobuf.message_factory.GetMessageClass(one)
             for one in (method.input_type, method.output_type)]
    message = google.protobuf.json_format.Parse(filled(case["message"]), kinds[0](),
                                                descriptor_pool=pool)
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        call = channel.unary_unary(f"/{case['call']}", kinds[0].SerializeToString,
                                   kinds[1].FromString)
        try:
            answer = call(message, timeout=30)
        except grpc.RpcError as error:
            return Outcome(error.code().name, error.details())
    scores = None
    if name == "Predict":
        (output,) = answer.outputs.values()
        scores = np.array(output.float_val, np.float32)
    elif name == "ModelInfer" and answer.outputs[0].datatype == "FP32":
        scores = np.frombuffer(answer.raw_output_contents[0], np.float32) \
            if answer.raw_output_contents else np.array(answer.outputs[0].contents.fp32_contents)
    content = google.protobuf.json_format.MessageToDict(answer, descriptor_pool=pool)
    return Outcome("OK", "", content, scores)


def ask(server, pool, case):
    return ask_grpc(server, pool, case) if "call" in case else ask_http(server, case)


@pytest.mark.parametrize("table, case", CASES)
def test_a_case(tiny, pool, table, case):
    outcome = ask(tiny, pool, case)
    expected = case.get("code", "OK") if "call" in case else case.get("status", 200)
    assert outcome.status == expected, outcome.error
    if "error" in case:
        assert re.search(case["error"], outcome.error), outcome.error
    if "answer" in case:
        assert fits(json.loads(case["answer"]), outcome.answer), outcome.answer
    if "rows" in case:
        assert np.array(outcome.answer[case["key"]]).shape == (case["rows"], 10)
    elif "key" in case:
        assert list(outcome.answer) == [case["key"]]
    if "best" in case:
        assert outcome.scores[:10].argmax() == case["best"]
    if "same_as" in case:
        (other,) = [one for one in TABLES[table]["case"] if one["name"] == case["same_as"]]
        np.testing.assert_allclose(outcome.scores, ask(tiny, pool, other).scores, atol=1e-5)


KEYS = {"name", "source", "request", "headers", "body", "binary", "form", "call", "message",
        "status", "code", "answer", "error", "rows", "key", "best", "same_as"}


@pytest.mark.parametrize("table", TABLES)
def test_every_case_has_its_document_and_a_name_of_its_own(table):
    documents, cases = TABLES[table]["documents"], TABLES[table]["case"]
    assert {re.match(r"\w+", case["source"])[0] for case in cases} == set(documents)
    assert len({case["name"] for case in cases}) == len(cases)
    assert not [key for case in cases for key in case if key not in KEYS], "a word that means nothing"
