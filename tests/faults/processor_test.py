# SPDX-License-Identifier: Apache-2.0
"""Processors that cannot do what this one can: emulated, one process at a time."""

import json
import platform
import shutil
import signal
import subprocess

import pytest

from tests.process.running_server import BIN, PHOTOS, TINY

EMULATOR = "qemu-x86_64"
WITHOUT_AVX2 = ("qemu64", "Nehalem", "SandyBridge")  # SSE2 only; SSE4.2; AVX.
PROBABILITY_MAX = 1e-3  # What other orders of summing may change.


@pytest.fixture
def emulator():
    if platform.machine() != "x86_64" or not shutil.which(EMULATOR) or not shutil.which("cc"):
        pytest.skip(f"needs {EMULATOR} and a C compiler")
    return EMULATOR


def emulated(folder, emulator, processor):
    """Executables whose worker runs on that processor. A server cannot: the emulator has a thread
    of its own, and a zygote forks only with one."""
    folder = folder / processor
    folder.mkdir()
    shutil.copy2(BIN / "holdfast", folder / "holdfast")
    script = folder / "holdfast-worker"
    script.write_text(f'#!/bin/sh\nexec {emulator} -cpu {processor} {BIN}/holdfast-worker "$@"\n')
    script.chmod(0o755)
    return folder


def check_has_no_avx2(folder, emulator, processor):
    """Else the test would show nothing."""
    program = folder / "avx2"
    subprocess.run(["cc", "-x", "c", "-o", program, "-"], check=True, text=True,
                   input='int main(void) { __asm__ volatile("vpaddd %ymm0, %ymm0, %ymm0"); }')
    done = subprocess.run([emulator, "-cpu", processor, program], cwd=folder, capture_output=True,
                          check=False)
    assert done.returncode == -signal.SIGILL


def classify(folder, model, photos):
    """{photo: {class: probability}}, the best first."""
    done = subprocess.run([folder / "holdfast", "classify", "--json", "--model", model, *photos],
                          capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line)["predictions"] for line in done.stdout.splitlines()]
    return {photo: {entry["index"]: entry["probability"] for entry in answer}
            for photo, answer in zip(photos, answers, strict=True)}


@pytest.mark.timeout(900)
def test_f25_a_processor_without_avx2_classifies_the_same(
        fault, emulator, demo_model, tmp_path):
    """From the file's bytes to the answer: codecs, preprocessing and engine take a lower path."""
    photos = sorted(PHOTOS.glob("*.jpg"))
    work = {TINY / "tiny/1": photos} | fault.pick({}, {demo_model: photos[:3]})
    apart = 0.0
    for processor in WITHOUT_AVX2:
        folder = emulated(tmp_path, emulator, processor)
        check_has_no_avx2(tmp_path, emulator, processor)
        for model, files in work.items():
            here, there = classify(BIN, model, files), classify(folder, model, files)
            fault.inject(f"photo on a {processor}", len(files))
            for file in files:
                same = next(iter(here[file])) == next(iter(there[file]))
                fault.add({"200" if same else "200-wrong": 1})
                apart = max(apart, *(abs(there[file].get(index, 0.0) - probability)
                                     for index, probability in here[file].items()))
    fault.note(f"largest difference of a probability {apart:.0e}")
    assert apart <= PROBABILITY_MAX
