# SPDX-License-Identifier: Apache-2.0
"""The commands of the kits' documents: those that need nothing are run, the others are parsed."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from deploy.rollout.__main__ import arguments_of
from tests.process.running_server import BIN, ROOT

DOCUMENTS = [ROOT / "docs/deploy.md", *sorted((ROOT / "deploy").glob("*/README.md"))]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
ELSEWHERE = ("# needs an account\n", "# needs a cluster\n")


def commands(elsewhere):
    for document in DOCUMENTS:
        for block in BLOCK.findall(document.read_text()):
            if block.startswith(ELSEWHERE) == elsewhere:
                for line in block.splitlines():
                    if not line.startswith("#"):
                        yield pytest.param(line, id=f"{document.parent.name}: {line[:60]}")


@pytest.mark.parametrize("line", list(commands(elsewhere=False)))
def test_a_command_that_needs_nothing_works(line, tmp_path):
    words = shlex.split(line)
    if words[0] == "kubectl" and not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    words = [str(ROOT / word) if word.startswith("deploy/") else word for word in words]
    if words[0] == "python3":
        words[0] = sys.executable
    if words[0] == "holdfast":
        words[0] = BIN / "holdfast"
    done = subprocess.run(words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and done.stdout, done.stderr


@pytest.mark.parametrize("line", [each for each in commands(elsewhere=True)
                                  if "deploy.rollout" in each.values[0]])
def test_a_command_that_needs_an_account_is_one_that_exists(line):
    words = shlex.split(line)
    assert words[:3] == ["python3", "-m", "deploy.rollout"]
    options = arguments_of(words[3:])
    assert (ROOT / "deploy" / options.kit / "template.yaml").is_file()
    assert all("=" in text for text in getattr(options, "golden", []))


def test_every_kit_has_a_document():
    kits = {path.parent for path in (ROOT / "deploy").glob("*/template.yaml")}
    assert all((pathlib.Path(kit) / "README.md").is_file() for kit in kits)
