# SPDX-License-Identifier: Apache-2.0
"""tools/check_layers.py finds what breaks docs/layers.txt, and nothing else."""

import pathlib

import pytest

from tools import check_layers

LAW = """\
# A comment: with a colon.
base:
model:  base
image:  base
testing: base model image
<jpeglib.h: image
<boost/:    gateway
"""


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/layers.txt").write_text(LAW)

    def add(name: str, text: str) -> pathlib.Path:
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return tmp_path

    return add


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("model/a.h", '#include "base/result.h"'),
        ("model/a.h", '#include "model/b.h"'),
        ("model/a_test.cc", '#include "testing/clock.h"'),
        ("image/a.cc", "#include <jpeglib.h>"),
        ("model/a.cc", "#include <vector>"),
        ("model/a.cc", '// #include "image/decode.h"'),
    ],
)
def test_allows(tree, name, line):
    assert check_layers.check(tree(name, f"{line}\n")) == []


@pytest.mark.parametrize(
    ("name", "line", "objection"),
    [
        ("base/a.h", '#include "model/b.h"', "base/ may not include model/"),
        ("model/a.cc", '  # include "image/b.h"', "model/ may not include image/"),
        ("model/a.cc", '#include "testing/clock.h"', "model/ may not include testing/"),
        ("model/a.cc", "#include <jpeglib.h>", "<jpeglib.h> belongs to image only"),
        ("model/a.cc", '#include "jpeglib.h"', "<jpeglib.h> belongs to image only"),
        ("model/a.cc", "#include <boost/asio.hpp>", "<boost/asio.hpp> belongs to gateway only"),
        ("deep/er/a.cc", "", "deep/ is not in docs/layers.txt"),
    ],
)
def test_objects(tree, name, line, objection):
    problems = check_layers.check(tree(name, f"// first line\n{line}\n"))
    assert len(problems) == 1
    assert problems[0].startswith(f"src/{name}")
    assert objection in problems[0]


def test_the_project_keeps_its_own_law():
    assert check_layers.check(pathlib.Path(__file__).parents[2]) == []
