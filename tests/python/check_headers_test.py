# SPDX-License-Identifier: Apache-2.0
"""tools/check_headers.py knows which headers a build proves, and compiles the others alone."""

import json
import sys

import pytest

from tools import check_headers


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Writes the files and checks them: (exit code, what is compiled alone)."""
    def check(**files: str) -> tuple[int, list[str]]:
        build, folder = tmp_path / "build", tmp_path / "src/os"
        build.mkdir()
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name.replace("_dot_", ".")).write_text(text)
        sources = sorted(folder.glob("*.cc"))
        (build / "compile_commands.json").write_text(json.dumps([
            {"directory": str(build), "file": str(source),
             "command": f"g++ -I{tmp_path}/src -O2 -MD -MF x.d -o x.o -c {source}"}
            for source in sources]))
        monkeypatch.setattr(sys, "argv", ["check_headers.py", str(tmp_path), str(build)])
        headers = sorted(folder.glob("*.h"))
        alone = check_headers.unproven(headers, sources, tmp_path)
        return check_headers.main(), [header.name for header in alone]
    return check


def test_the_first_include_of_its_own_source_proves_a_header(tree):
    assert tree(a_dot_h="", a_dot_cc='// Words.\n#include "os/a.h"\n#include <map>\n') == (0, [])


def test_a_test_proves_nothing_for_it_has_precompiled_headers(tree):
    assert tree(b_dot_h="", b_test_dot_cc='#include "os/b.h"\n') == (0, ["b.h"])


@pytest.mark.parametrize("text", ['#include <map>\n#include "os/a.h"\n',
                                  '#include "os/b.h"\n#include "os/a.h"\n', ""])
def test_any_other_place_proves_nothing(tree, text):
    assert tree(a_dot_h="", b_dot_h="", a_dot_cc=text) == (0, ["a.h", "b.h"])


def test_a_header_that_leans_on_others_is_found(tree):
    assert tree(a_dot_h="inline std::map<int, int> numbers;",
                b_dot_cc='#include <map>\n#include "os/a.h"\n') == (1, ["a.h"])
