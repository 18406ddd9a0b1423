# SPDX-License-Identifier: Apache-2.0
"""The server that the clients of other servers ask."""

import pytest

from tests.process.conftest import built  # noqa: F401 (fixture)
from tests.process.running_server import MODELS, PHOTOS, Server

MODEL = "efficientnet-lite0"


@pytest.fixture(scope="session")
def server(tmp_path_factory, built):  # noqa: F811
    repository = tmp_path_factory.mktemp("models")
    (repository / MODEL).symlink_to(MODELS / MODEL)
    with Server(tmp_path_factory.mktemp("clients"), "--workers", "2", models=repository) as running:
        running.await_workers(2)
        yield running
        running.check_quiet()
        assert not running.events("worker-died"), "a worker died of a client's input"


@pytest.fixture
def photo():
    return (PHOTOS / "chelsea.jpg").read_bytes()
