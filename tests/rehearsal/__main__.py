# SPDX-License-Identifier: Apache-2.0
"""Acts out deploys on this machine: servers behind HAProxy, each platform's signals and times.

Exit code 1: a request was lost that no kill had to lose, or a scenario went otherwise than it must.
"""

import argparse
import os
import pathlib
import sys
import tempfile
import time
import traceback
from typing import NoReturn

from tests.rehearsal import kits, table
from tests.rehearsal.balancer import Balancer
from tests.rehearsal.fleet import FLEETS, together
from tests.rehearsal.load import Account, SteadyLoad
from tests.rehearsal.scenarios import SETTLE_S, Scenario, Stage, scenarios_of
from tests.rehearsal.versions import Releases

RATE = 12.0  # Requests a second: two busy cores and five instances have room for it.
SHORT_SLOW_START_S = 8
CLOCKS_S = 0.2  # Between the load's clock and ours.


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(64, f"{self.prog}: {message}\n")


def arguments_of(words: list[str]) -> argparse.Namespace:
    names = sorted({scenario.name for platform in kits.KITS for scenario in scenarios_of(platform)})
    parser = Parser(prog="./dev rehearse", description=__doc__,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--platform", choices=kits.KITS, help="only this one")
    parser.add_argument("--scenario", choices=names, help="only this one")
    parser.add_argument("--short", action="store_true",
                        help="a few scenarios, with a short deregistration delay")
    parser.add_argument("--rate", type=float, default=RATE, metavar="N",
                        help=f"requests a second (default: {RATE:.0f})")
    parser.add_argument("--write", action="store_true",
                        help=f"then show all runs so far in {table.DOCUMENT.name}")
    options = parser.parse_args(words)
    if not wanted(options):
        parser.error(f"{options.platform} has no scenario '{options.scenario or 'of the short set'}'")
    return options


def wanted(options: argparse.Namespace) -> list[tuple[str, Scenario]]:
    chosen = [(platform, scenario) for platform in kits.KITS for scenario in scenarios_of(platform)
              if options.platform in (None, platform) and options.scenario in (None, scenario.name)]
    # Who names a scenario gets it, whether it belongs to the short set or not.
    return [(platform, scenario) for platform, scenario in chosen
            if scenario.short or not options.short or options.scenario]


def verdict_of(scenario: Scenario, stage: Stage, account: Account, problem: str) -> str:
    if problem:
        return f"FAILED: {problem}"
    bad = [code for code in stage.fleet.exits.values() if code != 0]
    if bad:
        return f"FAILED: exit codes {bad}"
    if not account.answered:
        return "FAILED: nothing was answered"
    if not stage.reused:
        return "FAILED: the balancer kept no connection"
    if scenario.planned:
        return "FAILED: requests were lost" if account.lost else "passed"
    return verdict_of_kill(stage, account)


def verdict_of_kill(stage: Stage, account: Account) -> str:
    """What the instance held may be lost, and what was for it until its death was noticed."""
    given = [each for each in account.lost if each.kind in ("broken", "without an answer")]
    later = [each for each in account.lost if each.kind == "not taken"]
    if len(given) + len(later) < len(account.lost):
        return "FAILED: requests were lost in another way"
    if any(each.due_s > stage.given_until_s + CLOCKS_S for each in given):
        return "FAILED: a request was lost that the instance did not hold"
    if any(each.end_s < stage.killed_s - CLOCKS_S or each.due_s > stage.noticed_s + CLOCKS_S
           for each in later):
        return "FAILED: a request was not taken although the death was known"
    stage.note(f"it held {stage.held} and was noticed after "
               f"{stage.noticed_s - stage.killed_s:.0f} s")
    # A dead server refuses at once, so that it always has the least outstanding requests.
    return "known limit" if later else "passed"


def rehearse(platform: str, scenario: Scenario, options: argparse.Namespace, releases: Releases,
             folder: pathlib.Path) -> dict:
    kit = kits.KITS[platform]()
    if options.short:
        kit = kits.shortened(kit)
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"    {time.monotonic() - begun:6.1f} s  {text}", flush=True)
    print(f"{platform}: {scenario.name}", flush=True)
    balancer = Balancer(folder, kit.group)
    fleet = FLEETS[platform](kit, balancer, folder, say)
    problem = ""
    try:
        first = together(lambda _: fleet.launch(releases.old), range(scenario.fleet_size))
        for instance in first:
            balancer.await_healthy(instance.name, kit.start_s)
        load = SteadyLoad(balancer, releases.photos, options.rate, folder)
        stage = Stage(fleet, releases, load, fleet_size=scenario.fleet_size)
        if options.short:
            stage.slow_start_s = SHORT_SLOW_START_S
        try:
            time.sleep(SETTLE_S)
            scenario.act(stage)
            time.sleep(SETTLE_S)
        except Exception as error:  # Whatever went wrong belongs into the table.
            traceback.print_exc()
            problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        account = load.finish()
        stage.reused = balancer.reused()
    finally:
        fleet.close()
        balancer.close()
    verdict = verdict_of(scenario, stage, account, problem)
    row = table.row_of(platform, scenario.name, "short" if options.short else "real", account,
                       time.monotonic() - begun, verdict, stage.notes)
    print(table.line_of(row), flush=True)
    if verdict.startswith("FAILED"):
        kept = table.RESULTS.parent / f"{platform}-{scenario.name.replace('/', '-').replace(' ', '-')}"
        fleet.keep_logs(kept)
        print(f"    the servers' logs: {kept}", flush=True)
    return row


def main() -> int:
    options = arguments_of(sys.argv[1:])
    # The settings of the caller's shell are none of the servers'.
    for name in [name for name in os.environ if name.startswith(("HOLDFAST_", "CI"))]:
        del os.environ[name]
    rows = []
    with tempfile.TemporaryDirectory(prefix="holdfast-rehearsal-") as name:
        releases = Releases(pathlib.Path(name) / "releases")
        for number, (platform, scenario) in enumerate(wanted(options)):
            folder = pathlib.Path(name) / str(number)
            folder.mkdir()
            rows.append(rehearse(platform, scenario, options, releases, folder))
            table.merge(rows[-1:])
    print(f"\n{table.markdown(rows)}")
    if options.write:
        table.write()
    return 1 if any(row["verdict"].startswith("FAILED") for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
