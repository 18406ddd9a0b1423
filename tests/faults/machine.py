# SPDX-License-Identifier: Apache-2.0
"""Parts of the machine that a test takes for itself: cgroups, a network, a file system.

What the kernel or our rights do not allow skips the test, with the reason.
"""

import contextlib
import ctypes
import os
import pathlib
import subprocess
import uuid

import pytest

from tests.process.running_server import kill, wait_until

CGROUPS = pathlib.Path("/sys/fs/cgroup")
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


class Cgroup:
    """A cgroup (version 1) of one controller: keys are files."""

    def __init__(self, folder):
        self.folder = folder

    def __setitem__(self, key, value):
        (self.folder / key).write_text(str(value))

    def __getitem__(self, key):
        return (self.folder / key).read_text()

    def number(self, key, field=None):
        """A file's number, or that of one of its fields."""
        if field is None:
            return int(self[key])
        return int(next(line.split()[1] for line in self[key].splitlines()
                        if line.split()[0] == field))

    @property
    def wrapper(self):
        """A command that runs another one inside."""
        return ["sh", "-c", f'echo $$ > {self.folder}/cgroup.procs && exec "$@"', "sh"]


@contextlib.contextmanager
def cgroup(controller, **limits):
    """A fresh cgroup below the test's own; whatever is left in it ends with it."""
    folder = CGROUPS / controller / f"holdfast-faults-{uuid.uuid4().hex[:12]}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup of {controller} can be made: {error.strerror}")
    group = Cgroup(folder)
    try:
        for key, value in limits.items():
            group[key.replace("__", ".")] = value
        yield group
    finally:
        def empty():
            pids = [int(pid) for pid in group["cgroup.procs"].split()]
            for pid in pids:
                kill(pid)
            return not pids
        if controller == "freezer":
            group["freezer.state"] = "THAWED"
        wait_until(empty, "the cgroup is empty")
        folder.rmdir()


def inside(*groups):
    """The command that runs another one in all of these."""
    return [word for group in groups for word in group.wrapper]


@contextlib.contextmanager
def own_network():
    """This thread, and the processes that it starts, in a network with nothing but a loopback.

    It goes away with its last process: there is nothing to clean up.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(CLONE_NEWNET) != 0:
            pytest.skip(f"no network of our own: {os.strerror(ctypes.get_errno())}")
        try:
            system("ip", "link", "set", "lo", "up")
            yield
        finally:
            assert libc.setns(home, CLONE_NEWNET) == 0
    finally:
        os.close(home)


class Loss:
    """Drops a share of all packets of the loopback, by a classic BPF filter: netem is not needed.

    Only for use in own_network().
    """

    def __init__(self, share):
        self.share = share

    def __enter__(self):
        system("tc", "qdisc", "add", "dev", "lo", "clsact")
        # A random number below share * 2^32: drop (2), else as if there were no filter (-1).
        bound = min(int(self.share * 2**32), 2**32 - 1)
        system("tc", "filter", "add", "dev", "lo", "egress", "protocol", "all", "bpf", "da",
               "bytecode", f"4,32 0 0 4294963256,37 1 0 {bound},6 0 0 2,6 0 0 4294967295")
        return self

    def __exit__(self, *_):
        system("tc", "qdisc", "del", "dev", "lo", "clsact")


def system(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def in_own_mounts(*commands):
    """A command that runs another one where these shell commands have changed the mounts."""
    script = " && ".join([*commands, 'exec "$@"'])
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


AS_FIRST_PROCESS = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


def needs_root():
    if os.geteuid() != 0:
        pytest.skip("needs root")
