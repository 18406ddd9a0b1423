# SPDX-License-Identifier: Apache-2.0
import os
import shutil

import pytest

from tests.process.gray import gray
from tests.process.running_server import BIN, MODELS, PHOTOS, TINY, Server, oracle


@pytest.fixture(scope="session", autouse=True)
def built():
    # The settings of the caller's shell are none of the servers under test; the engine starts
    # fewer threads where it finds CI.
    for name in [name for name in os.environ if name.startswith(("HOLDFAST_", "CI"))]:
        del os.environ[name]
    for name in ("holdfast", "holdfast-gateway", "holdfast-worker", "holdfast-load"):
        if not (BIN / name).exists():
            pytest.exit(f"{BIN / name} is missing: ./dev build makes it", returncode=1)


@pytest.fixture(scope="session")
def demo_model():
    folder = MODELS / "efficientnet-lite0"
    assert folder.exists(), f"{folder} is missing: ./dev build makes it"
    return folder / "1"


@pytest.fixture(scope="session")
def photos(demo_model):
    """The photos with the class that the demo model gives each without a server."""
    return oracle(demo_model, sorted(PHOTOS.glob("*.jpg")))


@pytest.fixture(scope="session")
def tiny_photos():
    """The same photos with the classes of the tiny model: work of a millisecond."""
    return oracle(TINY / "tiny/1", sorted(PHOTOS.glob("*.jpg")))


@pytest.fixture
def demo_repository(tmp_path, demo_model):
    """A repository with the demo model alone."""
    (tmp_path / "models/efficientnet-lite0").mkdir(parents=True)
    (tmp_path / "models/efficientnet-lite0/1").symlink_to(demo_model)
    return tmp_path / "models"


@pytest.fixture
def tiny_server(tmp_path):
    with Server(tmp_path, "--workers", "2", models=TINY) as server:
        yield server


@pytest.fixture
def fake_model(tmp_path):
    """Makes a repository with one fake model: fake_model(rules, **keys of fake.toml). `golden`: the
    class of its golden example. A version that is added to a server's repository appears at once and
    whole."""
    def make(rules="", name="fake", golden=None, version=1, **keys):
        final = tmp_path / "fakes" / name / str(version)
        folder = tmp_path / "in-the-making"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "model.toml").write_text(
            'engine = "fake"\nfile = "fake.toml"\n[preprocessing]\ngeometry = "stretch"\n'
            "crop = [32, 32]\nmean = [0, 0, 0]\ndeviation = [1, 1, 1]\n")
        lines = "".join(f"{key} = {value}\n" for key, value in keys.items())
        if golden is not None:
            (folder / "golden.png").write_bytes(gray(golden))
            with open(folder / "model.toml", "a", encoding="utf-8") as toml:
                toml.write(f'[[golden]]\nfile = "golden.png"\nclass = {golden}\n')
        (folder / "fake.toml").write_text(f"# {name}\n{lines}{rules}")  # An empty file is refused.
        shutil.rmtree(final, ignore_errors=True)
        final.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(final)
        return tmp_path / "fakes"
    return make


@pytest.fixture
def version(fake_model):
    """Adds a version of the fake model, whole and at once: version(number, rules, **keys). An item
    takes it 10 ms unless `service_ms` says otherwise."""
    def make(number, rules="", **keys):
        keys.setdefault("service_ms", 10)
        return fake_model(rules, version=number, busy="false", **keys)
    return make
