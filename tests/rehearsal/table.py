# SPDX-License-Identifier: Apache-2.0
"""The tables of the rehearsal, one a platform: rehearsal.json grows with each run."""

import fcntl
import json
import pathlib
import time

from tests.faults.table import commit, machine, put_between
from tests.process.running_server import ROOT
from tests.rehearsal.kits import KITS
from tests.rehearsal.load import Account

BEGIN, END = "<!-- rehearsal: begin -->", "<!-- rehearsal: end -->"
DOCUMENT = ROOT / "docs/reliability.md"
RESULTS = ROOT / "build/results/rehearsal.json"

HEAD = ("| scenario | requests | answered | refused | lost | longest gap | p99 | took | run | remarks |\n"
        "|---|--:|--:|--:|--:|--:|--:|--:|---|---|")


def row_of(platform: str, scenario: str, form: str, account: Account, seconds: float,
           verdict: str, notes: list[str]) -> dict:
    remarks = [*notes, account.words()] if account.words() else notes
    return {"platform": platform, "scenario": scenario, "form": form, "verdict": verdict,
            "requests": len(account.requests), "answered": account.answered,
            "refused": account.refused, "lost": len(account.lost),
            "gap_s": round(account.longest_gap_s, 2), "p99_ms": round(account.p99_ms),
            "seconds": round(seconds), "notes": "; ".join(remarks),
            "date": time.strftime("%Y-%m-%d", time.gmtime()), "commit": commit()}


def line_of(row: dict) -> str:
    remarks = "; ".join(filter(None, [row["verdict"], row["notes"]]))
    return (f"| {row['scenario']} | {row['requests']} | {row['answered']} | {row['refused']} | "
            f"{row['lost']} | {row['gap_s']:.2f} s | {row['p99_ms']} ms | {row['seconds']} s | "
            f"{row['date']} {row['commit']} | {remarks} |")


def markdown(rows: list[dict]) -> str:
    """A table a platform, in the order in which they came."""
    parts = []
    for platform in dict.fromkeys(row["platform"] for row in rows):
        lines = [line_of(row) for row in rows if row["platform"] == platform]
        parts.append("\n".join([f"### {platform}", "", HEAD, *lines]) + "\n")
    return "\n".join(parts)


def merge(rows: list[dict], file: pathlib.Path = RESULTS) -> list[dict]:
    """Adds the rows of a run to those of earlier ones; a newer row replaces an older one."""
    def key(row):
        return row["platform"], row["scenario"], row["form"]
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "a+", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # Several platforms may be rehearsed at a time.
        stream.seek(0)
        known = json.loads(stream.read() or '{"rows": []}')["rows"]
        newer = {key(row): row for row in rows}
        merged = sorted(({key(row): row for row in known} | newer).values(), key=order)
        stream.truncate(0)
        stream.write(json.dumps({"machine": machine(), "rows": merged}, indent=1) + "\n")
    return merged


def order(row: dict) -> int:
    """As a run without arguments has them."""
    return list(KITS).index(row["platform"])


def write(document: pathlib.Path = DOCUMENT, file: pathlib.Path = RESULTS) -> None:
    """Shows the rows with real timings in the document."""
    content = json.loads(file.read_text())
    real = [row for row in content["rows"] if row["form"] == "real"]
    put_between(document, BEGIN, END, f"Machine: {content['machine']}.\n\n{markdown(real)}")


if __name__ == "__main__":
    write()
