# SPDX-License-Identifier: Apache-2.0
"""Why a call gave no answer: one class a meaning, the words of the server inside."""

from __future__ import annotations

import json


class HoldfastError(Exception):
    """`reason`: the server's stable word, or "UNAVAILABLE" and "DEADLINE_EXCEEDED" of our own.
    `status`: HTTP's, 0 where there was no answer. `retry_after`: seconds. `item`: which of a list
    failed. `attempts`: requests that were sent."""

    def __init__(self, message: str, *, reason: str, status: int = 0,
                 retry_after: float | None = None, request_id: str = "",
                 item: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status
        self.retry_after = retry_after
        self.request_id = request_id
        self.item = item
        self.attempts = 1


class InvalidRequest(HoldfastError):
    """The request is not as the server takes it."""


class NotFound(InvalidRequest):
    """There is no such model or version."""


class ImageRejected(InvalidRequest):
    """Not an image that is read, or a broken or too large one."""


class Overloaded(HoldfastError):
    """The server has no room for it now; see `retry_after`."""


class DeadlineExceeded(HoldfastError):
    """There was no answer in time."""


class RequestCrashedWorker(HoldfastError):
    """The request killed two workers: never send it again."""


class ServerFault(HoldfastError):
    """A fault of the server."""


class ConnectionFailed(HoldfastError):
    """No answer came: the connection was refused, or ended."""


_BY_REASON: dict[str, type[HoldfastError]] = {
    "NOT_FOUND": NotFound,
    "UNSUPPORTED_MEDIA": ImageRejected,
    "IMAGE_DECODE_FAILED": ImageRejected,
    "IMAGE_TOO_LARGE": ImageRejected,
    "REQUEST_TIMEOUT": Overloaded,
    "RATE_LIMITED": Overloaded,
    "OVERLOADED": Overloaded,
    "NO_WORKER": Overloaded,
    "NOT_READY": Overloaded,
    "DRAINING": Overloaded,
    "DEADLINE_EXCEEDED": DeadlineExceeded,
    "REQUEST_CRASHED_WORKER": RequestCrashedWorker,
    "REQUEST_QUARANTINED": RequestCrashedWorker,
}


def error_from(status: int, body: bytes, retry_after: str | None) -> HoldfastError:
    """The error that an answer other than 2xx stands for. What lies between us and the server may
    answer, too: then there is no JSON, and the status alone counts."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        document = {}
    reason = str(document.get("reason", ""))
    kind = _BY_REASON.get(reason)
    if kind is None:
        kind = _by_status(status)
    hint = document.get("retry_after_ms")
    seconds = hint / 1000 if isinstance(hint, (int, float)) else _seconds(retry_after)
    item = document.get("item")
    return kind(str(document.get("message", f"HTTP status {status}")),
                reason=reason or f"HTTP_{status}", status=status, retry_after=seconds,
                request_id=str(document.get("request_id", "")),
                item=item if isinstance(item, int) else None)


def _by_status(status: int) -> type[HoldfastError]:
    if status in (429, 503):
        return Overloaded
    if status == 504:
        return DeadlineExceeded
    return InvalidRequest if 400 <= status < 500 else ServerFault


def _seconds(header: str | None) -> float | None:
    """Retry-After as a number of seconds; a date is left alone."""
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None
