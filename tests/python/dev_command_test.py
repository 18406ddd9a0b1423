# SPDX-License-Identifier: Apache-2.0
"""./dev as a person or a script meets it, as far as that needs no build."""

import json
import os
import pathlib
import re
import subprocess
import sys
import zipfile

import pytest

from tools import check_docs
from tools.dev import count_tests, downloads, onnxruntime_sdk, openvino_sdk, show_answer

ROOT = pathlib.Path(__file__).parents[2]


def dev(*arguments: str, **settings) -> subprocess.CompletedProcess:
    return subprocess.run([ROOT / "dev", *arguments], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False, **settings)


def bash(script: str, path: str | None = None) -> subprocess.CompletedProcess:
    environment = dict(os.environ, **({"PATH": path} if path else {}))
    return subprocess.run(["/bin/bash", "-c", f"set -euo pipefail\n{script}"], cwd=ROOT, text=True,
                          capture_output=True, env=environment, timeout=60, check=False)


def test_without_a_command_it_lists_them_all():
    listed = re.findall(r"^  (\w+) +\S", dev().stdout, re.MULTILINE)
    assert sorted(listed) == sorted(check_docs.dev_commands(ROOT))


@pytest.mark.parametrize("arguments", [["frobnicate"], ["fmt", "--chekc"], ["demo", "now"],
                                       ["model"], ["model", "resnet50"], ["test", "a", "b"],
                                       ["model", "resnet50", "--random", "--version", "0"],
                                       ["fuzz", "frobnicate"], ["fuzz", "json", "--for", "3y"],
                                       ["rehearse", "now"], ["rehearse", "--platform"],
                                       ["fuzz", "json", "--jobs", "0"], ["fuzz", "json", "--for"],
                                       ["image", "now"], ["image", "--target", "gpu"],
                                       ["image", "--base", "debian:12"], ["image", "--tag"]])
def test_a_wrong_command_line_is_exit_code_64_and_says_what_is_right(arguments):
    done = dev(*arguments)
    assert done.returncode == 64
    assert "./dev" in done.stderr


def test_every_fuzz_target_is_listed():
    sources = (ROOT / "tests/fuzz/CMakeLists.txt").read_text()
    assert dev("fuzz").stdout.split() == sorted(re.findall(r"^holdfast_fuzz\((\w+)", sources, re.M))


def test_weights_that_are_not_there_are_told_before_anything_is_built():
    done = dev("model", "resnet50", "--weights", "none.pth")
    assert done.returncode == 66
    assert "docs/models.md" in done.stderr


def test_it_works_from_any_folder(tmp_path):
    assert dev("help", cwd=tmp_path).returncode == 0


def test_a_step_that_fails_ends_the_command_with_its_exit_code():
    done = bash("source tools/dev/progress.sh; broken() { false; echo not reached; }\n"
                "step first broken; echo nor this")
    assert done.returncode == 1
    assert "reached" not in done.stdout and "nor this" not in done.stdout
    assert "first: failed after 0 s" in done.stderr


def test_missing_packages_are_named_when_there_is_no_dpkg(tmp_path):
    for tool in ("sed", "comm"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    done = bash("source tools/dev/progress.sh; source tools/dev/setup.sh; missing_packages",
                path=str(tmp_path))
    assert "libboost1.81-dev" in done.stdout.splitlines()


def test_a_stamp_follows_content_and_not_time(tmp_path):
    def digest() -> str:
        done = bash(f"source tools/dev/progress.sh; content_digest '{tmp_path}'")
        return done.stdout.strip()

    file = tmp_path / "input"
    file.write_text("one")
    first = digest()
    os.utime(file, (1, 1))
    assert digest() == first
    file.write_text("two")
    assert digest() != first


def test_a_download_with_another_digest_is_refused_and_both_are_told(tmp_path, monkeypatch):
    checksums = tmp_path / "checksums.txt"
    checksums.write_text(f"{'a' * 64}  thing-1.whl\n")
    monkeypatch.setattr(downloads, "CHECKSUMS", checksums)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def pretend_download(command, **_):
        folder = pathlib.Path(command[command.index("--dest") + 1])
        (folder / "thing.whl").write_text("not what was expected")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(downloads.subprocess, "run", pretend_download)
    with pytest.raises(downloads.DownloadError) as caught:
        downloads.cached_wheel("thing", "1", "thing-1.whl", [])
    assert "a" * 64 in str(caught.value)
    assert len(set(re.findall(r"[0-9a-f]{64}", str(caught.value)))) == 2
    assert list((tmp_path / "cache/holdfast").iterdir()) == []


MODERN = """\
Types: deb
# A comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""
FOREIGN = "Types: deb\nURIs: http://other.example/\nSuites: stable-tools\nComponents: main\n"


def test_the_header_source_is_the_machines_own_mirror_in_either_format():
    signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
    expected = "http://mirror.example/debian trixie main\n"
    modern = {"debian.sources": MODERN, "x.sources": FOREIGN}
    assert onnxruntime_sdk.header_suite_sources(modern, "trixie") == f"deb {signed}{expected}"
    plain = {"sources.list": "deb http://mirror.example/debian bookworm main contrib\n"
                             "deb-src http://mirror.example/debian bookworm main\n"
                             "#deb http://old.example/debian bookworm main\n"
                             "deb http://mirror.example/debian-security bookworm-security main\n"}
    assert onnxruntime_sdk.header_suite_sources(plain, "trixie") == f"deb {expected}"


def test_counts_the_cases_of_all_reports(tmp_path):
    (tmp_path / "a.xml").write_text("<testsuite><testcase/><testcase><skipped/></testcase>"
                                    "</testsuite>")
    (tmp_path / "b.xml").write_text("<testsuites><testsuite><testcase><failure/></testcase>"
                                    "<testcase/></testsuite></testsuites>")
    assert count_tests.count(tmp_path) == (2, 1, 1)


def test_shows_an_answer_with_its_probabilities():
    answer = json.loads('{"predictions": [{"label": "tabby", "index": 281, "probability": 0.5}]}')
    assert show_answer.render(answer) == ["      50.0%  ████████████              tabby"]


def test_an_error_answer_is_shown_and_fails(tmp_path):
    (tmp_path / "answer").write_text('{"error": "NO_WORKER"}')
    command = [sys.executable, "-m", "tools.dev.show_answer", tmp_path / "answer", "503", "0.1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "NO_WORKER" in done.stderr


def test_of_openvinos_wheel_only_what_serves_on_the_cpu_is_unpacked(tmp_path):
    wanted = ["openvino/include/openvino/openvino.hpp", "openvino/libs/libopenvino.so.2641",
              "openvino/libs/libopenvino_intel_cpu_plugin.so", "openvino/libs/libtbb.so.12",
              "openvino/libs/libopenvino_tensorflow_frontend.so.2641",
              "openvino-1.dist-info/licenses/LICENSE"]
    others = ["openvino/__init__.py", "openvino/libs/libopenvino_intel_gpu_plugin.so",
              "openvino/libs/libopenvino_paddle_frontend.so.2641", "openvino/libs/cache.json"]
    wheel = tmp_path / "openvino.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in wanted + others:
            archive.writestr(name, name)
    openvino_sdk.unpack(wheel, tmp_path / "sdk")
    found = {str(file.relative_to(tmp_path / "sdk")): file.read_text()
             for file in (tmp_path / "sdk").rglob("*") if file.is_file()}
    assert sorted(found.values()) == sorted(wanted)
    assert {"include/openvino/openvino.hpp", "lib/libopenvino.so.2641", "licenses/LICENSE"} <= set(found)
