# SPDX-License-Identifier: Apache-2.0
"""The images that ./dev image makes, run as strictly as a container can be."""

import concurrent.futures
import json
import pathlib
import random
import re
import signal

import pytest

from tests.image.container import RUNTIME, SAGEMAKER, STRICT, Container, contents, image
from tests.process.kill_test import check_nothing_lost, kill_while, one_of
from tests.process.running_server import PHOTOS, ROOT, Load, kill, wait_until

MB = 1_000_000
HEALTHCHECK = ["CMD", "/usr/local/bin/holdfast", "healthcheck"]
SBOM = "usr/share/holdfast/sbom.spdx.json"
ESPRESSO = 967
SET_ID = 0o6000


@pytest.fixture
def container(tmp_path, strict):
    with Container(tmp_path, RUNTIME, "serve", "--workers", "2", options=strict) as server:
        yield server


def status_of(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(re.findall(r"^(\w+):\s*(.*)$", text, re.MULTILINE))


# --- What it is ---

def test_the_size_is_within_the_goal():
    without, with_openvino = image(RUNTIME)["Size"], image(SAGEMAKER)["Size"]
    print(f"without OpenVINO {without / MB:.0f} MB, with it {with_openvino / MB:.0f} MB")
    assert without < with_openvino <= 200 * MB


@pytest.mark.parametrize("name", [RUNTIME, SAGEMAKER])
def test_there_is_no_shell_and_no_package_manager(name):
    """The tests below show that the server, its health check and its end need none."""
    programs = {path.rsplit("/", 1)[1] for path, (mode, _) in contents(name).items()
                if "bin/" in path and mode & 0o111}
    assert programs == {"holdfast", "holdfast-gateway", "holdfast-worker", "holdfast-mirror"}


def test_the_roots_of_trust_are_there():
    """For models from S3 and traces to a collector over TLS."""
    roots = contents(RUNTIME)["etc/ssl/certs/ca-certificates.crt"][1]
    assert roots.count(b"BEGIN CERTIFICATE") > 100


@pytest.mark.parametrize("name, user", [(RUNTIME, "65532:65532"), (SAGEMAKER, "0:0")])
def test_what_the_image_says_of_itself(name, user):
    config = image(name)["Config"]
    assert config["User"] == user
    assert config["Entrypoint"] == ["/usr/local/bin/holdfast"]
    assert config["Cmd"] == ["serve"]
    assert set(config["ExposedPorts"]) == {"8080/tcp", "8500/tcp"}
    assert config["StopSignal"] in ("SIGTERM", "15")
    assert image(name)["Healthcheck"]["Test"] == HEALTHCHECK
    labels = config["Labels"]
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.title"] == "Holdfast"
    assert labels["org.opencontainers.image.base.name"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", labels["org.opencontainers.image.version"])
    assert re.fullmatch(r"[0-9a-f]{40}|unknown", labels["org.opencontainers.image.revision"])
    for capability in ("accept-bind-to-port", "multi-models"):
        label = labels.get(f"com.amazonaws.sagemaker.capabilities.{capability}")
        assert label == ("true" if name == SAGEMAKER else None)


def test_our_layers_add_no_set_id_file_and_nothing_that_others_may_write():
    base = contents(image(RUNTIME)["Config"]["Labels"]["org.opencontainers.image.base.name"])
    ours = {path: mode for path, (mode, _) in contents(RUNTIME).items()
            if path not in base or base[path][0] != mode}
    assert ours["usr/local/bin/holdfast-worker"] == 0o755
    assert not [path for path, mode in ours.items() if mode & SET_ID]
    symbolic_link = 0o777
    assert not [path for path, mode in ours.items() if mode & 0o022 and mode != symbolic_link]


def test_every_package_has_its_licence_and_its_row():
    files = contents(RUNTIME)
    document = json.loads(files[SBOM][1])
    names = {each["name"] for each in document["packages"]}
    assert {"holdfast", "onnxruntime", "libgrpc++1.51", "libssl3", "libseccomp2"} <= names
    assert "openvino" not in names
    debian = names - {"holdfast", "onnxruntime"}
    base = contents(image(RUNTIME)["Config"]["Labels"]["org.opencontainers.image.base.name"])
    status = {path.rsplit("/", 1)[1] for path in files.keys() - base
              if path.startswith("var/lib/dpkg/status.d/")}
    assert status == debian
    for name in debian:
        assert files[f"usr/share/doc/{name}/copyright"][1], name
    assert files["usr/share/doc/holdfast/onnxruntime/LICENSE"][1]
    assert files["usr/share/doc/holdfast/LICENSE"][1] == (ROOT / "LICENSE").read_bytes()
    assert "openvino" in {each["name"]
                          for each in json.loads(contents(SAGEMAKER)[SBOM][1])["packages"]}


# --- What it does ---

def test_it_classifies_confined(container):
    status, _, answer = container.classify((PHOTOS / "coffee.jpg").read_bytes())
    assert status == 200
    assert answer["predictions"][0]["index"] == ESPRESSO
    for pid in (container.supervisor, container.gateway(), *container.workers()):
        words = status_of(pid)
        assert words["Uid"].split() == ["65532"] * 4
        assert int(words["CapEff"], 16) == int(words["CapBnd"], 16) == 0
        assert words["NoNewPrivs"] == "1"
    assert all(status_of(pid)["Seccomp"] == "2" for pid in container.workers())
    assert "size=64k" in container.mount("/dev/shm")
    assert "ro" in container.mount("/")


def test_the_health_check_tells_ready_from_not(container):
    ask = [*HEALTHCHECK[1:], "--url"]
    code, words = container.execute(*ask, f"http://127.0.0.1:{container.port}/healthz")
    assert code == 0 and "ready" in words
    code, words = container.execute(*ask, "http://127.0.0.1:1/healthz")
    assert code == 1, words


def test_a_stop_answers_what_was_accepted(container):
    photo = (PHOTOS / "coffee.jpg").read_bytes()
    workers = container.workers()
    with concurrent.futures.ThreadPoolExecutor(60) as clients:
        for pid in workers:  # However slow the clients are, nothing is answered too early.
            kill(pid, signal.SIGSTOP)
        asked = [clients.submit(container.classify, photo) for _ in range(60)]
        wait_until(lambda: container.metric("holdfast_requests_in_flight") >= 40, "40 in flight")
        for pid in workers:
            kill(pid, signal.SIGCONT)
        assert container.end() == 0
        answers = [each.result() for each in asked]
    assert {status for status, _, _ in answers} == {200}
    assert {answer["predictions"][0]["index"] for _, _, answer in answers} == {ESPRESSO}
    assert not container.events("drain-timeout")


def test_killed_workers_cost_no_request(container, photos):
    load = Load(container, photos, rate=4, seconds=8, seed=3)
    kills = kill_while(container, load, 1.0, one_of, random.Random(3))
    check_nothing_lost(container, load.result(), kills, 10)
    assert container.end() == 0


def test_without_a_model_it_says_what_to_do(tmp_path):
    with Container(tmp_path, RUNTIME, "serve", options=STRICT, wait=False) as server:
        assert server.wait() != 0
    assert any("/models" in line for line in server.log_lines)


# --- SageMaker ---

@pytest.mark.parametrize("port", [8080, 8399])
def test_sagemaker_serves_with_nothing_but_serve(tmp_path, demo_model, port):
    """Its own network, root, the one argument `serve`, the model where SageMaker puts it."""
    options = ["--network", "none", "--memory", "2g",
               "--volume", f"{demo_model.parent}:/opt/ml/model/{demo_model.parent.name}:ro"]
    if port != 8080:
        options += ["--env", f"SAGEMAKER_BIND_TO_PORT={port}"]
    with Container(tmp_path, SAGEMAKER, "serve", options=options, host_ports=False,
                   wait=False) as server:
        wait_until(lambda: server.execute(*HEALTHCHECK[1:])[0] == 0, "healthy")
        url = f"http://127.0.0.1:{port}"
        curl = ["curl", "--silent", "--fail", "--max-time", "20"]
        assert server.inside_network(*curl, f"{url}/ping")  # --fail: it was 200.
        answer = server.inside_network(
            *curl, "--header", "content-type: application/x-image",
            "--data-binary", f"@{PHOTOS / 'coffee.jpg'}", f"{url}/invocations")
        assert json.loads(answer)["predictions"][0]["index"] == ESPRESSO
        assert status_of(server.supervisor)["Uid"].split()[0] == "0"
        assert server.end() == 0


def test_openvino_is_found_in_the_image(tmp_path):
    options = [*STRICT, "--volume", f"{ROOT / 'tests/data/openvino/ir'}:/opt/ml/model/ir:ro"]
    with Container(tmp_path, SAGEMAKER, "serve", options=options) as server:
        loaded = server.await_event("model-loaded")[0]
        assert loaded["engine"].startswith("openvino")
        assert server.end() == 0
