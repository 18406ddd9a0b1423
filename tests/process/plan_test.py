# SPDX-License-Identifier: Apache-2.0
"""`holdfast plan`: from a measurement on this host to a file of parameters."""

import json
import shutil
import subprocess

import pytest

from tests.process.running_server import BIN, TINY

ASKED = ("--rate", "50", "--deadline-ms", "600")


def plan(*words, asked=ASKED):
    return subprocess.run([BIN / "holdfast", "plan", *asked, *words], capture_output=True, text=True,
                          timeout=60, check=False)


def ranked(*words):
    done = plan("--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["ranked"]


@pytest.fixture
def model(tmp_path):
    shutil.copytree(TINY / "tiny", tmp_path / "models/tiny")
    return tmp_path / "models/tiny/1"


def test_the_table_shows_what_the_file_gets_and_why(tmp_path):
    done = plan("--output", tmp_path / "parameters.json")
    assert done.returncode == 0, done.stderr
    parameters = json.loads((tmp_path / "parameters.json").read_text())
    for name, value in parameters.items():
        assert f"{name} = {value}" in done.stdout.splitlines()
    assert f"{parameters['InstanceType']}, line by line" in done.stdout
    assert "published, not measured" in done.stdout and "as of 20" in done.stdout


def test_a_measurement_of_this_host_is_taken(model):
    run = subprocess.run([BIN / "holdfast", "tune", "--rounds", "1", "--seconds", "0.1", model],
                         capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    sizings = ranked("--model", model)
    assert {sizing["source"] for sizing in sizings} <= {"measured", "scaled"}
    assert all("in the slowest round on" in sizing["reasoning"][0] for sizing in sizings)


def test_without_a_measurement_it_says_how_to_get_one(model):
    done = plan("--model", model)
    assert done.returncode == 66 and "holdfast tune" in done.stderr


def test_a_file_without_the_point_that_was_chosen_is_refused(model):
    (model / "tuned.toml").write_text(
        "[[host]]\ncores = 2\ncpu = 'C'\nengine = 'e'\nengines = 'e 1'\nfeatures = ''\n"
        "model_sha256 = 'a'\nworkers = 2\nmeasured = [\n    { engine = 'e', fastest = 1.0, "
        "images_per_second = 1.0, slowest = 1.0, workers = 1 }\n]\n")
    done = plan("--model", model)
    assert done.returncode == 78 and "tuned.toml" in done.stderr


def test_a_budget_that_is_too_small_ends_with_one_and_writes_nothing(tmp_path):
    cheapest = ranked()[0]["dollars_per_month"]
    file = tmp_path / "parameters.json"
    done = plan("--budget", str(cheapest - 0.01), "--output", file)
    assert done.returncode == 1 and "within the budget" in done.stderr and not file.exists()
    assert "above" in done.stdout
    assert plan("--budget", str(cheapest + 0.01), "--output", file).returncode == 0
    assert file.exists()


@pytest.mark.parametrize(("words", "code", "says"), [
    (("--rate", "0", "--deadline-ms", "600"), 64, "--rate"),
    (("--rate=-5", "--deadline-ms", "600"), 64, "--rate"),
    (("--rate", "nan", "--deadline-ms", "600"), 64, "--rate"),
    (("--rate", "50"), 64, "--deadline-ms"),
    ((*ASKED, "--types", "c7i.xlrge"), 64, "try c7i.xlarge"),
    ((*ASKED, "--kit", "esc"), 64, "try ecs"),
    ((*ASKED, "--region", "eu-central-1"), 64, "us-east-1"),
    ((*ASKED, "--model-name", "resnet51"), 64, "try resnet50"),
    ((*ASKED, "--model", "/nonexistent"), 66, "/nonexistent"),
    ((*ASKED, "--output", "/nonexistent/file"), 64, "/nonexistent/file"),
    (("--rate", "50", "--deadline-ms", "5"), 69, "even without a queue"),
])
def test_what_cannot_be_is_refused_in_one_line(words, code, says):
    done = plan(asked=words)
    assert done.returncode == code and says in done.stderr, done.stderr
    assert done.stderr.startswith("holdfast: ") and done.stderr.count("\n") == 1
