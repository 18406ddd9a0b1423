# SPDX-License-Identifier: Apache-2.0
"""What the console computes, without a browser: tests/browser/figures_test.mjs, by Node's own runner."""

import pathlib
import shutil
import subprocess

import pytest

TESTS = pathlib.Path(__file__).parents[1] / "browser"


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here")
def test_the_consoles_figures():
    done = subprocess.run(["node", "--test", str(TESTS / "figures_test.mjs")], capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert "# pass 7" in done.stdout and "# fail 0" in done.stdout
