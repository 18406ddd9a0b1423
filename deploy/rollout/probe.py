# SPDX-License-Identifier: Apache-2.0
"""Golden photos: pictures whose class is known, asked of the endpoint as its clients ask."""

import dataclasses
import http.client
import json
import pathlib
import time
import urllib.parse
from typing import Any, Protocol

import botocore.exceptions

from deploy.rollout.outcome import Mismatch, Refused, Silent

TIMEOUT_S = 60
PAUSE_S = 1.0
RETRYABLE = (424, 429, 502, 503, 504)  # 424: SageMaker's word for an error of the container.


@dataclasses.dataclass(frozen=True)
class Golden:
    photo: pathlib.Path
    label: str  # The class, by its number or its name.

    def check(self, body: bytes) -> None:
        try:
            best = json.loads(body)["predictions"][0]
            found = {str(best["index"]), best["label"]}
        except (ValueError, LookupError, TypeError):
            raise Mismatch(f"{self.photo.name}: the answer is no classification") from None
        if self.label not in found:
            raise Mismatch(f"{self.photo.name} should be {self.label}, the endpoint says "
                           f"{best['label']} ({best['index']})")


def parse(text: str) -> Golden:
    """PHOTO=CLASS"""
    name, sign, label = text.rpartition("=")
    if not sign or not label:
        raise Refused(f"{text}: PHOTO=CLASS is wanted")
    photo = pathlib.Path(name)
    if not photo.is_file():
        raise Refused(f"there is no photo {photo}")
    return Golden(photo, label)


class Endpoint(Protocol):
    def classify(self, photo: bytes) -> tuple[int, bytes]:
        """Status and body of one answer. Raises OSError where there is none."""


class SageMakerEndpoint:
    def __init__(self, runtime: Any, name: str):
        self._runtime = runtime
        self._name = name

    def classify(self, photo: bytes) -> tuple[int, bytes]:
        try:
            answer = self._runtime.invoke_endpoint(
                EndpointName=self._name, ContentType="application/x-image",
                Accept="application/json", Body=photo)
        except botocore.exceptions.ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return status, str(error).encode()
        except botocore.exceptions.HTTPClientError as error:
            raise OSError(str(error)) from error
        return 200, answer["Body"].read()


class HttpEndpoint:
    """`url` is what clients use. `connect_to` is asked in its name, before DNS knows it."""

    def __init__(self, url: str, connect_to: str = ""):
        self._url = urllib.parse.urlsplit(url)
        if self._url.scheme not in ("http", "https") or not self._url.hostname:
            raise Refused(f"{url} is no address of an endpoint")
        self._connect_to = connect_to

    def classify(self, photo: bytes) -> tuple[int, bytes]:
        secure = self._url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._url.hostname, self._url.port, timeout=TIMEOUT_S)
        if self._connect_to:
            connect = connection._create_connection  # The documented name is only the URL's.
            connection._create_connection = lambda address, *rest: connect(
                (self._connect_to, address[1]), *rest)
        try:
            path = self._url.path.rstrip("/") + "/classify"
            connection.request("POST", path, body=photo,
                               headers={"Content-Type": "application/x-image"})
            reply = connection.getresponse()
            return reply.status, reply.read()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()


def check(endpoint: Endpoint, goldens: list[Golden], patience_s: float = 60.0) -> None:
    """Asks for every photo. Raises Mismatch for a wrong answer, Silent for none in `patience_s`."""
    for golden in goldens:
        golden.check(_answer(endpoint, golden.photo, patience_s))


def _answer(endpoint: Endpoint, photo: pathlib.Path, patience_s: float) -> bytes:
    """A refusal that may pass is asked again; everything else is the answer."""
    content = photo.read_bytes()
    deadline = time.monotonic() + patience_s
    while True:
        try:
            status, body = endpoint.classify(content)
            said = f"{status}: {body[:300].decode(errors='replace')}"
        except OSError as error:
            status, body, said = 0, b"", str(error)
        if status == 200:
            return body
        if status not in (0, *RETRYABLE) or time.monotonic() >= deadline:
            raise Silent(f"{photo.name}: no classification, {said}")
        time.sleep(PAUSE_S)
