# SPDX-License-Identifier: Apache-2.0
"""tools/check_files.py finds each kind of text and name that no file may have."""

import pathlib
import subprocess

import pytest

from tools import check_files

HEAD = "// SPDX-License-Identifier: Apache-2.0\n"


@pytest.mark.parametrize(
    ("name", "line", "problem"),
    [
        ("a.cc", "// TODO: later", "TODO without an issue"),
        ("a.cc", "// FIXME(me)", "TODO without an issue"),
        ("a.md", "see /work/main/README.md", "a path of one machine: /work/"),
        ("a.md", "in `/root/.cache`", "a path of one machine: /root/"),
        ("a.md", "in /home/alice/src", "a path of one machine: /home/alice"),
        ("a.txt", "https://pypi.org/simple", "registry's host: pypi.org"),
        ("a.txt", "https://registry.example-host.org/x", "registry's host"),
        ("a.txt", "deb http://deb.debian.org/debian", "registry's host: deb.debian.org"),
    ],
)
def test_objects_to_a_line(name, line, problem):
    text = (HEAD if name.endswith(".cc") else "first line\n") + line + "\n"
    problems = check_files.text_problems(pathlib.PurePath(name), text)
    assert len(problems) == 1
    assert problems[0][0] == 2
    assert problem in problems[0][1]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a.cc", "// TODO(#12): when gRPC has it."),
        ("a.cc", '#include "network/work/queue.h"'),
        ("a.md", "build/work/x and https://example.com/work/x"),
        ("a.md", "the PyPI wheel, from Debian's packages"),
    ],
)
def test_allows_a_line(name, line):
    text = (HEAD if name.endswith(".cc") else "") + line + "\n"
    assert check_files.text_problems(pathlib.PurePath(name), text) == []


def test_wants_the_licence_first_or_after_the_interpreter():
    def found(name, text):
        return check_files.text_problems(pathlib.PurePath(name), text)

    assert found("a.py", "#!/usr/bin/env python3\n# SPDX-License-Identifier: Apache-2.0\n") == []
    assert found("a.py", "x = 1\n") != []
    assert found("a.h", "\n" + HEAD) != []
    assert found("run", "#!/usr/bin/env bash\necho\n") != []
    assert found("notes.txt", "no licence\n") == []


def test_limits_the_lines_of_code_but_not_of_documents():
    long = HEAD + "\n" * check_files.LINES_MAX
    assert len(check_files.text_problems(pathlib.PurePath("a.cc"), long)) == 1
    assert check_files.text_problems(pathlib.PurePath("a.md"), long) == []


@pytest.mark.parametrize("name", ["string_util.h", "helpers.py", "metadata_info.cc", "Utilities.h"])
def test_objects_to_a_vague_name(name):
    assert check_files.name_problem(pathlib.PurePath(name)) is not None


@pytest.mark.parametrize("name", ["implicit.h", "database.cc", "commonality.py", "queue.h"])
def test_allows_a_name_that_only_contains_a_vague_one(name):
    assert check_files.name_problem(pathlib.PurePath(name)) is None


def test_looks_at_what_git_tracks_or_would_track(tmp_path):
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("/build/\n")
    (tmp_path / "build").mkdir()
    (tmp_path / "build/util.h").write_text("")
    (tmp_path / "large.bin").write_bytes(b"\0" * (check_files.BYTES_MAX + 1))
    (tmp_path / "util.h").write_text(HEAD)
    problems = check_files.check(tmp_path)
    assert [problem.split(":")[0] for problem in problems] == ["large.bin", "util.h"]
