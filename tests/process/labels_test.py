# SPDX-License-Identifier: Apache-2.0
"""Labels of versions, and lists of models: who serves as what, changed while the server serves."""

import json
import os
import shutil
import signal
import subprocess

from tests.process.fake_rules import GOOD, rule
from tests.process.gray import gray
from tests.process.running_server import BIN, Load, Server, wait_until


def model_list(*models):
    """The list in protobuf's text form: (name, folder, version policy, labels) each."""
    entries = []
    for name, folder, policy, labels in models:
        words = "".join(f'    version_labels {{ key: "{label}" value: {number} }}\n'
                        for label, number in labels.items())
        entries.append(f'  config {{\n    name: "{name}"\n    base_path: "{folder}"\n'
                       f"    model_version_policy {{ {policy} }}\n{words}  }}\n")
    return "model_config_list {\n" + "".join(entries) + "}\n"


def status_by_label(server, label, name="fake"):
    code, _, body = server.get(f"/v1/models/{name}/labels/{label}")
    return code, json.loads(body)


def version_of(server, label, name="fake"):
    code, body = status_by_label(server, label, name)
    return int(body["model_version_status"][0]["version"]) if code == 200 else code


def command(server, *words):
    return subprocess.run([BIN / "holdfast", "models", *words, "--server",
                           f"http://127.0.0.1:{server.admin_port}"],
                          capture_output=True, text=True, timeout=60, check=False)


def test_a_label_is_given_moved_and_taken_by_command(tmp_path, version):
    version(1)
    with Server(tmp_path, "--workers", "1", models=version(2)) as server:
        assert version_of(server, "stable") == 400
        # The policy serves the newest alone; the label loads the other one beside it.
        given = command(server, "label", "fake", "stable=1")
        assert (given.returncode, given.stdout) == (0, "fake/1 is stable\n"), given.stderr
        assert version_of(server, "stable") == 1
        status, _, answer = server.classify(gray(GOOD))
        assert (status, answer["version"]) == (200, "2")
        listed = command(server, "list").stdout
        assert "fake/1                           READY  stable\n" in listed
        moved = command(server, "label", "fake", "stable=2")
        assert moved.returncode == 0, moved.stderr
        assert version_of(server, "stable") == 2
        server.await_event("model-unloaded")  # Nothing wants version 1 any more.
        taken = command(server, "label", "fake", "stable")
        assert (taken.returncode, taken.stdout) == (0, "fake has no label stable any more\n")
        assert version_of(server, "stable") == 400
        server.check_quiet()


def test_a_label_that_cannot_be_given_is_refused_and_says_why(tmp_path, version):
    version(1, golden=GOOD)
    with Server(tmp_path, "--workers", "1", models=version(2)) as server:
        missing = command(server, "label", "fake", "stable=7")
        assert missing.returncode == 66 and "fake/7" in missing.stderr
        unknown = command(server, "label", "fake", "stable")
        assert unknown.returncode == 66 and 'no label "stable"' in unknown.stderr
        wrong = command(server, "label", "fake", "stable=x")
        assert wrong.returncode == 64 and "holdfast models label" in wrong.stderr
        assert command(server, "label", "fake", "stable=2").returncode == 0
        version(3, rule("wrong", GOOD), golden=GOOD)
        server.await_event("model-refused")
        broken = command(server, "label", "fake", "stable=3")
        assert broken.returncode != 0 and "golden" in broken.stderr
        assert version_of(server, "stable") == 2
        assert server.classify(gray(GOOD))[0] == 200


def test_only_operators_give_labels(tmp_path, version):
    with Server(tmp_path, "--workers", "1", models=version(1)) as server:
        path = "/v2/repository/models/fake/labels/stable"
        assert server.request("PUT", path + "?version=1")[0] == 404
        status, _, body = server.request("PUT", path, port=server.admin_port)
        assert status == 400 and b"?version=" in body
        assert server.request("PUT", path + "?version=1", port=server.admin_port)[0] == 200


