# SPDX-License-Identifier: Apache-2.0
"""One server with the demo model, and what clients of other servers bring along."""

import importlib
import importlib.resources
import sys

import grpc
import pytest
from grpc_tools import protoc

from tests.process.conftest import built, fake_model  # noqa: F401 (fixtures)
from tests.process.running_server import MODELS, PHOTOS, ROOT, TINY, Server

MODEL = "efficientnet-lite0"


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    assert (MODELS / MODEL).exists(), f"{MODELS / MODEL} is missing: ./dev build makes it"
    (folder / MODEL).symlink_to(MODELS / MODEL)
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory, repository, built):  # noqa: F811
    with Server(tmp_path_factory.mktemp("contract"), "--workers", "2", models=repository) as running:
        running.await_workers(2)
        yield running
        running.check_quiet()
        assert not running.events("worker-died"), "a worker died of a client's input"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory, built):  # noqa: F811
    """One with the tiny model, for many requests whose answers do not matter much."""
    with Server(tmp_path_factory.mktemp("tiny"), "--workers", "2", models=TINY) as running:
        running.await_workers(2)
        yield running
        running.check_quiet()
        died = [event for event in running.events("worker-died") if event["level"] != "info"]
        assert not died, "a worker died of a client's input"


@pytest.fixture
def photo():
    return (PHOTOS / "chelsea.jpg").read_bytes()


@pytest.fixture
def channel(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as one:
        yield one


@pytest.fixture(scope="session")
def serving(tmp_path_factory):
    """TensorFlow Serving's messages and stubs, made of api/*.proto.

    Not of the package tensorflow-serving-api: its messages need the whole of TensorFlow. The numbers
    and names of our files are those of the published ones.
    """
    folder = tmp_path_factory.mktemp("stubs")
    files = ["tensorflow_error.proto", "tensorflow.proto", "tensorflow_config.proto",
             "tensorflow_serving.proto"]
    well_known = importlib.resources.files("grpc_tools") / "_proto"
    arguments = ["protoc", f"-I{ROOT / 'api'}", f"-I{well_known}", f"--python_out={folder}",
                 f"--grpc_python_out={folder}", *files]
    assert protoc.main(arguments) == 0
    sys.path.insert(0, str(folder))
    yield Stubs()
    sys.path.remove(str(folder))


class Stubs:
    def __init__(self):
        self.tensorflow = importlib.import_module("tensorflow_pb2")
        self.config = importlib.import_module("tensorflow_config_pb2")
        self.messages = importlib.import_module("tensorflow_serving_pb2")
        stubs = importlib.import_module("tensorflow_serving_pb2_grpc")
        self.prediction, self.model = stubs.PredictionServiceStub, stubs.ModelServiceStub
