#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Links and commands in the documents must exist: check_docs.py ROOT"""

import pathlib
import re
import sys
import urllib.parse

LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
DEV_COMMAND = re.compile(r"\./dev[ \t]+([a-z][a-z-]*)")
COMMAND_FUNCTION = re.compile(r"^cmd_([a-z]+)\(\)", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$")
SKIPPED_FOLDERS = {"build", ".git", ".venv", "node_modules", ".pytest_cache"}


def documents(root: pathlib.Path) -> list[pathlib.Path]:
    return sorted(path for path in root.rglob("*.md")
                  if not SKIPPED_FOLDERS & set(path.relative_to(root).parts))


def dev_commands(root: pathlib.Path) -> set[str]:
    scripts = [root / "dev", *(root / "tools/dev").glob("*.sh")]
    found = {name for script in scripts if script.is_file()
             for name in COMMAND_FUNCTION.findall(script.read_text())}
    return found


def lines_outside_code(text: str):
    """(number, line) pairs of a document without its fenced blocks."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced:
            yield number, line


def anchors(path: pathlib.Path) -> set[str]:
    """The names that a Markdown viewer gives to the headings."""
    found: set[str] = set()
    for _, line in lines_outside_code(path.read_text()):
        if match := HEADING.match(line):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match[1]).lower()
            slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            unique, count = slug, 0
            while unique in found:
                count += 1
                unique = f"{slug}-{count}"
            found.add(unique)
    return found


def link_problem(root: pathlib.Path, document: pathlib.Path, link: str) -> str | None:
    if re.match(r"[a-z][a-z0-9+.-]*:", link, re.IGNORECASE):
        return None
    file, _, anchor = urllib.parse.unquote(link).partition("#")
    base = root if file.startswith("/") else document.parent
    target = base / file.lstrip("/") if file else document
    if not target.exists():
        return f"{link} does not exist"
    if anchor and target.suffix == ".md" and anchor not in anchors(target):
        return f"{link}: there is no such heading"
    return None


def check(root: pathlib.Path) -> list[str]:
    commands = dev_commands(root)
    problems = []
    for document in documents(root):
        place = document.relative_to(root)
        text = document.read_text()
        for number, line in lines_outside_code(text):
            for link in LINK.findall(re.sub(r"`[^`]*`", "", line)):
                if problem := link_problem(root, document, link):
                    problems.append(f"{place}:{number}: {problem}")
        for number, line in enumerate(text.splitlines(), 1):
            for name in DEV_COMMAND.findall(line):
                if name not in commands:
                    problems.append(f"{place}:{number}: there is no ./dev {name}")
    return problems


def main() -> int:
    problems = check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve())
    print("\n".join(problems) if problems else "documents: in order")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
