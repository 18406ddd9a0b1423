# SPDX-License-Identifier: Apache-2.0
"""One measurement a function: each starts what it needs, and returns plain numbers."""

import contextlib
import http.client
import json
import os
import pathlib
import resource
import subprocess
import tempfile
import time

from bench import processes, report
from tests.process.running_server import BIN, Load, Server, kill, wait_until

WORKERS = 2
STEADY = 4  # Requests that show what is usual, before each pair of kills.
CONNECTIONS = 4  # Enough that no worker waits for the next request.
ZYGOTE_ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "ORT_DISABLE_TELEMETRY": "1"}


class Model:
    """A packed model, alone in a repository of its own, and the photos with its answers."""

    def __init__(self, title, folder, scratch, photos):
        self.title = title
        self.folder = folder
        self.photos = photos  # [(file, right class)]
        self.repository = pathlib.Path(scratch) / folder.parent.name
        (self.repository / folder.parent.name).mkdir(parents=True)
        (self.repository / folder.parent.name / folder.name).symlink_to(folder)

    def server(self, scratch, *, workers=WORKERS, wait=True):
        return Server(scratch, "--workers", workers, models=self.repository, wait=wait)


def in_process(model, seconds):
    """Two forked processes without a server: {"rate", "cpu_ms_per_image", "images"}."""
    command = [BIN / "holdfast-in-process", "--model", model.folder, "--processes", WORKERS,
               "--seconds", seconds, *[file for file, _ in model.photos]]
    answer = subprocess.run([str(word) for word in command], check=True, capture_output=True,
                            text=True, env={**os.environ, **ZYGOTE_ENVIRONMENT}).stdout
    return json.loads(answer)


def children_cpu_seconds():
    """CPU time of our children that have ended: here the load generator."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def load_with_ledger(server, model, **keywords):
    """(what the generator says, one record a request)."""
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as ledger:
        result = Load(server, model.photos, ledger=ledger.name, **keywords).result()
        return result, [json.loads(line) for line in pathlib.Path(ledger.name).open()]


def served(server, model, seconds):
    """Closed loop: the rate, and the CPU time an image costs in each process."""
    before = processes.cpu_by_role(server.process.pid)
    generator_before = children_cpu_seconds()
    result, records = load_with_ledger(server, model, connections=CONNECTIONS, seconds=seconds)
    generator = children_cpu_seconds() - generator_before
    used = processes.cpu_between(before, processes.cpu_by_role(server.process.pid))
    if result["ok"] != result["offered"]:
        raise RuntimeError(f"not every answer was right: {result['outcomes']}")
    per_image = {role: 1e3 * used[role] / result["ok"] for role in used}
    per_image["generator"] = 1e3 * generator / result["ok"]
    times = [record["due_s"] + record["latency_ms"] / 1e3 for record in records]
    return {"rate": report.steady_rate(times, seconds), "offered": result["offered"], "ok": result["ok"],
            "cpu_ms_per_image": per_image}


def latencies(server, model, rate, seconds, seed):
    """Open loop, Poisson arrivals: every answer's latency in ms, and how many were no 200."""
    result, records = load_with_ledger(server, model, rate=rate, seconds=seconds, seed=seed)
    good = [record["latency_ms"] for record in records if record["outcome"] == "200"]
    return {"latency_ms": good, "offered": result["offered"],
            "failed": result["offered"] - len(good)}


class Client:
    """One connection that stays open, so that only the answer is timed."""

    def __init__(self, server, photo):
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self._photo = photo

    def classify(self):
        """Milliseconds until the answer; it must be a 200."""
        start = time.monotonic()
        self._connection.request("POST", "/classify", body=self._photo,
                                 headers={"content-type": "image/jpeg"})
        response = self._connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{response.status} {body[:200]!r}")
        return 1e3 * (time.monotonic() - start)

    def close(self):
        self._connection.close()


