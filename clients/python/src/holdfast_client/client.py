# SPDX-License-Identifier: Apache-2.0
"""The clients: the same calls, one that blocks and one for asyncio."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, TypeVar

import httpx

from holdfast_client import calls
from holdfast_client.answers import Classification, ModelVersion
from holdfast_client.calls import Call, Image
from holdfast_client.errors import (ConnectionFailed, DeadlineExceeded, HoldfastError, error_from)
from holdfast_client.retry import RetryBudget, RetryPolicy

Answer = TypeVar("Answer")

DEADLINE = 10.0  # Seconds, as the server has it for requests that bring none.
_GRACE = 0.25  # For the server's own word that the time is over to arrive.


class _Attempts:
    """One call's tries: how much time is left, and whether there is another one."""

    def __init__(self, settings: _Settings, deadline: float) -> None:
        self._settings = settings
        self._end = settings.now() + deadline
        self._tries = 0
        settings.budget.earn()

    def left(self) -> float:
        return self._end - self._settings.now()

    def request(self, client: httpx.Client | httpx.AsyncClient,
                call: Call[Answer]) -> httpx.Request:
        self._tries += 1
        left = max(self.left(), 0.001)
        headers = {**call.headers, "x-request-timeout-ms": str(max(1, int(left * 1000)))}
        return client.build_request(call.method, call.path, params=call.params, headers=headers,
                                    content=call.content, timeout=left + _GRACE)

    def pause_after(self, error: HoldfastError) -> float:
        """Seconds until the next try. Raises the error where there is none."""
        error.attempts = self._tries
        pause = self._settings.policy.pause_before_next(error, self._tries, self.left(),
                                                        self._settings.generator)
        if pause is None or not self._settings.budget.take():
            raise error
        return pause


class _Settings:
    def __init__(self, policy: RetryPolicy | None, budget: RetryBudget | None,
                 now: Callable[[], float], generator: random.Random | None) -> None:
        self.policy = policy or RetryPolicy()
        self.budget = budget or RetryBudget()
        self.now = now
        self.generator = generator or random.Random()


def _read(response: httpx.Response, call: Call[Answer]) -> Answer:
    if response.is_success:
        return call.read(response.content, response.headers)
    raise error_from(response.status_code, response.content, response.headers.get("retry-after"))


def _failure(error: httpx.TransportError) -> HoldfastError:
    if isinstance(error, httpx.TimeoutException):
        return DeadlineExceeded("no answer in time", reason="DEADLINE_EXCEEDED")
    return ConnectionFailed(f"no answer: {error!r}", reason="UNAVAILABLE")


def _headers(api_key: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {api_key}"} if api_key else {}


class Client:
    """A server at `url`. May be used by several threads at once.

    `api_key`: sent as a bearer token. `verify`: httpx's, for TLS. `transport`, `now`, `sleep` and
    `generator` are for tests.
    """

    def __init__(self, url: str, *, api_key: str | None = None, verify: Any = True,
                 policy: RetryPolicy | None = None, budget: RetryBudget | None = None,
                 transport: httpx.BaseTransport | None = None,
                 now: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], None] = time.sleep,
                 generator: random.Random | None = None) -> None:
        self._http = httpx.Client(base_url=url, headers=_headers(api_key), verify=verify,
                                  transport=transport)
        self._settings = _Settings(policy, budget, now, generator)
        self._sleep = sleep

    def classify(self, image: Image, *, model: str | None = None, version: int | None = None,
                 top: int = 5, deadline: float = DEADLINE) -> Classification:
        """The `top` most probable classes of a JPEG, PNG or WebP: its bytes, or a file's path.

        Without `model` the server's default model, without `version` the newest. `deadline`: seconds
        for the whole call, retries included. Raises a HoldfastError, or OSError for the file.
        """
        return self._run(calls.classify(image, model, version, top), deadline)

    def predict(self, instances: Sequence[Any], *, model: str, version: int | None = None,
                deadline: float = DEADLINE) -> list[list[float]]:
        """The model's scores, a row for each instance: nested lists of numbers in the shape of the
        model's input, or {"b64": …} for an encoded image."""
        return self._run(calls.predict(instances, model, version), deadline)

    def model_status(self, model: str, *, deadline: float = DEADLINE) -> tuple[ModelVersion, ...]:
        """A model's versions and their states, the newest first."""
        return self._run(calls.model_status(model), deadline)

    def ready(self) -> bool:
        """Whether the server answers requests now. False also where nobody answers."""
        return self._is_ok("/readyz")

    def live(self) -> bool:
        """Whether the server's loop turns."""
        return self._is_ok("/livez")

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _is_ok(self, path: str) -> bool:
        try:
            return self._http.get(path, timeout=5).is_success
        except httpx.TransportError:
            return False

    def _run(self, call: Call[Answer], deadline: float) -> Answer:
        attempts = _Attempts(self._settings, deadline)
        while True:
            try:
                return _read(self._http.send(attempts.request(self._http, call)), call)
            except httpx.TransportError as error:
                pause = attempts.pause_after(_failure(error))
            except HoldfastError as error:
                pause = attempts.pause_after(error)
            self._sleep(pause)


class AsyncClient:
    """`Client` for asyncio: the same calls, as coroutines."""

    def __init__(self, url: str, *, api_key: str | None = None, verify: Any = True,
                 policy: RetryPolicy | None = None, budget: RetryBudget | None = None,
                 transport: httpx.AsyncBaseTransport | None = None,
                 now: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
                 generator: random.Random | None = None) -> None:
        self._http = httpx.AsyncClient(base_url=url, headers=_headers(api_key), verify=verify,
                                       transport=transport)
        self._settings = _Settings(policy, budget, now, generator)
        self._sleep = sleep

    async def classify(self, image: Image, *, model: str | None = None, version: int | None = None,
                       top: int = 5, deadline: float = DEADLINE) -> Classification:
        """As Client.classify()."""
        return await self._run(calls.classify(image, model, version, top), deadline)

    async def predict(self, instances: Sequence[Any], *, model: str, version: int | None = None,
                      deadline: float = DEADLINE) -> list[list[float]]:
        """As Client.predict()."""
        return await self._run(calls.predict(instances, model, version), deadline)

    async def model_status(self, model: str, *,
                           deadline: float = DEADLINE) -> tuple[ModelVersion, ...]:
        """As Client.model_status()."""
        return await self._run(calls.model_status(model), deadline)

    async def ready(self) -> bool:
        """As Client.ready()."""
        return await self._is_ok("/readyz")

    async def live(self) -> bool:
        """As Client.live()."""
        return await self._is_ok("/livez")

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.close()

    async def _is_ok(self, path: str) -> bool:
        try:
            return (await self._http.get(path, timeout=5)).is_success
        except httpx.TransportError:
            return False

    async def _run(self, call: Call[Answer], deadline: float) -> Answer:
        attempts = _Attempts(self._settings, deadline)
        while True:
            try:
                return _read(await self._http.send(attempts.request(self._http, call)), call)
            except httpx.TransportError as error:
                pause = attempts.pause_after(_failure(error))
            except HoldfastError as error:
                pause = attempts.pause_after(error)
            await self._sleep(pause)
