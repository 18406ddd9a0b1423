# SPDX-License-Identifier: Apache-2.0
"""A constant load beside a scenario, and the account of what became of each request."""

import collections
import dataclasses
import itertools
import json
import re
import threading
import time

from tests.process.running_server import Load
from tests.rehearsal.instance import DEADLINE_S

SLICE_S = 5.0  # The generator is asked for so much at a time: a scenario's length is not known.
TIMEOUT_S = DEADLINE_S + 5.0
REFUSAL = re.compile(r"(429|503) [A-Z_]+$")  # The server's own words; a load balancer has none.


@dataclasses.dataclass(frozen=True)
class Request:
    due_s: float  # Since the load's start.
    latency_ms: float
    outcome: str

    @property
    def end_s(self):
        return self.due_s + self.latency_ms / 1e3

    @property
    def kind(self):
        return kind_of(self.outcome)


def kind_of(outcome: str) -> str:
    """answered, refused, or how it was lost."""
    if outcome == "200":
        return "answered"
    if REFUSAL.match(outcome):
        return "refused"
    if outcome == "200-wrong":
        return "wrong"
    # HAProxy: 502 and a closed connection after the request was sent, 503 when no target took it.
    if outcome.startswith("502") or outcome == "reset":
        return "broken"
    if outcome.startswith("503"):
        return "not taken"
    return "without an answer" if outcome == "timeout" or outcome.startswith("504") else "error"


class Account:
    """Every request of a scenario: *requests = answered + refused + lost*."""

    def __init__(self, requests: list[Request]):
        self.requests = sorted(requests, key=lambda request: request.due_s)
        self.kinds = collections.Counter(request.kind for request in requests)
        self.answered = self.kinds["answered"]
        self.refused = self.kinds["refused"]
        self.lost = [request for request in self.requests
                     if request.kind not in ("answered", "refused")]

    @property
    def longest_gap_s(self) -> float:
        """Between two answers, whichever requests they belong to."""
        ends = sorted(each.end_s for each in self.requests if each.kind == "answered")
        return max((after - before for before, after in itertools.pairwise(ends)), default=0.0)

    @property
    def p99_ms(self) -> float:
        ascending = sorted(each.latency_ms for each in self.requests if each.kind == "answered")
        return ascending[int(0.99 * (len(ascending) - 1))] if ascending else 0.0

    def words(self) -> str:
        """How requests were refused or lost, most frequent first."""
        counted = collections.Counter(f"{each.kind} ({each.outcome.strip()})"
                                      for each in self.requests if each.kind != "answered")
        return ", ".join(f"{count} {what}" for what, count in counted.most_common())


class SteadyLoad:
    """holdfast-load against a balancer, slice after slice, until it is told to end."""

    def __init__(self, balancer, photos, rate, folder):
        self._balancer = balancer
        self._photos = photos
        self._rate = rate
        self._folder = folder
        self._slices = []  # (seconds after the start, the ledger's file, the generator)
        self._end = threading.Event()
        self.start = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def now_s(self):
        return time.monotonic() - self.start

    def _run(self):
        for number in itertools.count(1):
            ledger = self._folder / f"load-{number}.jsonl"
            begun = self.now_s
            self._slices.append((begun, ledger, Load(
                self._balancer, self._photos, rate=self._rate, seconds=SLICE_S, seed=number,
                timeout=TIMEOUT_S, ledger=ledger)))
            if self._end.wait(max(0.0, SLICE_S * number - self.now_s)):
                return

    def finish(self) -> Account:
        """The slice that runs is the last; gives the account of all."""
        self._end.set()
        self._thread.join()
        requests = []
        for begun, ledger, generator in self._slices:
            offered = generator.result()["offered"]
            lines = [json.loads(line) for line in ledger.read_text().splitlines()]
            assert len(lines) == offered, "the generator's ledger is not whole"
            requests += [Request(begun + line["due_s"], line["latency_ms"], line["outcome"])
                         for line in lines]
        return Account(requests)
