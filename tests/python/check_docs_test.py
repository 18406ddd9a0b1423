# SPDX-License-Identifier: Apache-2.0
"""tools/check_docs.py follows links and commands in the documents."""

import pathlib

import pytest

from tools import check_docs


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "tools/dev").mkdir(parents=True)
    (tmp_path / "tools/dev/build.sh").write_text("cmd_build() { #: build\n}\n")
    (tmp_path / "dev").write_text("cmd_help() { #: list\n}\n")
    (tmp_path / "other.md").write_text("# One, two & *three*\n\n## Same\n\n## Same\n")
    return tmp_path


@pytest.mark.parametrize(
    "line",
    [
        "[a](other.md) and ![b](tools/dev) and [c](/other.md)",
        "[a](other.md#one-two--three) and [b](other.md#same-1)",
        "[a](https://example.com/none) and [b](mailto:me@example.com)",
        "`[a](none.md)`",
        "run `./dev build` or ./dev help",
        "```\n[a](none.md)\n```",
        "# Here\n[a](#here)",
    ],
)
def test_allows(tree, line):
    (tree / "doc.md").write_text(f"{line}\n")
    assert check_docs.check(tree) == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("[a](none.md)", "none.md does not exist"),
        ("![a](pictures/none.svg)", "pictures/none.svg does not exist"),
        ("[a](other.md#same-2)", "there is no such heading"),
        ("[a](#nowhere)", "there is no such heading"),
        ("run `./dev biuld`", "there is no ./dev biuld"),
        ("```\n./dev frobnicate x\n```", "there is no ./dev frobnicate"),
    ],
)
def test_objects(tree, line, problem):
    (tree / "doc.md").write_text(f"{line}\n")
    problems = check_docs.check(tree)
    assert len(problems) == 1
    assert problems[0].startswith("doc.md:")
    assert problem in problems[0]


def test_the_projects_documents_are_in_order():
    assert check_docs.check(pathlib.Path(__file__).parents[2]) == []
