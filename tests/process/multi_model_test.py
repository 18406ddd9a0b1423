# SPDX-License-Identifier: Apache-2.0
"""SageMaker's multi-model contract: models come and go by its calls, named by opaque hashes."""

import concurrent.futures
import json
import shutil

import pytest

from tests.faults.machine import cgroup
from tests.process.fake_rules import BAD, GOOD, rule
from tests.process.gray import gray
from tests.process.running_server import TINY, Load, Server, children_of, kill, title_of, wait_until

ENVIRONMENT = {"SAGEMAKER_MULTI_MODEL": "true", "SAGEMAKER_BIND_TO_PORT": "0"}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "opt/ml/models").mkdir(parents=True)
    return tmp_path / "opt/ml/models"


@pytest.fixture
def server(tmp_path, root):
    with Server(tmp_path, "--workers", "1", "--multi-model-root", root,
                environment=ENVIRONMENT) as running:
        yield running


@pytest.fixture
def unpack(root, fake_model):
    """Puts a model where the platform unpacks its archive: unpack(hash, inside, rules, **keys).
    `inside`: the folders of the archive around the model's files."""
    def make(name, inside="", rules="", **keys):
        keys.setdefault("busy", "false")
        files = fake_model(rules, name="one", **keys) / "one/1"
        folder = root / name / "model"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(files, folder / inside)
        return folder
    return make


def ask(server, method, path, value=None):
    body = None if value is None else json.dumps(value)
    status, _, text = server.request(method, path, body=body, timeout=60)
    return status, json.loads(text)


def add(server, name, folder):
    return ask(server, "POST", "/models", {"model_name": name, "url": str(folder)})


def invoke(server, name, label=GOOD):
    status, _, answer = server.classify(gray(label), path=f"/models/{name}/invoke",
                                        headers={"content-type": "application/x-image",
                                                 "x-amzn-sagemaker-target-model": "cats.tar.gz"})
    return (status, answer["predictions"][0]["index"]) if status == 200 else \
        (status, answer["reason"])


def processes(server):
    return [title_of(pid) for pid in children_of(server.supervisor)]


def test_it_starts_healthy_without_a_model(server):
    assert ask(server, "GET", "/ping") == (200, {"status": "Healthy"})
    assert ask(server, "GET", "/models") == (200, {"models": []})
    assert server.classify(gray(GOOD), path="/invocations")[0] == 404
    assert invoke(server, "a1") == (404, "NOT_FOUND")
    assert any("POST /models" in line for line in server.plan)
    assert server.stop() == 0


def test_a_model_comes_and_goes_and_its_memory_with_it(server, unpack):
    folder = unpack("a1b2")
    for _ in range(2):  # What was removed can be added again.
        assert add(server, "a1b2", folder) == (200, {})
        one = {"modelName": "a1b2", "modelUrl": str(folder)}
        assert ask(server, "GET", "/models") == (200, {"models": [one]})
        assert ask(server, "GET", "/models/a1b2") == (200, one)
        assert invoke(server, "a1b2") == (200, GOOD)
        status, refusal = add(server, "a1b2", folder)
        assert (status, refusal["reason"]) == (409, "ALREADY_LOADED")
        assert ask(server, "DELETE", "/models/a1b2") == (200, {})
        assert not any("a1b2" in title for title in processes(server)), processes(server)
        assert invoke(server, "a1b2") == (404, "NOT_FOUND")
        assert ask(server, "GET", "/models/a1b2")[0] == 404
        assert ask(server, "DELETE", "/models/a1b2")[0] == 404
        assert ask(server, "GET", "/models") == (200, {"models": []})
    server.check_quiet()


@pytest.mark.parametrize("inside", ["", "1", "resnet50/1", "resnet50"])
def test_an_archive_may_be_packed_as_people_pack_them(server, unpack, inside):
    assert add(server, "a1", unpack("a1", inside)) == (200, {})
    assert invoke(server, "a1") == (200, GOOD)


def test_several_models_are_added_at_a_time_and_each_answers(server, unpack):
    names = [f"{number:032x}" for number in range(6)]
    folders = {name: unpack(name, golden=number + 1) for number, name in enumerate(names)}
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        added = list(pool.map(lambda name: add(server, name, folders[name]), names))
    assert added == [(200, {})] * len(names)
    listed = ask(server, "GET", "/models")[1]["models"]
    assert [model["modelName"] for model in listed] == names
    assert [invoke(server, name) for name in names] == [(200, GOOD)] * len(names)
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        removed = list(pool.map(lambda name: ask(server, "DELETE", f"/models/{name}"), names))
    assert removed == [(200, {})] * len(names)
    server.check_quiet()


def test_a_bad_model_is_refused_and_may_be_mended(server, unpack):
    folder = unpack("a1", rules=rule("wrong", GOOD), golden=GOOD)
    status, refusal = add(server, "a1", folder)
    assert (status, refusal["reason"]) == (400, "BAD_REQUEST") and "golden" in refusal["error"]
    assert ask(server, "GET", "/ping")[0] == 200, "no other model is there, and none is needed"
    assert ask(server, "GET", "/models") == (200, {"models": []})
    assert add(server, "a1", unpack("a1", golden=GOOD)) == (200, {})
    assert invoke(server, "a1") == (200, GOOD)


