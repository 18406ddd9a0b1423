# SPDX-License-Identifier: Apache-2.0
"""A real server under test: started from the built executables, watched through what it shows."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("UNDER_TEST_BIN", ROOT / "build/release/bin"))
MODELS = pathlib.Path(os.environ.get("UNDER_TEST_MODELS", ROOT / "build/models"))
PHOTOS = ROOT / "tests/data/photos"
TINY = ROOT / "tests/data/models"

# The servers under test share one, beside the build, as those of a host do.
CACHE = BIN.parent / "model-cache"

PROMPT = 30.0  # Seconds that anything may take before a test gives up on it.


def wait_until(condition, what, seconds=PROMPT):
    """Waits until `condition()` is true. The cap is generous: only a broken server reaches it.

    `what` is told when it does: words, or a function that finds them then.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            words = what() if callable(what) else what
            raise AssertionError(f"not within {seconds} s: {words}")
        threading.Event().wait(0.01)


def title_of(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return text.replace(b"\0", b" ").decode(errors="replace").strip()


def state_of(pid):
    """The kernel's letter for a process: R, S, T, Z …; empty when it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return text.rsplit(")", 1)[1].split()[0]


def children_of(pid):
    with contextlib.suppress(OSError):
        return [int(child) for child in
                pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def descriptors_of(pid):
    """How many descriptors a process has open; 0 when it is gone."""
    with contextlib.suppress(OSError):
        return len(os.listdir(f"/proc/{pid}/fd"))
    return 0


def private_mib(pid):
    """Resident memory that is no file's: what a leak would grow."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) / 1024
    return 0.0


class Server:
    """`holdfast serve` as a process of ours, on free ports of the loopback.

    `wrapper` is a command that the server's own is appended to; `stdout` and `stderr` replace the
    pipes through which the plan and the log are read. `program`: the words before the flags.
    """

    def __init__(self, folder, *arguments, models=None, environment=None, wait=True,
                 bin_folder=BIN, wrapper=(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                 cwd=None, program=None):
        self.port_file = pathlib.Path(folder) / "ports.json"
        self.port_file.unlink(missing_ok=True)
        command = [*wrapper, *(program or (bin_folder / "holdfast", "serve")),
                   "--bind-address", "127.0.0.1", "--http-port", "0", "--grpc-port", "0",
                   "--admin-port", "0",
                   "--platform", "none", "--port-file", self.port_file, "--log-format", "json"]
        if models is not None:
            command += ["--model-repository", models]
        command += arguments
        self.run(command, stdout, stderr, cwd, environment)
        if wait:
            self.await_ready()

    def run(self, command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=None,
            environment=None):
        """Starts the command and reads what it prints."""
        self.log_lines = []
        self._log_grew = threading.Condition()
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=stdout,
            stderr=stderr, text=True, cwd=cwd, env={**os.environ, "HOLDFAST_MODEL_CACHE": str(CACHE), **(environment or {})})
        self.plan = []
        self.plan_ended = stdout != subprocess.PIPE  # Nobody writes there any more, or to us.
        self._readers = [threading.Thread(target=read, args=[stream], daemon=True)
                         for read, stream in ((self.read_log, self.process.stderr),
                                              (self._read_plan, self.process.stdout)) if stream]
        for reader in self._readers:
            reader.start()

    def read_log(self, stream):
        for line in stream:
            with self._log_grew:
                self.log_lines.append(line.rstrip("\n"))
                self._log_grew.notify_all()

    def _read_plan(self, stream):
        for line in stream:
            self.plan.append(line.rstrip("\n"))
        self.plan_ended = True

    # --- What it shows ---

    def _port(self, name):
        return wait_until(lambda: self.port_file.exists() and
                          json.loads(self.port_file.read_text())[name], "the port file")

    @property
    def port(self):
        return self._port("http")

    @property
    def grpc_port(self):
        return self._port("grpc")

    @property
    def supervisor(self):
        """Its pid as we see it: below the wrapper, if that has forked."""
        def find(pid):
            if title_of(pid) == "holdfast: supervisor":
                return pid
            return next(filter(None, map(find, children_of(pid))), None)
        return find(self.process.pid) or self.process.pid

    def events(self, name=None):
        found = []
        for line in list(self.log_lines):
            with contextlib.suppress(json.JSONDecodeError):
                event = json.loads(line)
                if name is None or event.get("event") == name:
                    found.append(event)
        return found

    def await_event(self, name, count=1, seconds=PROMPT):
        return wait_until(lambda: len(self.events(name)) >= count and self.events(name),
                          f"{count} × {name} in the log", seconds)

    def await_ready(self, seconds=PROMPT):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError("the server ended:\n" + "\n".join(self.log_lines[-20:]))
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self.get("/healthz")[0] == 200
            return False
        wait_until(ready, "/healthz says 200", seconds)

    @property
    def admin_port(self):
        return self.port and json.loads(self.port_file.read_text())["admin"]

    def request(self, method, path, body=None, headers=None, timeout=PROMPT, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def get(self, path, **keywords):
        return self.request("GET", path, **keywords)

    def classify(self, image, path="/classify", **keywords):
        status, headers, body = self.request("POST", path, body=image, **keywords)
        return status, headers, json.loads(body)

    def metrics(self):
        """Every sample of /metrics: {"name{labels}": value}."""
        _, _, text = self.get("/metrics")
        samples = {}
        for line in text.decode().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples

    def metric(self, name, **labels):
        """The sum over all samples of `name` that have these labels."""
        total = 0.0
        for sample, value in self.metrics().items():
            if sample.split("{")[0] != name:
                continue
            if all(f'{key}="{text}"' in sample for key, text in labels.items()):
                total += value
        return total

    # --- Its processes ---

    def children(self, role):
        """Pids of the supervisor's children whose title begins with `role`."""
        return [pid for pid in children_of(self.supervisor)
                if title_of(pid).startswith(f"holdfast: {role}")]

    def workers(self):
        return sorted(self.children("worker"))

    def await_workers(self, count, without=()):
        return wait_until(
            lambda: len([pid for pid in self.workers() if pid not in without]) == count and
            self.metric("holdfast_workers_ready") == count and self.workers(),
            f"{count} workers")

    def gateway(self):
        return wait_until(lambda: self.children("gateway"), "a gateway")[0]

    def zygote(self):
        return wait_until(lambda: self.children("zygote"), "a zygote")[0]

    # --- Its end ---

    def stop(self, signal_number=signal.SIGTERM, seconds=PROMPT):
        kill(self.supervisor, signal_number)
        return self.wait(seconds)

    def wait(self, seconds=PROMPT):
        code = self.process.wait(seconds)
        for reader in self._readers:
            reader.join(seconds)
        return code

    def check_quiet(self):
        """Nothing is left in the server that a request brought in."""
        wait_until(lambda: self.metric("holdfast_requests_in_flight") == 0 and
                   self.metric("holdfast_running_items") == 0, "nothing in flight")
        samples = self.metrics()
        assert samples["holdfast_requests_unaccounted"] == 0
        assert samples["holdfast_queue_items"] == 0
        assert samples["holdfast_running_items"] == 0
        assert samples["holdfast_held_bytes"] == 0
        zombies = [pid for pid in children_of(self.supervisor) if state_of(pid) == "Z"]
        assert not zombies
        assert self.get("/ping")[0] == 200

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.wait()


class Load:
    """The load generator beside the server: an open or closed loop with a ledger."""

    def __init__(self, server, photos, *, seconds, rate=None, connections=None, seed=1,
                 path="/classify", timeout=10, ledger=None):
        command = [BIN / "holdfast-load", "--port", server.port, "--path", path, "--seconds",
                   seconds, "--seed", seed, "--timeout", timeout]
        command += ["--rate", rate] if rate else ["--connections", connections]
        command += ["--ledger", ledger] if ledger else []
        command += [f"{file}={index}" for file, index in photos]
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                                        text=True)

    @property
    def running(self):
        return self.process.poll() is None

    def result(self, seconds=600):
        text, _ = self.process.communicate(timeout=seconds)
        assert self.process.returncode == 0
        return json.loads(text)


def measure_capacity(server, photos, *, connections=4, seconds=4):
    """Answers a second with every worker busy."""
    return Load(server, photos, connections=connections, seconds=seconds).result()["rate"]


def kill(pid, signal_number=signal.SIGKILL):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal_number)
        return True
    return False


def oracle(model_folder, photos):
    """[(photo, right class)], as `holdfast classify` says without a server."""
    command = [BIN / "holdfast", "classify", "--json", "--model", model_folder, *photos]
    answer = subprocess.run([str(word) for word in command], check=True, capture_output=True,
                            text=True).stdout
    classes = [json.loads(line)["predictions"][0]["index"] for line in answer.splitlines()]
    return list(zip(photos, classes, strict=True))
