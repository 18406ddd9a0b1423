# SPDX-License-Identifier: Apache-2.0
"""HAProxy, set up like an Application Load Balancer with the target group of a kit.

It asks one target once and never repeats a request, keeps connections to targets open for the idle
timeout and takes any of them for the next request: what makes the races that lose requests likely.
Otherwise than the original it refuses when no target is healthy, where an ALB asks all of them.
"""

import csv
import io
import shutil
import socket
import subprocess
import time

from tests.process.running_server import wait_until
from tests.rehearsal.kits import TargetGroup

CONNECT_S = 10  # Of an ALB, to a target.
CLOSE_S = 5
KEPT_MAX = 100  # Idle connections to a target.


def configuration(group: TargetGroup, control: str, port: int) -> str:
    """What haproxy is started with. Targets come and go through the control socket."""
    return f"""\
global
    stats socket {control} mode 600 level admin
    nbthread 1
    maxconn 4000
    tune.pool-low-fd-ratio 90
    # Connections to targets stay, as an ALB's do; the server may close them whenever it wants.
    tune.idle-pool.shared on
defaults
    mode http
    timeout connect {CONNECT_S}s
    timeout client {group.idle_s}s
    timeout server {group.idle_s}s
    timeout http-keep-alive {group.idle_s}s
    timeout check {group.timeout_s}s
    # A request is sent to one target, once.
    retries 0
    no option redispatch
    http-reuse always
    option forwardfor
frontend clients
    bind 127.0.0.1:{port}
    default_backend targets
backend targets
    balance leastconn
    option httpchk
    http-check send meth GET uri {group.path} ver HTTP/1.1 hdr Host 127.0.0.1 \
hdr User-Agent ELB-HealthChecker/2.0 hdr Connection close
    http-check expect status 200
"""


def target_options(group: TargetGroup) -> str:
    # A target that is added while haproxy runs keeps no connection unless it is told how many.
    return (f"check inter {group.interval_s}s fall {group.unhealthy} rise {group.healthy} "
            f"pool-max-conn {KEPT_MAX} pool-purge-delay {group.idle_s}s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Balancer:
    def __init__(self, folder, group: TargetGroup):
        self.group = group
        self.port = free_port()
        self._control = folder / "haproxy.sock"
        self._new = set()  # Targets that have not been healthy yet.
        text = folder / "haproxy.cfg"
        text.write_text(configuration(group, self._control, self.port))
        program = shutil.which("haproxy") or "/usr/sbin/haproxy"
        with open(folder / "haproxy.log", "wb") as log:
            self.process = subprocess.Popen([program, "-db", "-f", text], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        wait_until(self._listens, lambda: (folder / "haproxy.log").read_text())

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def command(self, text: str) -> str:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(CLOSE_S)
            control.connect(str(self._control))
            control.sendall(text.encode() + b"\n")
            return control.makefile().read().strip()

    def _order(self, text: str) -> None:
        """A command that says nothing when it is obeyed."""
        answer = self.command(text)
        assert not answer or "New server registered" in answer, f"{text}: {answer}"

    def targets(self) -> dict[str, dict[str, str]]:
        """Every target's row of statistics."""
        rows = csv.DictReader(io.StringIO(self.command("show stat").removeprefix("# ")))
        return {row["svname"]: row for row in rows
                if row["pxname"] == "targets" and row["svname"] != "BACKEND"}

    # --- As the API of the original ---

    def register(self, name: str, port: int) -> None:
        """It gets requests from its first good health check on."""
        self._order(f"add server targets/{name} 127.0.0.1:{port} {target_options(self.group)}")
        self._order(f"enable health targets/{name}")
        # HAProxy believes a target that becomes ready to be healthy; without weight it gets nothing.
        self._order(f"set server targets/{name} weight 0")
        self._order(f"set server targets/{name} state ready")
        self._order(f"set server targets/{name} health down")
        self._order(f"set server targets/{name} weight 1")
        self._new.add(name)

    def is_healthy(self, name: str) -> bool:
        row = self.targets()[name]
        # A new target is healthy after one good check; later it takes as many as the threshold.
        if name in self._new and row["check_status"] == "L7OK":
            self._order(f"set server targets/{name} health up")
            self._new.discard(name)
            return True
        return row["status"].startswith("UP")

    def await_healthy(self, name: str, seconds: float) -> None:
        wait_until(lambda: self.is_healthy(name),
                   lambda: f"{name} is healthy: {self.targets()[name]['check_status']}", seconds)

    def let_go(self, name: str) -> None:
        """Deregistration begins: no new requests; those that it has may end."""
        self._order(f"set server targets/{name} state drain")

    def forget(self, name: str) -> None:
        """Deregistration ends, and with it whatever the target still has."""
        self._order(f"set server targets/{name} state maint")
        self.command(f"shutdown sessions server targets/{name}")
        self._new.discard(name)

    def deregister(self, name: str) -> None:
        """Both, with the whole delay between them: an ALB says `draining` for as long."""
        self.let_go(name)
        time.sleep(self.group.deregistration_s)
        self.forget(name)

    def reused(self) -> int:
        """How many requests took a connection that had been used before."""
        return sum(int(row["reuse"]) for row in self.targets().values())

    def in_flight(self, name: str) -> int:
        return int(self.targets()[name]["scur"])

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
