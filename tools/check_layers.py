#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the includes of src/ against docs/layers.txt: check_layers.py ROOT"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(?:"(?P<own>\w+)/|(?P<foreign>[<"][^>"]+)[>"])')


class Law:
    def __init__(self, text: str) -> None:
        self.folders: dict[str, set[str]] = {}  # Folder → the folders that it may include.
        self.walls: dict[str, set[str]] = {}  # Prefix of a header → the folders that may have it.
        for line in text.splitlines():
            name, separator, allowed = line.partition(":")
            if line.startswith("#") or not separator:
                continue
            table = self.walls if name.startswith("<") else self.folders
            table[name.strip().lstrip("<")] = set(allowed.split())

    def objection(self, folder: str, is_test: bool, line: str) -> str | None:
        match = INCLUDE.match(line)
        if not match:
            return None
        target = match["own"]
        if target in self.folders:
            if target == folder or target in self.folders[folder]:
                return None
            if target == "testing" and is_test:
                return None
            return f"{folder}/ may not include {target}/"
        header = match["foreign"] or line.split('"')[1]
        header = header.lstrip('<"')
        for prefix, allowed in self.walls.items():
            if header.startswith(prefix) and folder not in allowed:
                return f"<{header}> belongs to {' and '.join(sorted(allowed))} only"
        return None


def check(root: pathlib.Path) -> list[str]:
    law = Law((root / "docs/layers.txt").read_text())
    problems = []
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in (".h", ".cc") or not path.is_file():
            continue
        place = path.relative_to(root)
        folder = place.parts[1]
        if folder not in law.folders:
            problems.append(f"{place}: {folder}/ is not in docs/layers.txt")
            continue
        is_test = path.stem.endswith("_test")
        for number, line in enumerate(path.read_text().splitlines(), 1):
            objection = law.objection(folder, is_test, line)
            if objection:
                problems.append(f"{place}:{number}: {objection}")
    return problems


def main() -> int:
    problems = check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    print("\n".join(problems) if problems else "layers: in order")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
