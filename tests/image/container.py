# SPDX-License-Identifier: Apache-2.0
"""The image under test: what is in it, and a server in a container made from it."""

import functools
import json
import pathlib
import shutil
import subprocess
import tarfile

from tests.process.running_server import PROMPT, Server, wait_until

RUNTIME = "localhost/holdfast-test:runtime"      # Without OpenVINO.
SAGEMAKER = "localhost/holdfast-test:sagemaker"  # With it.

# podman's defaults ask for more than a machine that is itself confined may give, and its health
# checks want systemd: the tests run the same command by themselves.
PODMAN_RUN = ["podman", "--runtime", "runc", "run", "--rm", "--no-healthcheck",
              "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
# As strict as a container can be run.
STRICT = ["--network", "host", "--read-only", "--read-only-tmpfs=false", "--cap-drop", "all",
          "--security-opt", "no-new-privileges", "--shm-size", "64k", "--memory", "1g"]


def podman(*words, **keywords):
    done = subprocess.run(["podman", *map(str, words)], capture_output=True, text=True, check=False,
                          timeout=120, **keywords)
    assert done.returncode == 0, f"podman {words}: {done.stderr}"
    return done.stdout.strip()


@functools.cache
def why_not_here():
    """Why no container runs on this machine; empty where one does."""
    if not shutil.which("podman"):
        return "podman is not installed: ./dev test image installs it"
    if not podman_exists(RUNTIME):
        return f"there is no image {RUNTIME}: ./dev test image builds it"
    done = subprocess.run([*PODMAN_RUN, RUNTIME, "--version"], capture_output=True, text=True,
                          check=False, timeout=120)
    # 125: podman itself has failed. Another code is the image's, and a matter of the tests.
    return f"podman cannot run here: {done.stderr.strip()}" if done.returncode == 125 else ""


def podman_exists(name):
    return subprocess.run(["podman", "image", "exists", name], check=False).returncode == 0


@functools.cache
def image(name):
    """What podman says of an image."""
    return json.loads(podman("image", "inspect", name))[0]


@functools.cache
def contents(name):
    """{path: (mode, content)} of all files; the content of small ones, else None."""
    container = podman("create", "--network", "none", name, "never-started")
    try:
        with subprocess.Popen(["podman", "export", container], stdout=subprocess.PIPE) as export:
            with tarfile.open(fileobj=export.stdout, mode="r|") as archive:
                return {each.name: (each.mode & 0o7777, archive.extractfile(each).read()
                                    if each.isreg() and each.size < 1_000_000 else None)
                        for each in archive}
    finally:
        podman("rm", container)


class Container(Server):
    """`podman run IMAGE ARGUMENTS`, watched through the log and the processes seen from outside.

    `options` go to podman. With `host_ports`, the server takes free ones of the host's loopback.
    """

    def __init__(self, folder, name, *arguments, options=(), host_ports=True, wait=True):
        self.id_file = folder / "container.id"
        if host_ports:
            arguments = [*arguments, "--bind-address", "127.0.0.1", "--http-port", "0",
                         "--grpc-port", "0", "--admin-port", "0"]
        # podman leaves a file where it was started when the kernel kills for memory.
        self.run([*PODMAN_RUN, "--cidfile", self.id_file, *options, name, *arguments], cwd=folder)
        if wait:
            self.await_ready()

    @property
    def id(self):
        return wait_until(lambda: self.id_file.exists() and self.id_file.read_text(), "an id")

    def _port(self, name):
        return self.await_event("listening")[0][f"{name}_port"]

    @property
    def admin_port(self):
        return self._port("admin")

    @functools.cached_property
    def supervisor(self):
        """The container's PID 1, as the host counts."""
        return wait_until(lambda: int(podman("inspect", "--format", "{{.State.Pid}}", self.id)),
                          "a process")

    def execute(self, *words):
        """The exit code and output of a command in the container."""
        done = subprocess.run(["podman", "exec", self.id, *words], capture_output=True, text=True,
                              check=False, timeout=PROMPT)
        return done.returncode, done.stdout + done.stderr

    def mount(self, place):
        """The options of what is mounted there in the container, and its file system's."""
        lines = pathlib.Path(f"/proc/{self.supervisor}/mountinfo").read_text().splitlines()
        fields = next(line.split() for line in lines if line.split()[4] == place)
        return fields[5].split(",") + fields[-1].split(",")

    def inside_network(self, *words):
        """What a command of the host prints in the container's network."""
        net = f"--net=/proc/{self.supervisor}/ns/net"
        return subprocess.run(["nsenter", net, *words], capture_output=True, check=True,
                              timeout=PROMPT).stdout

    def end(self):
        """`podman stop`: the image's stop signal. Returns the exit code."""
        podman("stop", "--time", "30", self.id)
        return self.wait()

    def __exit__(self, *_):
        if self.process.poll() is None:
            podman("rm", "--force", "--time", "0", self.id)
            self.wait()
