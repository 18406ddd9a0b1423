# SPDX-License-Identifier: Apache-2.0
"""What is acted out: one function a scenario, each with a fleet that serves under load."""

import dataclasses
import threading
import time
from collections.abc import Callable

from tests.process.running_server import wait_until
from tests.rehearsal.fleet import DidNotStart, together
from tests.rehearsal.versions import NEW, OLD

SETTLE_S = 3  # Of plain load before and after what happens.
BREAKER_FAILURES = 3  # Tasks that must fail until the circuit breaker of ECS opens; its minimum.
SLOW_START_S = 30


@dataclasses.dataclass
class Stage:
    """What a scenario works with."""
    fleet: object
    releases: object
    load: object
    notes: list[str] = dataclasses.field(default_factory=list)
    killed_s: float = 0  # When an instance was killed or lost, on the load's clock.
    given_until_s: float = 0  # Until then it could be given requests.
    noticed_s: float = 0  # From then on the balancer asked others, or it was back.
    held: int = 0  # What it held when it was killed.
    reused: int = 0  # Requests that took a connection which had been used before.
    fleet_size: int = 2
    slow_start_s: int = SLOW_START_S

    def note(self, text):
        self.notes.append(text)


# --- Deploys ---

def rolling_at_once(stage):
    """ECS with 100 and 200 percent: all new tasks beside the old ones, then the old ones go."""
    old = list(stage.fleet.instances)
    together(lambda _: stage.fleet.launch(stage.releases.new), old)
    together(stage.fleet.retire, old)
    check_serves(stage, NEW)


def rolling_in_turn(stage):
    """One more first, then one less, until all are replaced."""
    for old in list(stage.fleet.instances):
        stage.fleet.launch(stage.releases.new)
        stage.fleet.retire(old)
    check_serves(stage, NEW)


def immutable(stage):
    """One new instance must be healthy before the others are started; then the old group goes."""
    old = list(stage.fleet.instances)
    stage.fleet.launch(stage.releases.new)
    together(lambda _: stage.fleet.launch(stage.releases.new), old[1:])
    together(stage.fleet.retire, old)
    check_serves(stage, NEW)


def blue_green(stage):
    """The green fleet is complete before it gets a request; then it gets them all."""
    fleet = stage.fleet
    blue = list(fleet.instances)
    green = together(lambda _: fleet.prepare(stage.releases.new), blue)
    together(fleet.admit, green)
    together(fleet.retire, blue)
    check_serves(stage, NEW)


def broken_version(stage):
    """The new version does not know its golden example: it must not get a request."""
    before = set(stage.fleet.instances)
    failures = BREAKER_FAILURES if stage.fleet.kit.platform == "ecs" else 1
    for _ in range(failures):
        try:
            stage.fleet.launch(stage.releases.broken)
        except DidNotStart as error:
            stage.fleet.say(f"given up: {error}")
        else:
            raise AssertionError("a broken version became healthy")
    assert set(stage.fleet.instances) == before, "an old instance was taken away"
    check_serves(stage, OLD)
    stage.note(f"rolled back after {failures} {'starts' if failures > 1 else 'start'}")


def slow_version(stage):
    """The new version takes long until it listens; the old one serves as long."""
    old = list(stage.fleet.instances)
    begun = time.monotonic()
    together(lambda _: stage.fleet.launch(stage.releases.new, stage.slow_start_s), old)
    assert time.monotonic() - begun >= stage.slow_start_s, "the start was not slow"
    stage.note(f"healthy after {time.monotonic() - begun:.0f} s")
    together(stage.fleet.retire, old)
    check_serves(stage, NEW)


# --- Capacity ---

def scale(stage):
    """From one to five, and back to one."""
    together(lambda _: stage.fleet.launch(stage.releases.old), range(4))
    time.sleep(SETTLE_S)
    together(stage.fleet.retire, list(stage.fleet.instances)[1:])
    check_serves(stage, OLD)


def spot(stage):
    """An instance is taken back in two minutes; a new one is started at once."""
    taken = stage.fleet.instances[0]
    replacement = threading.Thread(target=stage.fleet.launch, args=[stage.releases.old])
    replacement.start()
    stage.fleet.interrupt(taken)
    replacement.join()
    assert len(stage.fleet.instances) == stage.fleet_size, "no replacement"
    check_serves(stage, OLD)


def server_kill(stage):
    """All processes of a server are gone from one moment to the next, while it holds requests."""
    victim = busy_instance(stage)
    victim.crash()
    stage.given_until_s = stage.load.now_s
    stage.fleet.mourn(victim)
    recover(stage)


def machine_loss(stage):
    """A machine says nothing any more. It is given requests until the health checks have failed."""
    victim = busy_instance(stage)
    victim.freeze()
    stage.fleet.miss(victim)
    stage.given_until_s = stage.load.now_s
    victim.crash()
    recover(stage)


def busy_instance(stage):
    """One that holds requests at this moment."""
    balancer = stage.fleet.balancer
    victim = stage.fleet.instances[0]
    stage.held = wait_until(lambda: balancer.in_flight(victim.name), "a request in flight")
    stage.killed_s = stage.load.now_s
    stage.fleet.say(f"{victim.name} goes with {stage.held} in flight")
    return victim


def recover(stage):
    stage.noticed_s = stage.load.now_s
    if len(stage.fleet.instances) < stage.fleet_size:
        stage.fleet.launch(stage.releases.old)
    check_serves(stage, OLD)


# --- What holds after each ---

def check_serves(stage, version):
    """Every instance that is left says this version, and so does every answer from now on."""
    image = stage.releases.photos[0][0].read_bytes()
    for instance in stage.fleet.instances:
        status, _, answer = instance.classify(image)
        assert (status, answer["version"]) == (200, version), (instance.name, status, answer)


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    act: Callable[[Stage], None]
    fleet_size: int = 2
    planned: bool = True  # No request may be lost.
    short: bool = False  # Part of the short set.


DEPLOYS = {
    "ecs": Scenario("rolling", rolling_at_once, short=True),
    "beanstalk": Scenario("immutable", immutable, short=True),
    "ec2": Scenario("rolling", rolling_in_turn, short=True),
    "sagemaker": Scenario("blue/green", blue_green, short=True),
    "eks": Scenario("rolling", rolling_in_turn),
}


def scenarios_of(platform: str) -> list[Scenario]:
    """Those that the platform's kit knows."""
    listed = [DEPLOYS[platform], Scenario("scale 1-5-1", scale, fleet_size=1)]
    if platform in ("ecs", "ec2"):
        listed.append(Scenario("spot", spot, short=True))
    if platform in ("ecs", "ec2", "eks"):
        listed.append(Scenario("server kill", server_kill, planned=False, short=platform == "ec2"))
    if platform in ("beanstalk", "ec2", "sagemaker"):
        listed.append(Scenario("machine loss", machine_loss, planned=False,
                               short=platform == "beanstalk"))
    listed += [
        Scenario("broken version", broken_version, short=platform == "ecs"),
        Scenario("slow start", slow_version),
    ]
    return listed
