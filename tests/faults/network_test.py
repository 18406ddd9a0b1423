# SPDX-License-Identifier: Apache-2.0
"""Networks that lose, delay and forget packets: on a loopback of the test's own."""

import asyncio
import collections
import random
import subprocess
import threading
import time

import pytest

from tests.faults.clients import connect, open_loop, outcome_over, post
from tests.faults.injection import Killer
from tests.faults.machine import Loss, own_network, system
from tests.faults.pictures import grays, padded
from tests.process.fake_rules import GOOD
from tests.process.gray import gray
from tests.process.running_server import wait_until

# A packet that the network swallows can be the one that says "I am gone": such a connection is only
# known by its silence. Shorter than the patience of the quiet check.
FORGET_SILENT = ("--keep-alive-s", "10")
SERVICE_MS = 10
CAPACITY = 2 * 1000 / SERVICE_MS


@pytest.fixture
def models(fake_model):
    return fake_model(service_ms=SERVICE_MS, busy="false")


@pytest.fixture
def network():
    with own_network():
        yield


def check_server_is_innocent(server):
    """No refusal of ours and no death: what failed has failed on the way."""
    assert server.metric("holdfast_worker_exits_total") == 0
    assert server.metric("holdfast_requests_unaccounted") == 0
    assert not server.events("gateway-died")


async def insist(port, request, label, until, words):
    """A naive client: after a failure it asks again at once, without end."""
    while time.monotonic() < until:
        start = time.monotonic()
        word = await outcome_over(port, request, label, timeout=1.0)
        words.append((start, word))
        if word == "200":
            await asyncio.sleep(max(0.0, start + 0.5 - time.monotonic()))


def blackhole_with_naive_clients(fault, server, *, seconds, at_heal=lambda: None):
    """Naive clients at half of the capacity, and a while without a network: their words."""
    port, request, words = server.port, post(gray(GOOD)), []
    count = int(0.5 * CAPACITY * 0.5)  # Each asks twice a second.
    start = time.monotonic()
    healed = start + 1 + seconds
    end = healed + 8

    async def all_of_them():
        await asyncio.gather(*(insist(port, request, GOOD, end, words) for _ in range(count)))
    clients = threading.Thread(target=lambda: asyncio.run(all_of_them()))
    clients.start()
    threading.Event().wait(start + 1 - time.monotonic())
    with Loss(1.0):
        fault.inject(f"{seconds} s without a network")
        threading.Event().wait(healed - time.monotonic())
    at_heal()
    clients.join()
    fault.add(collections.Counter(word for _, word in words), ["timeout", "503 OVERLOADED"])
    bad = [begun - healed for begun, word in words if word != "200"]
    recovered = max(0.0, *bad) if bad else 0.0
    assert any(word == "timeout" for _, word in words), "nobody noticed the fault"
    fault.note(f"{count} clients; the last failure began {recovered:.1f} s after the healing")
    assert recovered <= 5


def test_f20_naive_retries_after_a_blackhole_die_down(fault, network, serve, models):
    with serve("--workers", "2", *FORGET_SILENT, models=models) as server:
        blackhole_with_naive_clients(fault, server, seconds=fault.pick(4, 60))
        check_server_is_innocent(server)


def test_x07_a_worker_dies_when_the_network_comes_back(fault, network, serve, models):
    with serve("--workers", "2", *FORGET_SILENT, models=models) as server:
        killer = Killer(fault, server, random.Random(7))
        blackhole_with_naive_clients(fault, server, seconds=fault.pick(3, 60), at_heal=killer.one)
        wait_until(lambda: server.metric("holdfast_worker_exits_total") == 1, "it is counted")


def test_f35_a_narrow_link_times_nobody_out(fault, network, serve, models):
    """Two megabits for twenty clients: each keeps the minimum rate, if only just."""
    with serve("--workers", "2", "--body-bytes-per-second-min", "4096", "--deadline-default-ms",
               "30000", models=models) as server:
        port = server.port
        request = post(padded(gray(GOOD), 40_000))
        # Without this a loopback packet is larger than the bucket, and never passes.
        system("ip", "link", "set", "lo", "mtu", "1500")
        system("tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", "2mbit", "burst", "16k",
               "latency", "4s")
        fault.inject("link of 2 Mbit/s")
        start = time.monotonic()
        rounds = fault.pick(1, 10)  # More clients at once could not keep the minimum rate.
        try:
            for _ in range(rounds):
                fault.add(open_loop(1000, 0.02,
                                    lambda _: outcome_over(port, request, GOOD, timeout=60)))
        finally:
            system("tc", "qdisc", "del", "dev", "lo", "root")
        took = time.monotonic() - start
        fault.note(f"{fault.offered} bodies of 40 kB in {took:.1f} s")
        assert took > 2 * rounds, "the link was not narrow"
        check_server_is_innocent(server)


def test_f42_a_client_without_free_ports_harms_only_itself(fault, network, serve, models):
    with serve("--workers", "2", models=models) as server:
        port = server.port
        system("sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40020")
        held = []
        refused = 0
        try:
            for _ in range(40):
                try:
                    held.append(connect(server))
                except OSError as error:
                    assert error.errno == 99, error  # Cannot assign requested address.
                    refused += 1
        finally:
            for connection in held:
                connection.close()
            system("sysctl", "-qw", "net.ipv4.ip_local_port_range=32768 60999")
        fault.inject("connection without a free port", refused)
        fault.add(open_loop(50, 1, lambda _: outcome_over(port, post(gray(GOOD)), GOOD)))
        check_server_is_innocent(server)


def test_f43_lost_packets_and_a_blackhole_in_mid_transfer(fault, network, serve, models, tmp_path):
    with serve("--workers", "2", *FORGET_SILENT, models=models) as server:
        photos = grays(tmp_path, GOOD)
        for share in (0.01, 0.05, 0.10):
            with Loss(share):
                load = fault.load(server, photos, rate=0.3 * CAPACITY, seconds=fault.pick(3, 60))
                result = load.result()
            fault.inject(f"loss of {share:.0%}")
            lost = result["offered"] - result["ok"]
            fault.note(f"{share:.0%}: {lost} of {result['offered']} lost, "
                       f"p99 {result['p99_ms']:.0f} ms")
            fault.add(result["outcomes"], ["timeout"])
            assert lost <= 0.005 * result["offered"]
        # In the middle of an upload, and before the answer.
        half = connect(server)
        half.sendall(post(padded(gray(GOOD), 200_000))[:100_000])
        waiting = connect(server)
        waiting.sendall(post(gray(GOOD)))
        with Loss(1.0):
            fault.inject("blackhole in mid-upload")
            half.close()
            waiting.close()
            threading.Event().wait(fault.pick(2, 30))
        wait_until(lambda: server.metric("holdfast_held_bytes") == 0, "the body is given back")
        check_server_is_innocent(server)


def test_f44_no_names_and_no_routes_are_needed(fault, network, serve, models, tmp_path):
    """The network of this test has a loopback, and nothing else: no route, no name server."""
    routes = subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout
    assert routes == ""
    fault.inject("machine without routes")
    with serve("--workers", "2", models=models) as server:
        result = fault.settle(fault.load(server, grays(tmp_path, GOOD), rate=0.4 * CAPACITY,
                                         seconds=fault.pick(3, 60)))
        assert result["offered"] > 100
        check_server_is_innocent(server)
