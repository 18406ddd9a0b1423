# SPDX-License-Identifier: Apache-2.0
"""What the tests do to the server's processes, and when."""

import threading
import time

from tests.process.running_server import kill, state_of, wait_until


def every(seconds, load, act, times=None):
    """Calls `act()` on a fixed schedule until the load has ended, or so many times."""
    due = time.monotonic() + seconds
    done = 0
    while load.running and done != times:
        threading.Event().wait(max(0.0, due - time.monotonic()))  # The schedule is the test's own.
        due += seconds
        if load.running:
            act()
            done += 1


class Killer:
    """Kills workers of a server, and keeps account of it."""

    def __init__(self, fault, server, rng):
        self.fault = fault
        self.server = server
        self.rng = rng
        self.killed = []

    def one(self, signal_number=9):
        workers = [pid for pid in self.server.workers() if pid not in self.killed]
        if workers:
            self.this(self.rng.choice(workers), signal_number)

    def all(self, signal_number=9):
        for pid in self.server.workers():
            if pid not in self.killed:
                self.this(pid, signal_number)

    def this(self, pid, signal_number=9):
        if state_of(pid) not in ("", "Z") and kill(pid, signal_number):
            self.killed.append(pid)
            self.fault.inject(f"{NAMES[signal_number]} to a worker")


NAMES = {3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL",
         11: "SIGSEGV", 15: "SIGTERM", 18: "SIGCONT", 19: "SIGSTOP"}


def check_deaths(server, count, *, cause, words=""):
    """`count` deaths of that cause are in the metric and in the log, which says why."""
    def in_the_log():
        return [death for death in server.events("worker-died") if death["cause"] == cause]
    wait_until(lambda: server.metric("holdfast_worker_exits_total", cause=cause) == count,
               f"{count} deaths by {cause} are counted")
    wait_until(lambda: len(in_the_log()) >= count, f"{count} deaths by {cause} in the log")
    assert len(in_the_log()) == count
    for death in in_the_log():
        assert words in f"{death['exit']} {death['explanation']}", death
    return in_the_log()
