#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every header of src/ must compile alone: check_headers.py ROOT BUILD

A header that is the first include of its own .cc proves that in each build; its test proves
nothing, for tests share precompiled headers. Only the others are compiled here, with the flags that
BUILD/compile_commands.json has for a source beside them.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
WITH_VALUE = ("-o", "-MF", "-MT", "-MQ")
WITHOUT_VALUE = ("-c", "-MD", "-MMD")


def compile_commands(build: pathlib.Path) -> dict[pathlib.Path, list[str]]:
    """Source → words of its compile command."""
    entries = json.loads((build / "compile_commands.json").read_text())
    return {pathlib.Path(entry["directory"], entry["file"]): shlex.split(entry["command"])
            for entry in entries}


def proves(header: pathlib.Path, source: pathlib.Path, root: pathlib.Path) -> bool:
    """Whether `source` is the header's own .cc or test, and includes it first."""
    if source.stem != header.stem:
        return False
    first = INCLUDE.search(source.read_text())
    system = source.read_text().find("#include <")
    if first is None or (0 <= system < first.start()):
        return False
    return root / "src" / first[1] == header


def unproven(headers: list[pathlib.Path], sources, root: pathlib.Path) -> list[pathlib.Path]:
    sources = {source for source in sources if source.is_file()}
    return [header for header in headers
            if not any(proves(header, source, root) for source in sources)]


def syntax_check(header: pathlib.Path, commands: dict[pathlib.Path, list[str]]) -> list[str]:
    """The command that compiles `header` alone and keeps nothing."""
    nearest = max(commands, key=lambda source: (
        len(os.path.commonpath([source, header])), not source.stem.endswith("_test")))
    words, kept = iter(commands[nearest]), []
    for word in words:
        if word in WITH_VALUE:
            next(words)
        elif word not in WITHOUT_VALUE and word != str(nearest):
            kept.append(word)
    return [*kept, "-fsyntax-only", "-include", str(header), "-x", "c++", os.devnull]


def main() -> int:
    root, build = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    commands = compile_commands(build)
    headers = sorted((root / "src").rglob("*.h"))
    alone = unproven(headers, commands, root)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        failures = [done for done in pool.map(
            lambda header: subprocess.run(syntax_check(header, commands), check=False), alone)
            if done.returncode != 0]
    print(f"headers: {len(headers) - len(alone)} begin their own source, "
          f"{len(alone)} were compiled alone, {len(failures)} of these failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
