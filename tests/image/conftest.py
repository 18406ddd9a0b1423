# SPDX-License-Identifier: Apache-2.0
"""Shared by the tests of the image."""

import pytest

from tests.image.container import STRICT, why_not_here
from tests.process.conftest import built, demo_model, fake_model, photos  # noqa: F401


@pytest.fixture(scope="session", autouse=True)
def containers_run_here():
    if reason := why_not_here():
        pytest.skip(reason)


@pytest.fixture
def strict(demo_model):  # noqa: F811
    return [*STRICT, "--volume", f"{demo_model.parent}:/models/{demo_model.parent.name}:ro"]
