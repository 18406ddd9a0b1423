# SPDX-License-Identifier: Apache-2.0
"""docs/reference/logs.md lists the events and fields that the code writes, and no others."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
CALL = re.compile(r"\blog_?\.(Debug|Info|Warning|Error)\(")


def argument_text(source, start):
    """What stands between a call's parentheses; `start` is behind the opening one."""
    depth = 1
    for index in range(start, len(source)):
        depth += {"(": 1, ")": -1}.get(source[index], 0)
        if depth == 0:
            return source[start:index]
    raise AssertionError("a call without an end")


def written(role):
    """{event: (levels, fields)} of src/ROLE/."""
    events = {}
    for path in sorted((ROOT / "src" / role).glob("*.cc")):
        source = path.read_text()
        for match in CALL.finditer(source):
            call = argument_text(source, match.end())
            names = re.findall(r'"([^"]+)"', call.split("{")[0].split(", fields")[0])
            keys = re.findall(r'\{"(\w+)"', call)
            if call.endswith("fields"):
                fields = source[:match.start()].rsplit("fields = {", 1)[1].split("};")[0]
                keys = re.findall(r'LogField\("(\w+)"', fields)
            for name in names:
                levels, known = events.setdefault(name, (set(), []))
                levels.add(match[1].lower())
                assert known in ([], keys), f"{name} has two sets of fields"
                known[:] = keys
    return events


def documented(heading):
    """{event: (level, fields)} of a section's table."""
    text = (ROOT / "docs/reference/logs.md").read_text()
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    events = {}
    for line in [line for line in section.splitlines() if line.startswith("|")][2:]:
        name, level, fields, _ = [cell.strip() for cell in line.strip("|").split("|")]
        events[name.strip("`")] = (level, re.findall(r"`(\w+)`", fields))
    return events


@pytest.mark.parametrize("role", ["supervisor", "gateway"])
def test_the_events_of_a_role_are_documented_with_their_fields(role):
    code = written(role)
    document = documented(role.capitalize())
    assert code, "no event was found: the pattern has aged"
    assert sorted(code) == sorted(document)
    for name, (levels, fields) in code.items():
        assert document[name][0] in levels, name
        assert document[name][1] == fields, name
