# SPDX-License-Identifier: Apache-2.0
"""What /proc says of the processes under measurement: CPU time and memory."""

import pathlib
import re

from tests.process.running_server import children_of, title_of


def cpu_seconds(pid):
    """CPU time of all threads of a process, from the scheduler's own count in nanoseconds."""
    total = 0
    for file in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
        total += int(file.read_text().split()[0])
    return total / 1e9


def role_of(pid, supervisor):
    """"supervisor", "gateway", "zygote" or "worker", as the process title says."""
    if pid == supervisor:
        return "supervisor"
    match = re.match(r"holdfast: (\w+)", title_of(pid))
    return match[1] if match else "other"


def cpu_by_role(supervisor):
    """{role: CPU seconds so far} of a server's processes."""
    seconds = {}
    for pid in [supervisor, *children_of(supervisor)]:
        role = role_of(pid, supervisor)
        seconds[role] = seconds.get(role, 0.0) + cpu_seconds(pid)
    return seconds


def cpu_between(before, after):
    return {role: after[role] - before.get(role, 0.0) for role in after}


def private_dirty_bytes(pid):
    """What the process has written and shares with nobody."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Private_Dirty:\s+(\d+) kB$", text, re.MULTILINE)[1]) * 1024


def resident_bytes(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB$", text, re.MULTILINE)[1]) * 1024
