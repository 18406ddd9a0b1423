# SPDX-License-Identifier: Apache-2.0
"""Instances behind a balancer, and how each platform adds one and takes one away."""

import concurrent.futures
import itertools
import json
import shutil
import threading
import time

from tests.process.running_server import wait_until
from tests.rehearsal.imds import SPOT_NOTICE_S
from tests.rehearsal.instance import Instance
from tests.rehearsal.machine import Machine

# Not documented: how long after a decision a load balancer's nodes hear of it, and how long after a
# container's death its platform does.
PROPAGATION_S = 3


class DidNotStart(Exception):
    """An instance ended, or was not healthy in time; the platform gives it up."""


def together(act, each_of):
    """act(x) for all of them at once; the first exception is raised when all have ended."""
    each_of = list(each_of)
    with concurrent.futures.ThreadPoolExecutor(max(1, len(each_of))) as pool:
        return list(pool.map(act, each_of))


class Fleet:
    """What all platforms with a load balancer do. Members of `instances` are meant to serve."""

    def __init__(self, kit, balancer, folder, say):
        self.kit = kit
        self.balancer = balancer
        self.folder = folder
        self.say = say
        self.instances = []
        self.started = []  # All there ever were.
        self.exits = {}  # Of those that were ended by the platform: name, exit code.
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    # --- One comes ---

    def start(self, release, delay_s=0) -> Instance:
        name = f"{self.kit.platform}-{next(self._numbers)}"
        instance = Instance(name, self.folder / name, self.kit, release, delay_s=delay_s)
        self.started.append(instance)
        self.say(f"{name} starts")
        return instance

    def _await(self, instance, condition, what):
        def reached():
            if not instance.alive:
                instance.wait()
                raise DidNotStart(f"{instance.name} ended with {instance.process.returncode}: "
                                  f"{last_words(instance)}")
            return condition()
        try:
            return wait_until(reached, what, self.kit.start_s)
        except AssertionError as error:
            raise DidNotStart(str(error)) from error

    def _await_address(self, instance):
        self._await(instance, instance.port_file.exists, "an address")
        self._await(instance, lambda: instance.port, "a port")

    def admit(self, instance):
        """The balancer hears of it as soon as its address is known; healthy is what its checks say."""
        self._await_address(instance)
        self.balancer.register(instance.name, instance.port)
        self._await(instance, lambda: self.balancer.is_healthy(instance.name), "healthy")
        self.say(f"{instance.name} is healthy")
        with self._lock:
            self.instances.append(instance)

    def launch(self, release, delay_s=0) -> Instance:
        instance = self.start(release, delay_s)
        try:
            self.admit(instance)
        except DidNotStart:
            self._discard(instance)
            raise
        return instance

    def _discard(self, instance):
        if instance.name in self.balancer.targets():
            self.balancer.forget(instance.name)
        if instance.alive:
            instance.end()

    # --- One goes ---

    def retire(self, instance):
        """Out of the load balancer first, for the whole delay; then SIGTERM."""
        self._leaves(instance)
        self.say(f"{instance.name} is deregistered")
        self.balancer.deregister(instance.name)
        self._end(instance)

    def _leaves(self, instance):
        with self._lock:
            self.instances.remove(instance)

    def _spread_the_news(self, instance):
        """Deregisters it a moment later, beside what else happens to it."""
        def deregister():
            time.sleep(PROPAGATION_S)
            self.balancer.let_go(instance.name)
            self.say(f"{instance.name} is deregistered")
        thread = threading.Thread(target=deregister)
        thread.start()
        return thread

    def _end(self, instance):
        self.say(f"{instance.name} gets SIGTERM")
        begun = time.monotonic()
        self.exits[instance.name] = instance.end()
        self.say(f"{instance.name} ended after {time.monotonic() - begun:.1f} s "
                 f"with {self.exits[instance.name]}")

    # --- One dies ---

    def miss(self, instance):
        """Its machine is lost: the balancer's checks must find out."""
        self._leaves(instance)
        wait_until(lambda: not self.balancer.is_healthy(instance.name), "the loss is noticed", 120)
        self.say(f"{instance.name} is unhealthy")
        self.balancer.forget(instance.name)

    def _is_back(self, instance):
        instance.await_ready()
        with self._lock:
            self.instances.append(instance)

    def close(self):
        for instance in self.started:
            if instance.alive:
                instance.crash()

    def keep_logs(self, folder):
        """What the servers said, for who wants to know why a scenario failed."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for number, instance in enumerate(self.started, 1):
            (folder / f"{number}-{instance.name}.log").write_text("\n".join(instance.log_lines))


class Ecs(Fleet):
    """Tasks: their service deregisters a task, waits, and then stops it."""

    def interrupt(self, instance):
        """Fargate Spot: SIGTERM at once; that the service deregisters the task arrives later."""
        self._leaves(instance)
        news = self._spread_the_news(instance)
        self._end(instance)
        news.join()
        self.balancer.forget(instance.name)

    def mourn(self, instance):
        """The server's container has ended, and the agent tells so."""
        self._leaves(instance)
        time.sleep(PROPAGATION_S)
        self.say(f"the service deregisters {instance.name}")
        self.balancer.forget(instance.name)


