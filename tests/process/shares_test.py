# SPDX-License-Identifier: Apache-2.0
"""Several models in one server: each may use what the others leave, and no more than its share when
they want theirs."""

import os

import pytest

from tests.process.fake_rules import GOOD
from tests.process.gray import gray
from tests.process.running_server import Load, Server

SERVICE_MS = 20
SECONDS = 4


@pytest.fixture
def two_models(tmp_path, fake_model):
    for name in ("cats", "dogs"):
        folder = fake_model(name=name, service_ms=SERVICE_MS, busy="false")
    with Server(tmp_path, "--default-model", "cats", models=folder) as server:
        server.await_workers(2 * cores())
        yield server
        server.check_quiet()


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "good.png").write_bytes(gray(GOOD))
    return [(tmp_path / "good.png", GOOD)]


def cores():
    return len(os.sched_getaffinity(0))


def flood(server, photos, model):
    """More than all cores could do for it."""
    return Load(server, photos, connections=4 * cores(), seconds=SECONDS,
                path=f"/classify?model={model}")


def answered(load):
    result = load.result()
    assert set(result["outcomes"]) <= {"200", "503", "429"}, result
    return result["outcomes"]["200"]


def test_a_model_alone_has_all_cores(two_models, photos):
    # Fake models sleep, so that what they could do is known without a quiet machine.
    possible = cores() * SECONDS * 1000 / SERVICE_MS
    assert answered(flood(two_models, photos, "cats")) >= 0.7 * possible


def test_two_models_that_want_all_have_half_each(two_models, photos):
    loads = [flood(two_models, photos, model) for model in ("cats", "dogs")]
    counts = [answered(load) for load in loads]
    share = counts[0] / sum(counts)
    assert 0.4 <= share <= 0.6, counts


def test_a_flood_of_one_does_not_slow_the_other_beyond_its_share(two_models, photos):
    # A quarter of all there is: below the half that it is due.
    rate = 0.25 * cores() * 1000 / SERVICE_MS
    noisy = flood(two_models, photos, "dogs")
    quiet = Load(two_models, photos, rate=rate, seconds=SECONDS - 1, path="/classify?model=cats")
    result = quiet.result()
    assert result["outcomes"] == {"200": result["offered"]}, result
    assert result["p50_ms"] <= 3 * SERVICE_MS + 20, result
    answered(noisy)