def stage_ms(before, after, stage):
    """The mean of an item's stage between two readings of the metrics."""
    def of(samples, name):
        return sum(value for key, value in samples.items()
                   if key.startswith(f"holdfast_item_stage_seconds_{name}{{")
                   and f'stage="{stage}"' in key)
    count = of(after, "count") - of(before, "count")
    return 1e3 * (of(after, "sum") - of(before, "sum")) / count


def recovery(model, scratch, repeats):
    """A server with one worker, idle, which is killed: how soon the next one is ready and answers.

    With one worker the next answer can only be the replacement's. Half of the kills are watched
    through /metrics, for the moment of readiness; at the other half a request follows at once.
    What is usual is measured in between: the machine may be slower in one minute than in another.
    """
    numbers = {"steady_ms": [], "infer_ms": [], "preprocess_ms": [], "ready_ms": [],
               "first_after_ready_ms": [], "answer_ms": [], "second_ms": []}
    photo = model.photos[0][0].read_bytes()
    with model.server(scratch, workers=1) as server, \
            contextlib.closing(Client(server, photo)) as client:
        for _ in range(repeats):
            client.classify()
            before = server.metrics()
            numbers["steady_ms"] += [client.classify() for _ in range(STEADY)]
            after = server.metrics()
            numbers["infer_ms"].append(stage_ms(before, after, "infer"))
            numbers["preprocess_ms"].append(stage_ms(before, after, "preprocess"))

            exits = server.metric("holdfast_worker_exits_total")
            start = time.monotonic()
            kill(server.workers()[0])
            await_replacement(server, exits)
            numbers["ready_ms"].append(1e3 * (time.monotonic() - start))
            numbers["first_after_ready_ms"].append(client.classify())
            client.classify()

            [worker] = server.workers()
            start = time.monotonic()
            kill(worker)
            client.classify()
            numbers["answer_ms"].append(1e3 * (time.monotonic() - start))
            numbers["second_ms"].append(client.classify())
            wait_until(lambda seen=exits: server.metric("holdfast_worker_exits_total") == seen + 2,
                       "two exits counted")
    return numbers


def await_replacement(server, exits_before):
    """Until /metrics counts one more exit and one worker that is ready."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        samples = server.metrics()
        exits = sum(value for key, value in samples.items()
                    if key.startswith("holdfast_worker_exits_total"))
        if exits == exits_before + 1 and samples["holdfast_workers_ready"] == 1:
            return
    raise RuntimeError("no replacement within 30 s")


def start_up(model, scratch):
    """Milliseconds from exec to the first answer."""
    photo = model.photos[0][0].read_bytes()
    start = time.monotonic()
    with model.server(scratch, wait=False) as server:
        while time.monotonic() < start + 60:
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                port = json.loads(server.port_file.read_text())["http"]
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                with contextlib.closing(connection):
                    connection.request("POST", "/classify", body=photo)
                    response = connection.getresponse()
                    response.read()
                    if response.status == 200:
                        took = 1e3 * (time.monotonic() - start)
                        server.stop()
                        return took
            time.sleep(0.001)
    raise RuntimeError("no answer within 60 s of the start")


def memory(server):
    """Bytes that each worker has for itself, and that the whole of each process has resident."""
    workers = server.workers()
    return {"worker_private": [processes.private_dirty_bytes(pid) for pid in workers],
            "worker_resident": [processes.resident_bytes(pid) for pid in workers],
            "gateway_resident": processes.resident_bytes(server.gateway()),
            "supervisor_resident": processes.resident_bytes(server.process.pid)}


def idle_cores(server, seconds):
    """Cores that the loaded server uses while nobody asks it anything."""
    before = processes.cpu_by_role(server.process.pid)
    start = time.monotonic()
    time.sleep(seconds)
    used = processes.cpu_between(before, processes.cpu_by_role(server.process.pid))
    return sum(used.values()) / (time.monotonic() - start)