class Beanstalk(Fleet):
    """Instances of an Auto Scaling group; docker stop ends the container with the machine."""


class Ec2(Fleet):
    """Instances with the kit's own lifecycle script, against hooks and metadata of ours."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._machines = {}

    def admit(self, instance):
        self._await_address(instance)
        machine = Machine(instance, self.kit)
        self._machines[instance.name] = machine
        self._await(instance, machine.completed("ready"), "the hook `ready` is completed")
        super().admit(instance)

    def _end(self, instance):
        """Auto Scaling waits for the hook; the script sees the state and stops the unit."""
        machine = self._machines[instance.name]
        machine.imds.state = "Terminated"
        self.say(f"{instance.name} is Terminating:Wait")
        self.exits[instance.name] = instance.wait(self.kit.stop_s + machine.POLL_S * 2)
        wait_until(machine.completed("drained"), "the hook `drained` is completed")
        self.say(f"{instance.name} drained and ended with {self.exits[instance.name]}")
        machine.close()

    def interrupt(self, instance):
        """Spot's notice is on the machine alone; its script must do what is needed in two minutes."""
        machine = self._machines[instance.name]
        begun = time.monotonic()
        machine.imds.give_notice()
        self.say(f"{instance.name} has the notice")
        wait_until(machine.asked_for_its_end(), "Auto Scaling is asked", SPOT_NOTICE_S)
        self.retire(instance)
        assert time.monotonic() - begun < SPOT_NOTICE_S, "the machine was gone before the server"

    def _discard(self, instance):
        super()._discard(instance)
        if machine := self._machines.get(instance.name):
            machine.close()

    def mourn(self, instance):
        """systemd starts it again on its machine: the same address."""
        self._leaves(instance)
        port = instance.port
        time.sleep(self.kit.restart_s)
        again = Instance(instance.name, instance.folder, self.kit, instance.repository, port=port)
        self.started.append(again)
        self.say(f"systemd starts {instance.name} again")
        self._machines[instance.name].instance = again
        self._is_back(again)

    def close(self):
        super().close()
        for machine in self._machines.values():
            machine.close()


class SageMaker(Fleet):
    """An instance gets requests when its pings are good, and none before it is stopped."""

    def prepare(self, release):
        """One of the new fleet: it answers pings, and nobody else knows of it."""
        instance = self.start(release)
        self._await_address(instance)
        self._await(instance, lambda: ping(instance) == 200, "the ping says 200")
        return instance


class Eks(Fleet):
    """Pods: the end of a pod and the news of it go their own ways."""

    def admit(self, instance):
        """The deployment counts a pod as available minReadySeconds after its readiness, whatever the
        load balancer's own checks say by then."""
        self._await_address(instance)
        self._await(instance, lambda: self._is_ready(instance), "ready")
        time.sleep(PROPAGATION_S)
        self.balancer.register(instance.name, instance.port)
        watcher = threading.Thread(target=self.balancer.await_healthy, daemon=True,
                                   args=[instance.name, self.kit.start_s])
        watcher.start()
        time.sleep(self.kit.available_s - PROPAGATION_S)
        with self._lock:
            self.instances.append(instance)
        self.say(f"{instance.name} is available")

    @staticmethod
    def _is_ready(instance):
        try:
            return instance.get("/readyz")[0] == 200
        except OSError:
            return False

    def retire(self, instance):
        self._leaves(instance)
        news = self._spread_the_news(instance)
        self.say(f"{instance.name}: preStop")
        time.sleep(self.kit.pre_stop_s)
        self._end(instance)
        news.join()
        self.balancer.forget(instance.name)

    def mourn(self, instance):
        """The kubelet starts the container again in its pod: the same address."""
        self._leaves(instance)
        again = Instance(instance.name, instance.folder, self.kit, instance.repository,
                         port=instance.port)
        self.started.append(again)
        self.say(f"the kubelet starts {instance.name} again")
        self._is_back(again)


FLEETS = {"ecs": Ecs, "beanstalk": Beanstalk, "ec2": Ec2, "sagemaker": SageMaker, "eks": Eks}


def ping(instance):
    try:
        return instance.get(instance.kit.group.path)[0]
    except OSError:
        return 0


def last_words(instance):
    for line in reversed(instance.log_lines):
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("level") == "error":
            return event.get("why") or event.get("last_words") or event["event"]
    return "no error in its log"