def test_labels_move_under_load_and_no_request_notices(tmp_path, version):
    (tmp_path / "good.png").write_bytes(gray(GOOD))
    version(1)
    with Server(tmp_path, "--workers", "2", models=version(2)) as server:
        load = Load(server, [(tmp_path / "good.png", GOOD)], rate=60, seconds=6, seed=4)
        for number in (1, 2, 1):
            assert command(server, "label", "fake", f"stable={number}").returncode == 0
            assert version_of(server, "stable") == number
        result = load.result()
        assert result["outcomes"] == {"200": result["offered"]}, result


def test_a_list_of_models_says_what_is_served_and_is_followed(tmp_path, version, fake_model):
    flowers = version(1, name="flowers")
    version(2, name="flowers")
    cats = version(5, name="cats")
    listing = tmp_path / "models.config"
    listing.write_text(model_list(
        ("flowers", flowers / "flowers", "specific { versions: 1 versions: 2 }",
         {"stable": 1, "canary": 2}),
        ("cats", cats / "cats", "latest {}", {})))
    with Server(tmp_path, "--model_config_file", listing, "--workers", "1", models=None,
                wait=True) as server:
        assert (version_of(server, "stable", "flowers"), version_of(server, "canary", "flowers")) \
            == (1, 2)
        assert server.get("/v1/models/cats")[0] == 200

        # Not in order: what serves is served on, and the log says where the fault is.
        listing.write_text("model_config_list {\n  config { nmae: \"x\" }\n}\n")
        wait_until(lambda: any("line 2, column 16" in json.dumps(event)
                               for event in server.events()), "the log names the place")
        assert server.get("/v1/models/cats")[0] == 200

        listing.write_text(model_list(
            ("flowers", flowers / "flowers", "specific { versions: 1 versions: 2 }",
             {"stable": 2})))
        wait_until(lambda: version_of(server, "stable", "flowers") == 2, "the label has moved")
        assert version_of(server, "canary", "flowers") == 400
        wait_until(lambda: server.get("/v1/models/cats")[0] == 404, "cats is gone")
        server.await_workers(2)
        server.check_quiet()


def test_what_is_wrong_with_a_list_ends_the_start_at_once(tmp_path):
    listing = tmp_path / "models.config"
    listing.write_text('model_config_list { config { name: "m" base_path: "/nowhere" } }')
    run = subprocess.run([BIN / "holdfast", "serve", "--model_config_file", listing],
                         capture_output=True, text=True, timeout=10, check=False)
    assert run.returncode == 66 and "/nowhere" in run.stderr
    listing.write_text("model_config_list { confg {} }")
    run = subprocess.run([BIN / "holdfast", "serve", "--model_config_file", listing],
                         capture_output=True, text=True, timeout=10, check=False)
    assert run.returncode == 78 and "line 1, column 27" in run.stderr
    run = subprocess.run([BIN / "holdfast", "serve", "--model_config_file", listing,
                          "--model-repository", tmp_path],
                         capture_output=True, text=True, timeout=10, check=False)
    assert run.returncode == 64 and "cannot be combined" in run.stderr


def test_a_scout_that_dies_does_not_bring_old_rules_back(tmp_path, version):
    version(1)
    folder = version(2)
    listing = tmp_path / "models.config"
    listing.write_text(model_list(("fake", folder / "fake", "all {}", {"stable": 1})))
    with Server(tmp_path, "--model_config_file", listing, "--workers", "1",
                models=None) as server:
        assert command(server, "label", "fake", "stable=2").returncode == 0
        scout, = wait_until(lambda: server.children("scout"), "the scout")
        os.kill(scout, signal.SIGKILL)
        server.await_event("scout-died")
        wait_until(lambda: server.children("scout"), "another scout")
        shutil.copytree(folder / "fake/2", folder / "fake/3")
        wait_until(lambda: server.get("/v1/models/fake/versions/3")[0] == 200, "it sees the new one")
        assert version_of(server, "stable") == 2
