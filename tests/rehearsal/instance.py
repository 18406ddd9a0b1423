# SPDX-License-Identifier: Apache-2.0
"""One instance of a fleet: the server, started with a kit's settings and ended with its signals."""

import signal
import subprocess

from tests.process.running_server import BIN, Server, children_of, kill, state_of
from tests.rehearsal.kits import Kit


DEADLINE_S = 30


class Instance(Server):
    """A server in its own folder. `delay_s`: what comes before its start, such as fetching models."""

    def __init__(self, name, folder, kit: Kit, repository, *, port=0, delay_s=0):
        self.name = name
        self.kit = kit
        self.folder = folder
        self.repository = repository
        folder.mkdir(exist_ok=True)
        self.port_file = folder / "ports.json"
        self.port_file.unlink(missing_ok=True)
        wrapper = ["sh", "-c", f'sleep {delay_s}; exec "$@"', "sh"] if delay_s else []
        self.run([*wrapper, BIN / "holdfast", "serve", "--bind-address", "127.0.0.1", "--http-port",
                  port, "--grpc-port", 0, "--admin-port", 0, "--port-file", self.port_file,
                  "--workers", 1, "--model-repository", repository,
                  # Busy processors are slow; slow is not lost.
                  "--deadline-default-ms", DEADLINE_S * 1000],
                 environment=kit.environment)

    @property
    def alive(self):
        return state_of(self.process.pid) not in ("", "Z") and self.process.poll() is None

    def end(self):
        """SIGTERM, then SIGKILL when the platform's patience is over; gives the exit code."""
        kill(self.supervisor, signal.SIGTERM)
        try:
            return self.wait(self.kit.stop_s)
        except subprocess.TimeoutExpired:
            self.crash()
            return -signal.SIGKILL

    def freeze(self):
        """Says nothing any more, and closes nothing: what others see of a machine that is lost."""
        for pid in descendants_of(self.process.pid):
            kill(pid, signal.SIGSTOP)

    def crash(self):
        """Its processes are gone at once; the kernel closes what they had open."""
        kill(self.supervisor, signal.SIGKILL)
        kill(self.process.pid, signal.SIGKILL)
        return self.wait()


def descendants_of(pid):
    """The process and all below it, parents first: who stops cannot start others."""
    return [pid] + [below for child in children_of(pid) for below in descendants_of(child)]
