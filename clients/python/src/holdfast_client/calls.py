# SPDX-License-Identifier: Apache-2.0
"""Calls as requests and answers, for both clients; nothing here waits or sends."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from holdfast_client.answers import Classification, ModelVersion, Prediction
from holdfast_client.errors import ServerFault

Image = bytes | bytearray | memoryview | str | os.PathLike[str]
Answer = TypeVar("Answer")


@dataclasses.dataclass(frozen=True)
class Call(Generic[Answer]):
    """One request, the same in each try, and how its answer is read."""

    method: str
    path: str
    read: Callable[[bytes, Mapping[str, str]], Answer]
    params: dict[str, str] = dataclasses.field(default_factory=dict)
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    content: bytes | None = None


def classify(image: Image, model: str | None, version: int | None, top: int) -> Call[Classification]:
    params = {"top": str(top)}
    if model is not None:
        params["model"] = model
    if version is not None:
        params["version"] = str(version)
    return Call("POST", "/classify", _read_classification, params,
                {"content-type": "application/octet-stream", **_identity()}, _bytes_of(image))


def predict(instances: Sequence[Any], model: str, version: int | None) -> Call[list[list[float]]]:
    path = f"/v1/models/{quote(model, safe='')}"
    if version is not None:
        path += f"/versions/{version}"
    content = json.dumps({"instances": list(instances)}).encode()
    return Call("POST", path + ":predict", _read_predictions, {},
                {"content-type": "application/json", **_identity()}, content)


def model_status(model: str) -> Call[tuple[ModelVersion, ...]]:
    return Call("GET", f"/v1/models/{quote(model, safe='')}", _read_status)


def _identity() -> dict[str, str]:
    """The same for all tries of a call, so that nobody counts it twice."""
    return {"idempotency-key": uuid.uuid4().hex}


def _bytes_of(image: Image) -> bytes:
    if isinstance(image, (bytes, bytearray, memoryview)):
        return bytes(image)
    return pathlib.Path(image).read_bytes()


def _read_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise ServerFault(f"the answer is no JSON: {error}", reason="INTERNAL", status=200) from error


def _read_classification(body: bytes, headers: Mapping[str, str]) -> Classification:
    document = _read_json(body)
    predictions = tuple(Prediction(one["label"], one["index"], one["probability"])
                        for one in document["predictions"])
    return Classification(predictions, document["model"], document["version"],
                          headers.get("x-request-id", ""),
                          int(headers.get("x-holdfast-attempts", "1")))


def _read_predictions(body: bytes, headers: Mapping[str, str]) -> list[list[float]]:
    rows: list[list[float]] = _read_json(body)["predictions"]
    return rows


def _read_status(body: bytes, headers: Mapping[str, str]) -> tuple[ModelVersion, ...]:
    return tuple(ModelVersion(one["version"], one["state"], one["status"]["error_message"])
                 for one in _read_json(body)["model_version_status"])
