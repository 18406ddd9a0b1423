# SPDX-License-Identifier: Apache-2.0
"""Options, fixtures and the table of the fault suite."""

import contextlib
import re
import time

import pytest

from tests.faults import table
from tests.faults.ledger import Baseline, Fault
from tests.process.conftest import built, demo_model, demo_repository, fake_model  # noqa: F401
from tests.process.conftest import photos, tiny_photos  # noqa: F401
from tests.process.fake_rules import GOOD
from tests.process.gray import gray
from tests.process.running_server import ROOT, Server

FAULT = pytest.StashKey()
ROWS = pytest.StashKey()


def pytest_addoption(parser):
    group = parser.getgroup("faults")
    group.addoption("--long", action="store_true", help="the counts that carry the claim")
    group.addoption("--only", default="", help="ids of tests, such as F05,X02")
    group.addoption("--results", default=str(ROOT / "build/results"),
                    help="folder of faults.json and faults.md")
    group.addoption("--seed", type=int, default=1, help="of the monkey")
    group.addoption("--for", dest="duration", default="", help="of the monkey: 40s, 30m, 8h")


def pytest_configure(config):
    config.stash[ROWS] = []


def identity_of(name):
    """F05 of test_f05_a_stopped_worker…"""
    match = re.match(r"test_([fx]\d\d)_", name)
    return match[1].upper() if match else None


def pytest_collection_modifyitems(config, items):
    wanted = {word.strip().upper() for word in config.getoption("only").split(",")} - {""}
    known = {identity_of(item.name) for item in items}
    if wanted - known - set(table.NOT_HERE):
        raise pytest.UsageError(f"no such fault: {', '.join(sorted(wanted - known))}")
    # The monkey runs at the end, or alone when it is asked for.
    kept = [item for item in items if not wanted or identity_of(item.name) in wanted]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = sorted(kept, key=lambda item: (identity_of(item.name) or "").startswith("X"))


@pytest.fixture
def fault(request, tmp_path):
    """The ledger of the test; its rules are checked when the test has returned."""
    ledger = Fault(identity_of(request.node.name), request.config.getoption("long"), tmp_path)
    request.node.stash[FAULT] = ledger
    return ledger


@pytest.fixture
def serve(tmp_path_factory):
    """Starts a server for a `with`; at the end of the block it must be as quiet as before."""
    @contextlib.contextmanager
    def start(*arguments, golden=(gray(GOOD), GOOD), quiet=True, **keywords):
        with Server(tmp_path_factory.mktemp("server"), *arguments, **keywords) as server:
            baseline = Baseline(server, golden) if quiet else None
            yield server
            if quiet and server.process.poll() is None:
                baseline.check()
    return start


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    start = time.monotonic()
    try:
        result = yield
        if fault := item.stash.get(FAULT, None):
            fault.check()
        return result
    finally:
        item.seconds = time.monotonic() - start


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    identity = identity_of(item.name)
    verdict = table.verdict_of(report)
    if identity and verdict:
        fault = item.stash.get(FAULT, None) or Fault(identity, item.config.getoption("long"), None)
        rows = item.config.stash[ROWS]
        rows[:] = [row for row in rows if row["id"] != identity]  # A failed teardown says the last.
        rows.append({**fault.row(), "test": item.name, "verdict": verdict,
                     "seconds": round(getattr(item, "seconds", 0.0), 1)})
    return report


def pytest_sessionfinish(session):
    if rows := session.config.stash[ROWS]:
        table.merge(session.config.getoption("results"), rows)
