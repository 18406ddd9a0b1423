# SPDX-License-Identifier: Apache-2.0
"""What a fault test accounts for: what was done to the server, and what became of each request."""

import collections
import json
import re
import threading
import time

from tests.process.running_server import (PROMPT, Load, children_of, descriptors_of, private_mib,
                                           state_of, wait_until)

DESCRIPTORS_SLACK = 2
MEMORY_SHARE, MEMORY_SLACK_MIB = 1.10, 24  # A heap keeps some of what it once needed.


class Fault:
    """The ledger of one test: *offered = ok + refused as expected + failed*, nothing besides."""

    def __init__(self, identity, long, folder):
        self.id = identity
        self.long = long
        self.folder = folder
        self.injected = collections.Counter()
        self.outcomes = collections.Counter()
        self.offered = self.ok = self.refused = self.failed = 0
        self.failures_allowed = None  # Why some requests must fail here, or None.
        self.notes = []
        self._lock = threading.Lock()

    def pick(self, short, long):
        """The size of something in the short and in the long form."""
        return long if self.long else short

    def inject(self, what, times=1):
        with self._lock:
            self.injected[what] += times

    def note(self, text):
        """A measurement that belongs into the table."""
        self.notes.append(text)

    def allow_failed(self, why):
        """Requests that the fault itself loses, such as those that a killed server held."""
        self.failures_allowed = why

    # --- Requests ---

    def add(self, outcomes, expected=()):
        """Books {outcome: count}; outcomes are those of holdfast-load."""
        with self._lock:
            for outcome, count in outcomes.items():
                self.outcomes[outcome] += count
                self.offered += count
                if outcome == "200":
                    self.ok += count
                elif outcome in expected:
                    self.refused += count
                else:
                    self.failed += count

    def load(self, server, photos, **keywords):
        """An open loop beside the test; settle() books it."""
        keywords.setdefault("ledger", self.folder / f"load-{time.monotonic_ns()}.jsonl")
        load = Load(server, photos, **keywords)
        load.ledger = keywords["ledger"]
        return load

    def settle(self, load, expected=()):
        """Waits for a load's end and books it; gives its summary with the ledger's lines."""
        result = load.result()
        result["lines"] = [json.loads(line) for line in load.ledger.read_text().splitlines()]
        counted = collections.Counter(line["outcome"] for line in result["lines"])
        assert counted == result["outcomes"] and sum(counted.values()) == result["offered"], result
        self.add(result["outcomes"], expected)
        return result

    def ask(self, server, image, label=None, expected=(), **keywords):
        """One request, booked; gives status, headers and answer. Without one, the status is 0."""
        try:
            status, headers, answer = server.classify(image, **keywords)
        except OSError as error:
            self.add({type(error).__name__: 1}, expected)
            return 0, {}, {"reason": type(error).__name__}
        self.add({outcome_of(status, answer, label): 1}, expected)
        return status, headers, answer

    # --- The end ---

    def check(self):
        """The rules that hold for every test."""
        assert sum(self.injected.values()) > 0, "the fault did not happen: nothing was tested"
        assert self.offered == self.ok + self.refused + self.failed == sum(self.outcomes.values())
        if self.failures_allowed is None:
            assert self.failed == 0, dict(self.outcomes)
        assert self.outcomes["200-wrong"] == 0, "a wrong answer was delivered"

    def row(self):
        injected = ", ".join(f"{count} × {what}" for what, count in self.injected.items())
        notes = list(self.notes)
        if self.failures_allowed and self.failed:
            notes.append(f"failed: {self.failures_allowed}")
        return {"id": self.id, "form": self.pick("short", "long"), "injected": injected,
                "times": sum(self.injected.values()), "offered": self.offered, "ok": self.ok,
                "refused": self.refused, "failed": self.failed, "outcomes": dict(self.outcomes),
                "notes": "; ".join(notes)}


def outcome_of(status, answer, label):
    """An answer in the words of holdfast-load."""
    if status != 200:
        return f"{status} {answer['reason']}"
    right = label is None or answer["predictions"][0]["index"] == label
    return "200" if right else "200-wrong"


def latencies(result, *outcomes):
    """Milliseconds of the requests that ended so, ascending."""
    return sorted(line["latency_ms"] for line in result["lines"] if line["outcome"] in outcomes)


def quantile(ascending, share):
    assert ascending, "no request ended so"
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))]


def planned_workers(server):
    """How many workers the startup plan names; 0 where nobody reads it."""
    wait_until(lambda: any("  stop " in line for line in server.plan) or server.plan_ended,
               "the plan")
    return sum(int(count) for line in server.plan for count in re.findall(r", (\d+) workers?,", line))


class Baseline:
    """What the server holds while nobody asks anything, to be compared with after the fault."""

    def __init__(self, server, golden):
        self.server = server
        self.image, self.label = golden
        if planned := planned_workers(server):
            server.await_workers(planned)
        for _ in range(4):  # What is made with the first request belongs to the baseline.
            self._check_golden()
        self.supervisor = server.supervisor
        self.gateway = server.gateway()
        self.descriptors = self._descriptors()
        self.memory = self._memory()
        self.workers = planned_workers(server) or len(server.workers())

    def _parents(self):
        return (self.supervisor, self.server.gateway())

    def _descriptors(self):
        return [descriptors_of(pid) for pid in self._parents()]

    def _memory(self):
        return [private_mib(pid) for pid in self._parents()]

    def _check_golden(self):
        status, _, answer = self.server.classify(self.image)
        assert outcome_of(status, answer, self.label) == "200", (status, answer)

    def _descriptors_are_back(self):
        return all(abs(now - before) <= DESCRIPTORS_SLACK
                   for now, before in zip(self._descriptors(), self.descriptors, strict=True))

    def _memory_is_back(self):
        return all(now <= before * MEMORY_SHARE + MEMORY_SLACK_MIB
                   for now, before in zip(self._memory(), self.memory, strict=True))

    def _zombies(self):
        return [pid for pid in children_of(self.supervisor) if state_of(pid) == "Z"]

    def check(self, seconds=PROMPT):
        """The quiet check. Clients that have just left may take a moment to be noticed."""
        self.server.await_workers(self.workers)
        wait_until(lambda: not self._zombies(), "no zombie is left", seconds)
        self.server.check_quiet()
        self._check_golden()
        wait_until(self._descriptors_are_back, lambda:
                   f"descriptors as before: {self.descriptors}, now {self._descriptors()}", seconds)
        wait_until(self._memory_is_back, lambda:
                   f"memory as before: {self.memory} MiB, now {self._memory()}", seconds)
