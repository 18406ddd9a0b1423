# SPDX-License-Identifier: Apache-2.0
"""gRPC clients that keep their connection alive, ask too often, or send too much."""

import re
import socket
import struct
import threading
import time

import grpc
import pytest

from tests.faults.clients import connect
from tests.faults.pictures import grays
from tests.process.fake_rules import GOOD
from tests.process.grpc_health import grpc_health
from tests.process.running_server import wait_until

PERMITTED_S = 5.0  # Pings without a call may come as often as that: kPingIntervalMs.
SERVICE_MS = 10
CAPACITY = 2 * 1000 / SERVICE_MS

# HTTP/2, section 6: the frames that a client needs who never makes a call.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, PING, GOAWAY, ACK = 4, 6, 7, 1
ENHANCE_YOUR_CALM = 11


def frame(kind, flags=0, content=b""):
    return struct.pack(">I", len(content))[1:] + bytes([kind, flags]) + bytes(4) + content


class Pinger:
    """An HTTP/2 connection without calls, which sees every frame that a library would hide."""

    def __init__(self, server):
        self.connection = connect(server, port=server.grpc_port)
        self.connection.sendall(PREFACE + frame(SETTINGS))
        self.pongs = self.asked = 0
        self.goaways = []  # Error codes.
        self.closed = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        stream = self.connection.makefile("rb")
        try:
            while head := stream.read(9):
                content = stream.read(int.from_bytes(head[:3], "big"))
                if head[3] == PING and head[4] & ACK:
                    self.pongs += 1
                elif head[3] == PING:
                    self.asked += 1
                    self.connection.sendall(frame(PING, ACK, content))
                elif head[3] == GOAWAY:
                    self.goaways.append(struct.unpack(">I", content[4:8])[0])
        except OSError:
            pass
        self.closed.set()

    def ping(self):
        self.connection.sendall(frame(PING, content=bytes(8)))

    def ping_every(self, seconds, times):
        """Until so many are sent, or the server has had enough of it."""
        self.ping()
        for _ in range(times - 1):
            if self.closed.wait(seconds):
                return
            self.ping()

    def close(self):
        self.connection.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self.connection.close()


@pytest.mark.timeout(900)
def test_f58_pings_are_answered_and_large_messages_refused_with_the_limit(
        fault, serve, fake_model, tmp_path):
    models = fake_model(service_ms=SERVICE_MS, busy="false")
    # The server asks silent clients for a sign of life, too: after four seconds in the short form.
    keep_alive_s = fault.pick(4, 75)
    with serve("--workers", "2", "--keep-alive-s", keep_alive_s, "--grpc-message-bytes-max",
               "4MiB", models=models) as server:
        # Three that come too early are too many: the fourth would be the end of the connection.
        gap_s, pings = fault.pick((PERMITTED_S + 0.1, 4), (10.0, 60))
        load = fault.load(server, grays(tmp_path, GOOD), rate=0.3 * CAPACITY,
                          seconds=fault.pick(5, 60))
        polite, rude = Pinger(server), Pinger(server)
        channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", options=[
            ("grpc.keepalive_time_ms", int(gap_s * 1000)), ("grpc.keepalive_timeout_ms", 2000),
            ("grpc.keepalive_permit_without_calls", 1), ("grpc.http2.max_pings_without_data", 0)])
        with channel:
            states = []
            channel.subscribe(states.append, try_to_connect=True)
            wait_until(lambda: grpc_health(channel) == "SERVING", "gRPC has heard of it")
            assert grpc_health(channel, "fake") == "SERVING"
            polite_one = threading.Thread(target=polite.ping_every, args=[gap_s, pings])
            polite_one.start()
            check_large_messages(fault, channel)
            # One that pings without measure is sent away, and costs nobody else anything.
            rude.ping_every(0.1, 50)
            fault.inject("client that pings ten times a second")
            assert rude.closed.wait(10) and set(rude.goaways) == {ENHANCE_YOUR_CALM}
            fault.settle(load)
            polite_one.join()
            wait_until(lambda: polite.pongs == pings or polite.closed.is_set(), "the last pong")
            fault.inject(f"ping without a call, {gap_s:.0f} s apart", polite.pongs)
            assert (polite.pongs, polite.goaways) == (pings, [])
            assert polite.asked > 0 or gap_s < keep_alive_s, "the server has not asked"
            assert grpc_health(channel) == "SERVING"
            # What left READY had been sent away, or had missed a pong.
            after_ready = states[states.index(grpc.ChannelConnectivity.READY):]
            assert after_ready == [grpc.ChannelConnectivity.READY], states
        fault.note(f"{polite.pongs} of {pings} pings answered, no GOAWAY; after {rude.pongs} at "
                   "once one")
        polite.close()
        rude.close()
        assert server.metric("holdfast_worker_exits_total") == 0
        assert not server.events("gateway-died")


def check_large_messages(fault, channel):
    """7 MB are refused with the limit in the text; what is below it is read."""
    start = time.monotonic()
    limit = None
    for _ in range(fault.pick(3, 30)):
        with pytest.raises(grpc.RpcError) as refusal:
            grpc_health(channel, "x" * 7_000_000)
        fault.inject("message of 7 MB")
        fault.add({refusal.value.code().name: 1}, ["RESOURCE_EXHAUSTED"])
        limit = int(re.search(r"max \(7\d{6} vs\. (\d+)\)", refusal.value.details())[1])
    with pytest.raises(grpc.RpcError) as refusal:
        grpc_health(channel, "x" * (limit - 1000))
    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT  # Read: no name is so long.
    fault.note(f"limit of {limit} bytes told, in {time.monotonic() - start:.1f} s")