def test_a_folder_that_is_empty_missing_or_elsewhere_is_refused(server, root, tmp_path):
    (root / "empty").mkdir()
    (tmp_path / "elsewhere").mkdir()
    for folder in (root / "empty", root / "missing", tmp_path / "elsewhere", root,
                   root / ".." / "elsewhere", "/proc/self", "s3://bucket/model.tar.gz"):
        status, refusal = add(server, "a1", folder)
        assert (status, refusal["reason"]) == (400, "BAD_REQUEST"), folder
    for body in ({}, {"model_name": "a1"}, {"model_name": "../a", "url": f"{root}/empty"}, [1]):
        assert ask(server, "POST", "/models", body)[0] == 400, body
    assert ask(server, "PUT", "/models", {})[0] == 405
    assert ask(server, "GET", "/ping")[0] == 200


def test_a_model_whose_workers_keep_dying_leaves_the_others_alone(tmp_path, root, unpack):
    with Server(tmp_path, "--workers", "1", "--multi-model-root", root, "--restarts-max", "2",
                environment=ENVIRONMENT) as server:
        assert add(server, "good", unpack("good")) == (200, {})
        assert add(server, "bad", unpack("bad", rules=rule("abort"))) == (200, {})
        for _ in range(3):  # Each costs two workers by its own fault.
            assert invoke(server, "bad", BAD)[0] in (422, 500)
        assert invoke(server, "bad") == (200, GOOD)
        assert invoke(server, "good", BAD) == (200, BAD)
        assert ask(server, "GET", "/ping")[0] == 200


def test_kills_of_worker_and_gateway_lose_no_model(tmp_path, server, unpack):
    (tmp_path / "good.png").write_bytes(gray(GOOD))
    for name in ("a1", "b2"):
        assert add(server, name, unpack(name, service_ms=5)) == (200, {})
    load = Load(server, [(tmp_path / "good.png", GOOD)], rate=40, seconds=4,
                path="/models/a1/invoke")
    for count in range(1, 4):
        wait_until(lambda: server.workers(), "a worker")
        kill(server.workers()[0])
        server.await_event("worker-died", count)
    result = load.result()
    assert result["outcomes"] == {"200": result["offered"]}, result
    kill(server.gateway())
    server.await_event("gateway-died")
    server.await_ready()
    assert [model["modelName"] for model in ask(server, "GET", "/models")[1]["models"]] == \
        ["a1", "b2"]
    wait_until(lambda: invoke(server, "b2") == (200, GOOD), "b2 answers")
    assert ask(server, "DELETE", "/models/a1") == (200, {})
    server.check_quiet()


def test_a_request_that_runs_is_answered_before_its_model_goes(server, unpack):
    assert add(server, "a1", unpack("a1", service_ms=1500)) == (200, {})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        slow = pool.submit(invoke, server, "a1")
        wait_until(lambda: server.metric("holdfast_running_items") == 1, "it runs")
        assert ask(server, "DELETE", "/models/a1") == (200, {})
        assert slow.result() == (200, GOOD)


def test_a_model_without_room_is_refused_with_507(tmp_path, root, unpack):
    folder = unpack("large")
    with open(folder / "weights.bin", "wb") as weights:
        weights.truncate(400 << 20)  # Sparse: only what it would take is looked at.
    with cgroup("memory", memory__limit_in_bytes=300 << 20) as group, \
            Server(tmp_path, "--workers", "1", "--multi-model-root", root, wrapper=group.wrapper,
                   environment=ENVIRONMENT) as server:
        for _ in range(2):  # It is not kept in mind as loaded.
            status, refusal = add(server, "large", folder)
            assert (status, refusal["reason"]) == (507, "INSUFFICIENT_RESOURCES")
            assert "memory limit" in refusal["error"]
        assert add(server, "small", unpack("small")) == (200, {})
        assert add(server, "large", folder)[0] == 507
        assert invoke(server, "small") == (200, GOOD)
        group["memory.limit_in_bytes"] = 1 << 30
        assert add(server, "large", folder) == (200, {})
        assert invoke(server, "large") == (200, GOOD)


def test_torchserves_description_is_not_there_and_sagemakers_is_not_elsewhere(server, tmp_path):
    (tmp_path / "tiny").mkdir()
    with Server(tmp_path / "tiny", models=TINY) as tiny_server:
        check_that_it_has_torchserves(tiny_server)
    assert ask(server, "GET", "/models") == (200, {"models": []})
    assert ask(server, "DELETE", "/models/none")[0] == 404


def check_that_it_has_torchserves(tiny_server):
    assert "models" in ask(tiny_server, "GET", "/models")[1]
    assert ask(tiny_server, "POST", "/models", {})[0] == 405
    assert ask(tiny_server, "DELETE", "/models/tiny")[0] == 405
    assert tiny_server.classify(gray(GOOD), path="/models/tiny/invoke")[0] == 404
