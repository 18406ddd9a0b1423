# SPDX-License-Identifier: Apache-2.0
"""The gRPC port: its connections count, and those that nobody holds any more end."""

import contextlib
import socket

import grpc
import pytest

from tests.process.gray import gray
from tests.process.grpc_health import grpc_health
from tests.process.running_server import Server, descriptors_of, wait_until

CONNECTIONS_MAX = 20
KEEP_ALIVE_S = 2


@pytest.fixture
def server(tmp_path, fake_model):
    with Server(tmp_path, "--workers", "2", "--connections-max", CONNECTIONS_MAX, "--keep-alive-s",
                KEEP_ALIVE_S, models=fake_model()) as running:
        running.await_workers(2)
        yield running


def channel_to(server, states):
    channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}")
    channel.subscribe(states.append, try_to_connect=True)
    wait_until(lambda: grpc_health(channel) == "SERVING", "gRPC has heard of it")
    return channel


def is_closed(connection):
    connection.setblocking(False)
    try:
        while connection.recv(65536):  # What the server says to begin with, and its pings.
            pass
    except BlockingIOError:
        return False
    return True


def test_silent_connections_take_no_more_than_their_share_and_end(server):
    """Nobody holds them any more, for all the server can know; a client that is there keeps its."""
    states = []
    with contextlib.ExitStack() as stack:
        channel = stack.enter_context(channel_to(server, states))
        before = descriptors_of(server.gateway())
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", server.grpc_port)))
                  for _ in range(2 * CONNECTIONS_MAX)]
        wait_until(lambda: descriptors_of(server.gateway()) >= before + CONNECTIONS_MAX - 1,
                   "as many as may be are taken")
        assert server.get("/ping")[0] == 200
        assert server.classify(gray(1))[0] == 200
        # One is the channel's. Of HTTP, as many come on top as are kept for probes, and our own.
        assert descriptors_of(server.gateway()) <= before + CONNECTIONS_MAX + 2
        wait_until(lambda: all(map(is_closed, silent)), "all are given up, the last ones in turn",
                   10 * KEEP_ALIVE_S)
        assert grpc_health(channel) == "SERVING"
        wait_until(lambda: descriptors_of(server.gateway()) <= before, "descriptors as before")
        after_ready = states[states.index(grpc.ChannelConnectivity.READY):]
        assert after_ready == [grpc.ChannelConnectivity.READY], "it has had to come back"
    assert not server.events("accept") and not server.events("gateway-died")
    server.check_quiet()
