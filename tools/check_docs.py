#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Links, commands and their flags in the documents must exist: check_docs.py ROOT"""

import pathlib
import re
import shlex
import sys
import urllib.parse

LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
DEV_COMMAND = re.compile(r"\./dev[ \t]+([a-z][a-z-]*)")
COMMAND_FUNCTION = re.compile(r"^cmd_([a-z]+)\(\)", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$")
FLAG = re.compile(r"(?<![\w-])(--?[A-Za-z][\w-]*)")
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*=")
SHELLS = {"", "sh", "bash", "console"}  # What a block with commands calls itself.
SKIPPED_FOLDERS = {"build", ".git", ".venv", ".venv-tensorflow", ".venv-kserve", "node_modules", ".pytest_cache"}


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


def commands_in_code(text: str):
    """(number, words) of the commands in blocks of shell, lines that go on by \\ joined."""
    fenced = shell = False
    begun, number = "", 0
    for here, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
            shell = fenced and line.strip(" `~") in SHELLS
        elif shell:
            number = number if begun else here
            begun += line.rstrip("\\")
            if not line.endswith("\\"):
                yield from ((number, words) for words in simple_commands(begun))
                begun = ""


def simple_commands(line: str):
    """The commands of a line of shell, without variables before them and what is piped behind."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    try:
        for word in [*lexer, ";"]:
            if set(word) <= set("|&;<>"):
                if words:
                    yield words
                words = []
            elif words or not VARIABLE.match(word):
                words.append(word)
    except ValueError:  # An apostrophe: prose or JSON, no command.
        return


TAKE_SETTINGS = ("doctor",)  # Their help does not repeat serve's flags.


def known_flags(root: pathlib.Path) -> dict[str, set[str]]:
    """The flags of each command of holdfast, from its help as the golden files have it."""
    flags = {}
    for file in (root / "tests/golden/cli").glob("help-*.txt"):
        found = {flag for line in file.read_text().splitlines() if line.startswith("  -")
                 for flag in FLAG.findall(line)}
        flags[file.stem.removeprefix("help-")] = {flag.replace("_", "-") for flag in found}
    return flags


def command_problems(words: list[str], flags: dict[str, set[str]], dev_text: str) -> list[str]:
    """What is wrong with a command of ours; nothing is run."""
    name = words[0].rsplit("/", 1)[-1]
    given = [word.split("=")[0] for word in words[1:] if word.startswith("-") and len(word) > 1]
    if name == "holdfast" and len(words) > 1:
        command = words[1]
        if command in ("--help", "-h", "--version"):
            return []
        if command not in flags:
            return [f"there is no holdfast {command}"]
        known = flags[command] | (flags.get("serve", set()) if command in TAKE_SETTINGS else set())
        return [f"holdfast {command} has no {flag}" for flag in given
                if flag.replace("_", "-") not in known]
    if words[0] == "./dev" and len(words) > 1:
        known = flags.get("serve", set()) if words[1] == "run" else set(FLAG.findall(dev_text))
        return [f"./dev {words[1]} has no {flag}" for flag in given
                if flag.replace("_", "-") not in known]
    return []


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
    flags = known_flags(root)
    dev_files = [*(root / "tools/dev").glob("*.sh"), root / "bench/run.py"]
    dev_text = "".join(file.read_text() for file in dev_files if file.is_file())
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
        for number, words in commands_in_code(text):
            problems += [f"{place}:{number}: {problem}"
                         for problem in command_problems(words, flags, dev_text)]
    return problems


def main() -> int:
    problems = check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve())
    print("\n".join(problems) if problems else "documents: in order")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
