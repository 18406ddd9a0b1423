# SPDX-License-Identifier: Apache-2.0
"""When to try again, and when not: pure, so that it can be tested without a server or a clock."""

from __future__ import annotations

import dataclasses
import random
import threading

from holdfast_client.errors import (ConnectionFailed, DeadlineExceeded, HoldfastError, Overloaded,
                                    ServerFault)


class RetryBudget:
    """Keeps a client's retries from doubling the load of a server that is in trouble: each call adds
    `ratio` of a retry, up to `reserve`, and each retry takes one. Shared by all threads."""

    def __init__(self, ratio: float = 0.1, reserve: float = 10.0) -> None:
        self._ratio = ratio
        self._reserve = reserve
        self._tokens = reserve
        self._lock = threading.Lock()

    def earn(self) -> None:
        with self._lock:
            self._tokens = min(self._reserve, self._tokens + self._ratio)

    def take(self) -> bool:
        with self._lock:
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """`retries`: tries beyond the first. Without a hint of the server the pause is random between 0
    and `pause` × 2^tries, in seconds, and `pause_max` at most."""

    retries: int = 2
    pause: float = 0.05
    pause_max: float = 2.0

    def pause_before_next(self, error: HoldfastError, tries: int, left: float,
                          generator: random.Random) -> float | None:
        """Seconds to wait before the next try; None: do not try again. `tries`: those that were
        made; `left`: seconds until the deadline."""
        allowed = self.retries
        if isinstance(error, ServerFault):
            allowed = min(allowed, 1)
        elif not isinstance(error, (Overloaded, ConnectionFailed, DeadlineExceeded)):
            allowed = 0
        if tries > allowed or left <= 0:
            return None
        if error.retry_after is not None and isinstance(error, Overloaded):
            pause = error.retry_after
        else:
            pause = generator.uniform(0, min(self.pause_max, self.pause * 2**tries))
        return pause if pause < left else None
