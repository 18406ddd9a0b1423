# SPDX-License-Identifier: Apache-2.0
"""docs/reference/metrics.md says what /metrics shows, and /metrics shows what it says."""

import hashlib
import re
import ssl

import pytest

from tests.process.certificates import Authority
from tests.process.gray import gray
from tests.process.running_server import ROOT, wait_until
from tests.process.tls_server import TlsServer

KEY = "a client's key"
DOCUMENT = ROOT / "docs/reference/metrics.md"
GOOD, CANARY, DEADLY, INVALID = 2, 4, 7, 8  # Classes of the fake model's items.
RULES = f"""[[on]]
class = {DEADLY}
do = "abort"
[[on]]
class = {INVALID}
do = "nan"
[[on]]
class = {CANARY}
after = 1  # The golden example, before the fork, is right.
do = "wrong"
"""


def rows(heading, columns):
    """The cells of the table below a heading, without its two header lines."""
    section = DOCUMENT.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert all(len(row) == columns for row in cells), cells
    return cells


def words(cell):
    return set(re.findall(r"`([^`]+)`", cell))


def documented():
    """{name: (type, labels)}, and the names that are there from the start."""
    metrics = {}
    start = set()
    for name, kind, labels, since, _ in rows("Metrics", 5):
        assert since in ("start", "first"), since
        metrics[name.strip("`")] = (kind, frozenset(words(labels)))
        if since == "start":
            start.add(name.strip("`"))
    return metrics, start


def exported(text):
    """{name: (type, labels)} and {label: values} of a scrape. `le` belongs to histograms."""
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    metrics = {}
    values = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        name = re.match(r"[a-z_]+", line)[0]
        if name not in kinds:
            name = re.sub(r"_(bucket|sum|count)$", "", name)
        labels = dict(re.findall(r'(\w+)="([^"]*)"', line.rsplit(" ", 1)[0]))
        labels.pop("le", None)
        for label, value in labels.items():
            values.setdefault(label, set()).add(value)
        shape = (kinds[name], frozenset(labels))
        assert metrics.setdefault(name, shape) == shape, f"{name} has two sets of labels"
    return metrics, values


def scrape(server):
    return exported(server.get("/metrics")[2].decode())


@pytest.fixture
def server(tmp_path, fake_model):
    """Its public ports speak TLS and ask for a key. The admin address is plain, and answers all that they do."""
    certificate = Authority(tmp_path / "authority").issue("localhost")
    (tmp_path / "keys").write_text(f"app {hashlib.sha256(KEY.encode()).hexdigest()}\n")
    with TlsServer(tmp_path, certificate, "--api-keys", tmp_path / "keys", "--workers", "2", "--golden-interval-s", "2",
                   models=fake_model(RULES, golden=CANARY)) as running:
        yield running


def try_a_canary(server, fake_model):
    fake_model(golden=CANARY, version=2)
    path = "/v2/repository/models/fake/rollout"
    order = path + "?version=2&percent=100"
    assert server.request("PUT", order, port=server.admin_port)[0] == 200
    def compared():
        assert server.classify(gray(GOOD))[0] == 200
        return server.metric("holdfast_rollout_compared_total")
    wait_until(compared, "an item that both have answered")
    assert server.request("DELETE", path, port=server.admin_port)[0] == 200
    wait_until(lambda: server.metric("holdfast_rollouts_ended_total"), "the end is counted")


def test_every_metric_is_documented_and_every_documented_metric_is_there(server, tmp_path, fake_model):
    metrics, start = documented()
    first, _ = scrape(server)
    # The probes that waited for readiness have been answered.
    assert set(first) - {"holdfast_responses_total", "holdfast_request_seconds",
                         "holdfast_tls_certificate_end_seconds"} == start

    for _ in range(2):
        assert server.classify(gray(GOOD), headers={"idempotency-key": "one"})[0] == 200
    assert server.classify(b"no picture")[2]["reason"] == "UNSUPPORTED_MEDIA"
    assert server.classify(gray(DEADLY))[2]["reason"] == "REQUEST_CRASHED_WORKER"
    assert server.classify(gray(DEADLY))[2]["reason"] == "REQUEST_QUARANTINED"
    assert server.classify(gray(INVALID))[2]["reason"] == "OUTPUT_INVALID"
    wait_until(lambda: server.metric("holdfast_worker_exits_total") >= 4, "four deaths counted")
    server.await_event("golden-failed")

    assert server.request("GET", "/livez", port=server.port)[0] == 400  # No TLS.
    context = ssl.create_default_context(cafile=tmp_path / "authority/ca.pem")
    assert server.ask(context, path="/v2", headers={"x-api-key": KEY})[0] == 200
    order = {"method": "POST", "path": "/debug/drill", "body": b'{"fault":"garbage"}'}
    wait_until(lambda: server.request(**order, port=server.admin_port)[0] == 200, "a ready worker")

    try_a_canary(server, fake_model)

    seen, values = scrape(server)
    assert seen == metrics
    allowed = {label.strip("`"): words(cell) for label, cell in rows("Labels", 2)}
    for label in ("endpoint", "stage", "cause", "fault", "arm", "end"):
        assert values[label] <= allowed[label]
    assert {"signal", "invalid-output"} <= values["cause"]
    assert values["stage"] == allowed["stage"]
    assert values["port"] == {"http"}
    assert values["reason"] == {"plain", "BAD_REQUEST", "UNSUPPORTED_MEDIA", "REQUEST_CRASHED_WORKER",
                                "REQUEST_QUARANTINED", "OUTPUT_INVALID"}


@pytest.mark.parametrize(("label", "source", "pattern"), [
    ("cause", "src/base/death_cause.cc", r'"([a-z-]+)"'),
    ("endpoint", "src/gateway/endpoints.cc", r'return "([^"]+)";'),
])
def test_the_values_of_a_label_are_those_of_the_code(label, source, pattern):
    allowed = {name.strip("`"): words(cell) for name, cell in rows("Labels", 2)}
    assert set(re.findall(pattern, (ROOT / source).read_text())) == allowed[label]
