# SPDX-License-Identifier: Apache-2.0
"""Measures the server against the same work without a server. ./dev bench runs it."""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import measure, report  # noqa: E402  The root has to be found first.
from tests.process.running_server import BIN, MODELS, PHOTOS, oracle  # noqa: E402

TITLES = {"resnet50": "ResNet50 fp32", "efficientnet-lite0": "EfficientNet-Lite0 fp32"}
LOADS = sorted(report.FLOOR)
WARM_UP_SECONDS = 2
IDLE_SECONDS = 10


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (3)")
    parser.add_argument("--seconds", type=float, default=10,
                        help="of each throughput run; latencies take twice that (10)")
    parser.add_argument("--kills", type=int, default=10, help="of each of two kinds (10)")
    parser.add_argument("--starts", type=int, default=5, help="of the server (5)")
    parser.add_argument("--model", choices=[*TITLES, "both"], default="both")
    parser.add_argument("--photos", type=pathlib.Path, default=PHOTOS,
                        help="folder of JPEG photos (tests/data/photos)")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs/performance.md",
                        help="document with the two markers (docs/performance.md)")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "build/results/bench.json",
                        help="every number measured (build/results/bench.json)")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.kills < 1 or options.starts < 1 or options.seconds <= 0:
        parser.error("--rounds, --seconds, --kills and --starts must be above 0")
    return options


def say(text):
    print(text, file=sys.stderr, flush=True)


def model_folder(name):
    """The packed model; ResNet50 gets random weights when it is not there yet."""
    folder = MODELS / name / "1"
    if not folder.is_dir():
        say(f"{name}: packing it first")
        source = ["--random"] if name == "resnet50" else []
        subprocess.run([ROOT / "dev", "model", name, *source], check=True, stdout=sys.stderr)
    return folder


def measure_round(server, model, seconds, seed):
    """One round: without a server, with it, and with it below its capacity."""
    in_process = measure.in_process(model, seconds)
    served = measure.served(server, model, seconds)
    latency = {str(load): measure.latencies(server, model, load * served["rate"], 2 * seconds, seed)
               for load in LOADS}
    kept = report.ratios(in_process, served)
    say(f"  in-process {in_process['rate']:.2f}/s, served {served['rate']:.2f}/s, ratio "
        f"{kept['measured']:.3f}, by CPU {kept['by_cpu']:.3f}")
    return {"in_process": in_process, "served": served, "latency": latency}


def measure_model(model, options, scratch):
    say(f"{model.title}: {options.rounds} rounds of {options.seconds:g} s")
    result = {"title": model.title}
    with model.server(scratch) as server:
        measure.in_process(model, WARM_UP_SECONDS)
        measure.served(server, model, WARM_UP_SECONDS)
        result["rounds"] = [measure_round(server, model, options.seconds, seed)
                            for seed in range(1, options.rounds + 1)]
        result["memory"] = measure.memory(server)
        result["idle_cores"] = measure.idle_cores(server, IDLE_SECONDS)
        server.check_quiet()
        result["engine"] = server.events("model-loaded")[0]["engine"]
        server.stop()
    say("  kills and starts")
    result["recovery"] = measure.recovery(model, scratch, options.kills)
    result["start_ms"] = [measure.start_up(model, scratch) for _ in range(options.starts)]
    return result


def output_of(*command):
    return subprocess.run([str(word) for word in command], cwd=ROOT, check=True,
                          capture_output=True, text=True).stdout.strip()


def setting_of(options, results, load_before, photos):
    """What the reader has to know to judge the numbers."""
    cpu = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(),
                    re.MULTILINE)
    versions = [" ".join(line.split())  # Product, build (its commit in front), compiler.
                for line in output_of(BIN / "holdfast", "version").splitlines()]
    now = datetime.datetime.now(datetime.timezone.utc)
    return {
        "Date": f"{now:%Y-%m-%d %H:%M} UTC",
        "Command": f"`./dev bench --rounds {options.rounds} --seconds {options.seconds:g} "
                   f"--model {options.model}`",
        "Machine": f"{cpu[1] if cpu else platform.machine()}, "
                   f"{len(os.sched_getaffinity(0))} cores, Linux {platform.release()}",
        "Versions": ", ".join([*versions[:3], results[0]["engine"]]),
        "Load average before and after": f"{load_before:.1f}, {os.getloadavg()[0]:.1f}",
        "Runs": f"{options.rounds} rounds of {options.seconds:g} s, {len(photos)} photos, "
                f"{measure.WORKERS} workers, {measure.CONNECTIONS} connections; "
                f"{options.kills} kills of each kind, {options.starts} starts",
        "Cells": "median (least–greatest) of the rounds, kills or starts; "
                 "S is a worker's CPU time for an image",
    }


def main(arguments):
    options = parse(arguments)
    try:  # A wrong document is found before the work.
        report.replace_between_markers(options.out.read_text(), "")
    except (OSError, report.MarkerError) as error:
        sys.exit(f"--out {options.out}: {error}")
    files = sorted(options.photos.glob("*.jpg")) + sorted(options.photos.glob("*.JPEG"))
    if not files:
        sys.exit(f"no *.jpg and no *.JPEG in {options.photos}")
    load_before = os.getloadavg()[0]
    names = list(TITLES) if options.model == "both" else [options.model]
    with tempfile.TemporaryDirectory() as scratch:
        results = []
        for name in names:
            folder = model_folder(name)
            model = measure.Model(TITLES[name], folder, scratch, oracle(folder, files))
            results.append(measure_model(model, options, scratch))
    setting = setting_of(options, results, load_before, files)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"setting": setting, "results": results}, indent=1) + "\n")
    block = report.render(setting, results)
    print(block)
    options.out.write_text(report.replace_between_markers(options.out.read_text(), block))


if __name__ == "__main__":
    main(sys.argv[1:])
