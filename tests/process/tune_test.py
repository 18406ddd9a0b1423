# SPDX-License-Identifier: Apache-2.0
"""`holdfast tune`: what is measured on this host, and what a server makes of it."""

import json
import shutil
import subprocess
import tomllib

import pytest

from tests.process.running_server import BIN, PHOTOS, TINY, Server

QUICK = ("--rounds", "1", "--seconds", "0.1")


@pytest.fixture
def model(tmp_path):
    shutil.copytree(TINY / "tiny", tmp_path / "models/tiny")
    return tmp_path / "models/tiny/1"


def tune(folder, *words):
    return subprocess.run([BIN / "holdfast", "tune", *QUICK, *words, folder], capture_output=True,
                          text=True, timeout=120, check=False)


def hosts(folder):
    return tomllib.loads((folder / "tuned.toml").read_text())["host"]


def write_choice(folder, **changes):
    """Makes the file say something else, as another run or another host would have."""
    text = (folder / "tuned.toml").read_text()
    for key, value in changes.items():
        lines = text.splitlines()
        at = next(i for i, line in enumerate(lines) if line.startswith(f"{key} = "))
        lines[at] = f"{key} = {json.dumps(value)}"
        text = "\n".join(lines) + "\n"
    (folder / "tuned.toml").write_text(text)


def plan_of(tmp_path, folder, *arguments):
    with Server(tmp_path, *arguments, models=folder.parent.parent) as server:
        assert server.classify((PHOTOS / "coffee.jpg").read_bytes())[0] == 200
        return "\n".join(server.plan)


def test_every_engine_and_number_of_workers_is_measured_and_one_of_them_chosen(model):
    run = tune(model, "--photo", PHOTOS / "coffee.jpg", "--photo", PHOTOS / "chelsea.jpg")
    assert run.returncode == 0, run.stderr
    (host,) = hosts(model)
    measured = {(point["engine"], point["workers"]) for point in host["measured"]}
    assert {engine for engine, _ in measured} == {"onnxruntime", "openvino"}
    assert {workers for _, workers in measured} >= {1, host["cores"]}
    assert all(0 < point["slowest"] <= point["images_per_second"] <= point["fastest"]
               for point in host["measured"])
    assert (host["engine"], host["workers"]) in measured
    assert "2 photos" in run.stdout and "chosen" in run.stdout
    for engine, workers in measured:
        assert any(line.split()[:2] == [engine, str(workers)] for line in run.stdout.splitlines())


def test_a_server_follows_what_was_measured_on_its_host(model, tmp_path):
    tune(model)
    write_choice(model, engine="openvino", workers=1)
    plan = plan_of(tmp_path, model)
    assert "openvino" in plan and "1 worker," in plan
    assert "tuned for this host: openvino with 1 worker" in plan
    # Whoever says how many workers gets so many.
    assert "2 workers," in plan_of(tmp_path, model, "--workers", "2")


@pytest.mark.parametrize("changes", [{"cpu": "Another"}, {"features": "mmx"},
                                     {"model_sha256": "0" * 64},
                                     {"engines": "onnxruntime 0.1, openvino 2026.4.1"},
                                     {"engine": "none"}])
def test_what_was_measured_elsewhere_is_told_and_changes_nothing(model, tmp_path, changes):
    tune(model)
    write_choice(model, **{"engine": "openvino", **changes})
    plan = plan_of(tmp_path, model)
    assert "onnxruntime" in plan and "has no entry for this processor" in plan


def test_a_file_that_cannot_be_read_is_told_and_changes_nothing(model, tmp_path):
    (model / "tuned.toml").write_text("[[host]\n")
    plan = plan_of(tmp_path, model)
    assert "onnxruntime" in plan and "tuned.toml is not used: line 1" in plan
    assert tune(model).returncode == 0 and len(hosts(model)) == 1, "it is written anew"


def test_an_engine_that_model_toml_names_stays(model, tmp_path):
    toml = (model / "model.toml").read_text()
    (model / "model.toml").write_text(toml.replace('engine = "auto"', 'engine = "onnxruntime"'))
    run = tune(model)
    assert run.returncode == 0 and "openvino" not in run.stdout
    assert "onnxruntime" in plan_of(tmp_path, model)


def test_entries_of_other_hosts_stay(model):
    tune(model)
    write_choice(model, cpu="Another")
    tune(model)
    assert {host["cpu"] == "Another" for host in hosts(model)} == {True, False}
    tune(model)
    assert len(hosts(model)) == 2


def test_a_dry_run_writes_nothing_and_json_is_for_scripts(model):
    run = tune(model, "--dry-run", "--json")
    answer = json.loads(run.stdout)
    assert answer["model"] == "tiny/1" and answer["engine"] in ("onnxruntime", "openvino")
    assert not (model / "tuned.toml").exists()


def test_an_engine_that_does_not_know_the_golden_example_is_no_choice(model):
    toml = (model / "model.toml").read_text()
    shutil.copy(PHOTOS / "coffee.jpg", model / "coffee.jpg")
    (model / "model.toml").write_text(toml + '\n[[golden]]\nfile = "coffee.jpg"\nclass = 999\n')
    run = tune(model)
    assert run.returncode == 78 and "golden" in run.stderr
    assert not (model / "tuned.toml").exists()


def test_what_cannot_be_tuned_is_refused_in_one_line(model, tmp_path):
    run = tune(tmp_path / "none")
    assert run.returncode == 66 and "none" in run.stderr
    run = tune(model, "--photo", tmp_path / "none.jpg")
    assert run.returncode == 66 and "none.jpg" in run.stderr
    (model / "model.onnx").write_bytes(b"no model")
    run = tune(model)
    assert run.returncode == 78 and len(run.stderr.splitlines()) == 1
    assert tune(model, "--rounds", "0").returncode == 64
