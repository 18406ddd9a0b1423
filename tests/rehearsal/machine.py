# SPDX-License-Identifier: Apache-2.0
"""An EC2 instance around a server: the kit's lifecycle script runs, what it calls is ours."""

import os
import subprocess

from tests.process.running_server import kill
from tests.rehearsal.imds import Imds

# `systemctl stop holdfast` runs the unit's ExecStop and returns when it has: docker stop sends SIGTERM,
# waits, and sends SIGKILL. The supervisor's pid may change, when systemd has started the unit again.
SYSTEMCTL = """\
#!/bin/bash
echo "systemctl $*" >>"$CALLS"
pid="$(cat "$PID_FILE")"
kill -TERM "$pid"
timeout "$STOP_S" tail --pid="$pid" -f /dev/null || kill -KILL "$pid"
"""
AWS = """\
#!/bin/bash
echo "aws $*" >>"$CALLS"
"""
SERVER_ADDRESS = "http://127.0.0.1:8080"


class Machine:
    POLL_S = 5  # How often the script looks at the state.

    def __init__(self, instance, kit):
        self.imds = Imds(f"i-{instance.name}")
        self._pid_file = instance.folder / "pid"
        self._calls = instance.folder / "calls"
        self._calls.touch()
        self.instance = instance
        programs = instance.folder / "programs"
        programs.mkdir()
        for name, text in (("systemctl", SYSTEMCTL), ("aws", AWS)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        script = instance.folder / "holdfast-lifecycle"
        assert SERVER_ADDRESS in kit.lifecycle_script, "the script asks another address"
        script.write_text(kit.lifecycle_script.replace(
            SERVER_ADDRESS, f"http://127.0.0.1:{instance.port}"))
        with open(instance.folder / "lifecycle.log", "wb") as log:
            self._process = subprocess.Popen(
                ["bash", script], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
                env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "IMDS": self.imds.url,
                     "REGION": "eu-central-1", "GROUP": "rehearsal", "CALLS": str(self._calls),
                     "PID_FILE": str(self._pid_file), "STOP_S": str(kit.stop_s)})

    @property
    def instance(self):
        return self._instance

    @instance.setter
    def instance(self, instance):
        """The server that runs on the machine now."""
        self._instance = instance
        self._pid_file.write_text(str(instance.supervisor))

    def called(self, *words):
        """A condition: the script has called AWS with all of these words."""
        return lambda: any(line.startswith("aws autoscaling ") and set(words) <= set(line.split())
                           for line in self._calls.read_text().splitlines())

    def completed(self, hook):
        """A condition: Auto Scaling has been told by this hook that it may go on."""
        return self.called("complete-lifecycle-action", hook, "CONTINUE", self.imds.instance_id)

    def asked_for_its_end(self):
        """A condition: Auto Scaling was asked to end the instance, and to start another one."""
        return self.called("terminate-instance-in-auto-scaling-group", self.imds.instance_id,
                           "--no-should-decrement-desired-capacity")

    def close(self):
        if self._process.poll() is None:
            kill(self._process.pid)
            os.killpg(self._process.pid, 9)
        self._process.wait()
        self.imds.close()
