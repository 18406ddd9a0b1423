# SPDX-License-Identifier: Apache-2.0
"""tools/check_docs.py follows links, commands and flags in the documents."""

import pathlib

import pytest

from tools import check_docs


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "tools/dev").mkdir(parents=True)
    (tmp_path / "tools/dev/build.sh").write_text("cmd_build() { #: build\n}\n")
    (tmp_path / "dev").write_text("cmd_help() { #: list\n}\n")
    (tmp_path / "tools/dev/serve.sh").write_text("cmd_run() { #: run\n}\n"
                                                 "cmd_fmt() { case $1 in --check) ;; esac\n}\n")
    (tmp_path / "tests/golden/cli").mkdir(parents=True)
    (tmp_path / "tests/golden/cli/help-serve.txt").write_text(
        "Usage: holdfast serve [OPTION]...\n  --http-port, --rest-api-port PORT\n"
        "                              Not --grpc-port.\n  -h, --help\n")
    (tmp_path / "tests/golden/cli/help-pack.txt").write_text("  --name NAME\n")
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
        "```\nA=1 build/bin/holdfast serve --http-port 0 --rest_api_port=1 -h && holdfast pack - \\\n"
        "  --name x | jq --raw\n```",
        "```\n./dev run --http-port 1\n./dev fmt --check\nholdfast --help >out\n```",
        "```\nit's holdfast frobnicate\n```",
        "holdfast frobnicate",
        "```text\nholdfast 1.0 serves\n```",
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
        ("```\nholdfast drill\n```", "there is no holdfast drill"),
        ("```\nx | bin/holdfast pack a \\\n  --nmae b\n```", "holdfast pack has no --nmae"),
        ("```\nholdfast serve --grpc-port 0\n```", "holdfast serve has no --grpc-port"),
        ("```\n./dev run --name x\n```", "./dev run has no --name"),
        ("```\n./dev fmt --chekc\n```", "./dev fmt has no --chekc"),
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
