# SPDX-License-Identifier: Apache-2.0
"""The table of the fault suite: faults.json grows with each run, faults.md shows it.

`python -m tests.faults.table DOCUMENT` writes it between the markers of a document.
"""

import json
import os
import pathlib
import platform
import subprocess
import sys
import time

from tests.process.running_server import BIN, ROOT

BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"

# Ids without a test: why.
NOT_HERE = {
    "F57": "not run: needs a GPU",
}


def verdict_of(report):
    """What a phase of a test says about it: a word, or None if nothing yet."""
    reason = getattr(report, "wasxfail", None)
    if report.skipped and reason is not None:
        return f"known: {reason}"
    if report.skipped:
        return f"not run: {report.longrepr[2].removeprefix('Skipped: ')}"
    if report.failed:
        return "FAILED"
    return "passed" if report.when == "call" else None


def merge(folder, rows):
    """Adds the rows of a run to those of earlier ones; a newer row replaces an older one."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "faults.json"
    known = json.loads(file.read_text())["rows"] if file.exists() else []
    stamp = {"date": time.strftime("%Y-%m-%d", time.gmtime()), "commit": commit(),
             "build": build()}
    new = {(row["id"], row["form"]): {**row, **stamp} for row in rows}
    merged = {(row["id"], row["form"]): row for row in known} | new
    ordered = [merged[key] for key in sorted(merged)]
    file.write_text(json.dumps({"machine": machine(), "rows": ordered}, indent=1) + "\n")
    (folder / "faults.md").write_text(markdown(machine(), ordered))


def commit():
    done = subprocess.run(["git", "rev-parse", "--short=10", "HEAD"], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    return done.stdout.strip()


def build():
    text = subprocess.run([BIN / "holdfast", "version", "--json"], capture_output=True, text=True,
                          check=True).stdout
    return json.loads(text)["build_id"]


def machine():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return (f"{os.cpu_count()} CPUs, {memory} GiB, Linux {platform.release().split('-')[0]} "
            f"{platform.machine()}")


def markdown(place, rows):
    """One line a test; what has no test follows with its reason."""
    lines = [f"Machine: {place}.", "",
             "| test | form | injected | offered | ok | refused | failed | verdict | s | run |",
             "|---|---|---|--:|--:|--:|--:|---|--:|---|"]
    for row in rows:
        verdict = row["verdict"] + (f" ({row['notes']})" if row["notes"] else "")
        lines.append(f"| {row['id']} | {row['form']} | {row['injected'] or '–'} | "
                     f"{row['offered']} | {row['ok']} | {row['refused']} | {row['failed']} | "
                     f"{verdict} | {row['seconds']:.0f} | {row['date']} {row['commit']} |")
    tested = {row["id"] for row in rows}
    missing = [f"| {name} | {why} |" for name, why in NOT_HERE.items() if name not in tested]
    if missing:
        lines += ["", "| not here | why |", "|---|---|", *missing]
    return "\n".join(lines) + "\n"


def put_between(document, begin, end, text):
    """Replaces what stands between two marks of a document."""
    before, rest = document.read_text().split(begin)
    after = rest.split(end)[1]
    document.write_text(f"{before}{begin}\n{text}{end}{after}")


def main():
    content = json.loads((ROOT / "build/results/faults.json").read_text())
    put_between(pathlib.Path(sys.argv[1]), BEGIN, END,
                markdown(content["machine"], content["rows"]))


if __name__ == "__main__":
    main()
