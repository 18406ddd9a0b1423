#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Names, sizes and texts that no file may have: check_files.py ROOT"""

import pathlib
import re
import subprocess
import sys

VAGUE_WORDS = ("util", "utility", "utilities", "helper", "common", "misc", "manager", "impl", "info", "data")
CODE_SUFFIXES = (".h", ".cc", ".py", ".sh", ".cmake", ".js", ".css", ".html")
LICENSED_SUFFIXES = (".h", ".cc", ".py", ".sh")
LINES_MAX = 500
BYTES_MAX = 1 << 20
SPDX = "SPDX-License-Identifier: Apache-2.0"

# Folders that exist on one machine only.
MACHINE_PATH = re.compile(r"(?<![\w./$}-])/(?:work|root|home/[a-z]\w*|opt/wheels)(?:/|\b)")
# Package registries are reached through their clients; which host answers is the machine's affair.
REGISTRY_HOST = re.compile(
    r"\b(?:(?:pypi|npmjs|crates|maven)\.[a-z]{2,}"
    r"|(?:registry|index|packages|files|deb|security|ftp|proxy|static|repo1?|mirror)"
    r"\.[a-z-]+\.(?:org|io|com|net|dev))\b"
)
TODO = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))")
# What these patterns forbid must stand here, and in the test of this file, as an example.
EXEMPT_FROM_TEXT_RULES = ("tools/check_files.py", "tests/python/check_files_test.py")


def name_problem(place: pathlib.PurePath) -> str | None:
    words = re.split(r"[^a-z]+", place.stem.lower())
    vague = next((word for word in VAGUE_WORDS for part in words
                  if part in (word, word + "s")), None)
    return f"the name says '{vague}': name what is in it" if vague else None


def text_problems(place: pathlib.PurePath, text: str) -> list[tuple[int, str]]:
    """(line, problem) pairs; line 0 is the whole file."""
    problems = []
    lines = text.splitlines()
    if place.suffix in CODE_SUFFIXES and len(lines) > LINES_MAX:
        problems.append((0, f"{len(lines)} lines; {LINES_MAX} at most"))
    is_script = bool(lines) and lines[0].startswith("#!")
    if place.suffix in LICENSED_SUFFIXES or is_script:
        line = lines[1 if is_script and len(lines) > 1 else 0] if lines else ""
        if SPDX not in line:
            problems.append((1, f"the first line is not '{SPDX}'"))
    if place.as_posix() in EXEMPT_FROM_TEXT_RULES:
        return problems
    for number, line in enumerate(lines, 1):
        if TODO.search(line):
            problems.append((number, "a TODO without an issue; write TODO(#123)"))
        if match := MACHINE_PATH.search(line):
            problems.append((number, f"a path of one machine: {match[0]}"))
        if match := REGISTRY_HOST.search(line):
            problems.append((number, f"a package registry's host: {match[0]}"))
    return problems


def tracked_files(root: pathlib.Path) -> list[pathlib.PurePath]:
    """What git tracks, or would track."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout
    names = sorted(set(listed.decode().split("\0")) - {""})
    return [pathlib.PurePath(name) for name in names if (root / name).is_file()]


def check(root: pathlib.Path) -> list[str]:
    problems = []
    for place in tracked_files(root):
        if place.suffix in (".h", ".cc", ".py", ".sh") and (problem := name_problem(place)):
            problems.append(f"{place}: {problem}")
        content = (root / place).read_bytes()
        if len(content) > BYTES_MAX:
            problems.append(f"{place}: {len(content)} bytes; {BYTES_MAX} at most")
        if b"\0" in content[:8192]:
            continue
        for line, problem in text_problems(place, content.decode("utf-8", "replace")):
            problems.append(f"{place}{f':{line}' if line else ''}: {problem}")
    return problems


def main() -> int:
    problems = check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    print("\n".join(problems) if problems else "files: in order")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
