# SPDX-License-Identifier: Apache-2.0
"""Descriptors: a worker has no way to get one more, so there is no leak to recycle it for."""

import pathlib
import threading

from tests.faults.injection import check_deaths
from tests.faults.pictures import grays
from tests.process.fake_rules import BAD, GOOD, rule
from tests.process.gray import gray
from tests.process.running_server import descriptors_of

SERVICE_MS = 10
CAPACITY = 2 * 1000 / SERVICE_MS


def open_in(pid):
    """Descriptors of a worker, by what they lead to."""
    return sorted(file.readlink().name.split(":")[0]
                  for file in pathlib.Path(f"/proc/{pid}/fd").iterdir())


def test_x14_a_worker_that_opens_a_file_at_each_request_gets_none(
        fault, serve, fake_model, tmp_path):
    models = fake_model(rule("open-file", GOOD) + rule("connect", BAD), service_ms=SERVICE_MS,
                        busy="false")
    with serve("--workers", "2", models=models) as server:
        first = {pid: descriptors_of(pid) for pid in server.workers()}
        kinds = open_in(server.workers()[0])
        load = fault.load(server, grays(tmp_path, GOOD), rate=0.4 * CAPACITY,
                          seconds=fault.pick(5, 120))
        samples = []
        while load.running:
            samples += [{pid: descriptors_of(pid) for pid in server.workers()}]
            threading.Event().wait(0.1)
        result = fault.settle(load)
        fault.inject("request that opens a file", result["offered"])
        assert len(samples) >= 10 and all(sample == first for sample in samples)
        assert server.metric("holdfast_worker_exits_total") == 0
        assert not server.events("worker-died")

        # A file is refused with an error; a socket is the end of a worker, and of the picture.
        more = fault.load(server, grays(tmp_path, GOOD), rate=0.3 * CAPACITY, seconds=3)
        pictures = fault.pick(2, 4)
        for shade in range(pictures):
            fault.inject("request that makes a socket")
            status, _, answer = fault.ask(server, gray(BAD, shade=shade),
                                          expected=["500 REQUEST_CRASHED_WORKER"])
            assert (status, answer["reason"]) == (500, "REQUEST_CRASHED_WORKER")
        fault.settle(more)
        check_deaths(server, 2 * pictures, cause="signal", words="signal 31")
        assert server.metric("holdfast_worker_exits_total") == 2 * pictures
        assert server.metric("holdfast_quarantined_total") == pictures
        for pid in server.await_workers(2):
            assert open_in(pid) == kinds
            limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
            assert "Max open files            0 " in limits
        fault.note(f"{len(kinds)} descriptors ({', '.join(kinds)}) in each of {len(samples)} "
                   f"samples; p99 {result['p99_ms']:.0f} ms")
