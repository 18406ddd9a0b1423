# SPDX-License-Identifier: Apache-2.0
"""The rehearsal takes its times from the kits, and gives them to the balancer."""

import shutil
import subprocess

import pytest

from tests.rehearsal import kits
from tests.rehearsal.balancer import configuration, target_options


@pytest.fixture
def changed(tmp_path, monkeypatch):
    """A copy of deploy/ in which one text stands for another."""
    def change(place, before, after):
        copy = tmp_path / "deploy"
        shutil.copytree(kits.DEPLOY, copy)
        text = (copy / place).read_text()
        assert before in text, f"{place} has no {before}"
        (copy / place).write_text(text.replace(before, after))
        monkeypatch.setattr(kits, "DEPLOY", copy)
    return change


DELAY = "deregistration_delay.timeout_seconds, Value: "


@pytest.mark.parametrize(("platform", "place", "before", "after", "read", "value"), [
    ("ecs", "ecs/template.yaml", f'{DELAY}"60"', f'{DELAY}"45"',
     lambda kit: kit.group.deregistration_s, 45),
    ("ecs", "ecs/template.yaml", "StopTimeout: 120", "StopTimeout: 90", lambda kit: kit.stop_s, 90),
    ("ecs", "ecs/template.yaml", "GracePeriodSeconds: 120", "GracePeriodSeconds: 77",
     lambda kit: kit.start_s, 77),
    ("ec2", "ec2-autoscaling/template.yaml", "stop --time 115", "stop --time 40",
     lambda kit: kit.stop_s, 40),
    ("ec2", "ec2-autoscaling/template.yaml", "RestartSec=1", "RestartSec=4",
     lambda kit: kit.restart_s, 4),
    ("ec2", "ec2-autoscaling/template.yaml", "UnhealthyThresholdCount: 3",
     "UnhealthyThresholdCount: 5", lambda kit: kit.group.unhealthy, 5),
    ("beanstalk", "elastic-beanstalk/template.yaml", 'DeregistrationDelay, Value: "60"',
     'DeregistrationDelay, Value: "20"', lambda kit: kit.group.deregistration_s, 20),
    ("beanstalk", "elastic-beanstalk/template.yaml", 'IdleTimeout, Value: "60"',
     'IdleTimeout, Value: "50"', lambda kit: kit.group.idle_s, 50),
    ("sagemaker", "sagemaker/template.yaml", "TerminationWaitInSeconds: 120",
     "TerminationWaitInSeconds: 60", lambda kit: kit.group.deregistration_s, 60),
    ("eks", "eks/base/deployment.yaml", "seconds: 10}", "seconds: 20}",
     lambda kit: (kit.pre_stop_s, kit.stop_s), (20, 70)),
    ("eks", "eks/base/deployment.yaml", "minReadySeconds: 10", "minReadySeconds: 30",
     lambda kit: kit.available_s, 30),
    ("eks", "eks/base/ingress.yaml", "deregistration_delay.timeout_seconds=60",
     "deregistration_delay.timeout_seconds=30", lambda kit: kit.group.deregistration_s, 30),
])
def test_a_time_is_the_kits(changed, platform, place, before, after, read, value):
    changed(place, before, after)
    assert read(kits.KITS[platform]()) == value


@pytest.mark.parametrize(("platform", "word"), [
    ("ecs", "ecs"), ("beanstalk", "beanstalk"), ("ec2", "ec2"), ("sagemaker", "sagemaker"),
    ("eks", "kubernetes")])
def test_a_server_gets_the_kits_settings(platform, word):
    kit = kits.KITS[platform]()
    assert kit.environment["HOLDFAST_PLATFORM"] == word
    assert kit.environment["HOLDFAST_BODY_BYTES_MAX"] == "25MiB"
    assert "HOLDFAST_MODEL_REPOSITORY" not in kit.environment


def test_the_short_form_shortens_only_what_is_waited_for():
    kit = kits.ecs()
    short = kits.shortened(kit)
    assert short.group.deregistration_s < kit.group.deregistration_s
    assert (short.stop_s, short.environment) == (kit.stop_s, kit.environment)
    assert (short.group.healthy, short.group.unhealthy) == (kit.group.healthy, kit.group.unhealthy)


def test_the_lifecycle_script_is_the_one_that_instances_get():
    script = kits.ec2().lifecycle_script
    assert script.startswith("#!/bin/bash\n") and "${!" not in script
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


GROUP = kits.TargetGroup(path="/healthz", interval_s=11, timeout_s=7, healthy=3, unhealthy=4,
                         deregistration_s=50, idle_s=44)


def test_the_balancer_asks_once_and_as_the_target_group_says():
    text = configuration(GROUP, "control.sock", 8000)
    for words in ("retries 0", "no option redispatch", "http-reuse always", "balance leastconn",
                  "timeout server 44s", "timeout http-keep-alive 44s", "timeout check 7s",
                  "meth GET uri /healthz ", "expect status 200", "bind 127.0.0.1:8000"):
        assert words in text, words
    assert "check inter 11s fall 4 rise 3" in target_options(GROUP)


@pytest.mark.skipif(not shutil.which("haproxy"), reason="needs haproxy; ./dev rehearse installs it")
def test_haproxy_takes_the_configuration(tmp_path):
    file = tmp_path / "haproxy.cfg"
    file.write_text(configuration(GROUP, str(tmp_path / "control.sock"), 8000))
    done = subprocess.run(["haproxy", "-c", "-f", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
