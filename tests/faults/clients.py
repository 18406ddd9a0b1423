# SPDX-License-Identifier: Apache-2.0
"""Clients that a well-mannered load generator is not: slow, rude, impatient, or only probing."""

import asyncio
import collections
import contextlib
import http.client
import json
import socket
import struct
import threading
import time

from tests.faults.ledger import outcome_of

LOOPBACK = "127.0.0.1"


def post(image, path="/classify", **headers):
    """A whole request as bytes."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return (f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n{lines}"
            f"Content-Length: {len(image)}\r\n\r\n").encode() + image


def connect(server, timeout=30, receive_buffer=None, port=None):
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(timeout)
    connection.connect((LOOPBACK, port or server.port))
    return connection


def reset(connection):
    """Closes with a RST: what the other side sends from now on is lost."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def closed_by_server(connection):
    """Whether the server has ended the connection; what it has sent before is dropped."""
    connection.setblocking(False)
    try:
        while connection.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


class Prober:
    """Asks for a path on a new connection again and again, beside a test."""

    def __init__(self, server, path="/ping", gap=0.1):
        self.port = server.port
        self.path = path
        self.gap = gap
        self.answers = []  # (status or error, seconds)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._end.wait(self.gap):
            start = time.monotonic()
            connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=5)
            try:
                connection.request("GET", self.path)
                word = connection.getresponse().status
            except (OSError, http.client.HTTPException) as error:
                word = type(error).__name__
            finally:
                connection.close()
            self.answers.append((word, time.monotonic() - start))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()

    def check_always_200(self, seconds_max):
        assert len(self.answers) >= 5, "too few probes"
        assert {word for word, _ in self.answers} == {200}, self.answers
        slowest = max(seconds for _, seconds in self.answers)
        assert slowest < seconds_max, f"slowest probe {slowest:.3f} s"
        return slowest


# --- Many at a time, in one loop ---

async def exchange(port, request, timeout=10.0):
    """Sends a request on a connection of its own: (status, headers, JSON body)."""
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        try:
            writer.write(request)
            return await read_answer(reader)
        finally:
            writer.close()


async def read_answer(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in
               (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return int(head[0].split()[1]), headers, json.loads(body or b"{}")


async def outcome_over(port, request, label, timeout=10.0):
    """exchange(), as a word of the ledger."""
    try:
        status, _, answer = await exchange(port, request, timeout)
    except TimeoutError:
        return "timeout"
    except ConnectionRefusedError:
        return "refused"
    except (OSError, asyncio.IncompleteReadError):
        return "reset"
    return outcome_of(status, answer, label)


def open_loop(rate, seconds, make):
    """Starts make(n) at a constant rate, whatever becomes of them; counts the words they give."""
    async def run():
        start = time.monotonic()
        tasks = []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, start + number / rate - time.monotonic()))
            tasks.append(asyncio.ensure_future(make(number)))
        return collections.Counter(await asyncio.gather(*tasks))
    return asyncio.run(run())


class Crowd:
    """An open_loop() beside the test."""

    def __init__(self, rate, seconds, make):
        self.outcomes = None

        def run():
            self.outcomes = open_loop(rate, seconds, make)
        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def result(self):
        self._thread.join()
        assert self.outcomes is not None, "the clients have failed; see above"
        return self.outcomes


@contextlib.contextmanager
def closing(connections):
    """Closes all of a growing list at the end."""
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()
