# SPDX-License-Identifier: Apache-2.0
"""No lost request goes by unnoticed: classes of the ledger, verdicts, tables."""

import types

import pytest

from tests.rehearsal import table
from tests.rehearsal.__main__ import arguments_of, verdict_of, wanted
from tests.rehearsal.kits import KITS
from tests.rehearsal.load import Account, Request, kind_of
from tests.rehearsal.scenarios import Scenario, Stage


@pytest.mark.parametrize(("outcome", "kind"), [
    ("200", "answered"), ("200-wrong", "wrong"),
    ("503 OVERLOADED", "refused"), ("429 RATE_LIMITED", "refused"), ("503 DRAINING", "refused"),
    ("503 ", "not taken"), ("502 ", "broken"), ("reset", "broken"),
    ("504 ", "without an answer"), ("504 DEADLINE_EXCEEDED", "without an answer"),
    ("timeout", "without an answer"), ("500 INTERNAL", "error"), ("refused", "error"),
    ("422 IMAGE_DECODE_FAILED", "error"), ("generator-full", "error"), ("429 ", "error")])
def test_what_became_of_a_request(outcome, kind):
    assert kind_of(outcome) == kind


def account(*requests):
    return Account([Request(due, 100.0, outcome) for due, outcome in requests])


def test_every_request_is_accounted_for_once():
    mixed = account((0, "200"), (1, "503 OVERLOADED"), (2, "502 "), (3, "200-wrong"), (9, "200"))
    assert (mixed.answered, mixed.refused, len(mixed.lost)) == (2, 1, 2)
    assert mixed.longest_gap_s == pytest.approx(9)
    assert mixed.p99_ms == 100
    assert "1 broken (502)" in mixed.words() and "1 wrong (200-wrong)" in mixed.words()


def stage(exits=None, **times):
    fleet = types.SimpleNamespace(exits=exits or {"ecs-1": 0})
    return Stage(fleet, None, None, **{"reused": 1, **times})


PLANNED = Scenario("rolling", None)
KILL = Scenario("server kill", None, planned=False)
TIMES = {"killed_s": 10.0, "given_until_s": 10.0, "noticed_s": 20.0}


@pytest.mark.parametrize("outcome", ["502 ", "503 ", "504 ", "reset", "timeout", "200-wrong",
                                     "500 INTERNAL"])
def test_a_planned_event_may_lose_nothing(outcome):
    assert verdict_of(PLANNED, stage(), account((1, "200")), "") == "passed"
    assert verdict_of(PLANNED, stage(), account((1, "200"), (2, outcome)), "").startswith("FAILED")


def test_a_refusal_with_a_reason_is_no_loss():
    refused = account((1, "200"), (2, "503 OVERLOADED"))
    assert verdict_of(PLANNED, stage(), refused, "") == "passed"


def test_a_server_that_had_to_be_killed_is_a_failure():
    killed = stage({"ecs-1": 0, "ecs-2": -9})
    assert verdict_of(PLANNED, killed, account((1, "200")), "") == "FAILED: exit codes [-9]"


def test_connections_that_are_never_used_again_prove_nothing():
    fresh = stage(reused=0)
    assert verdict_of(PLANNED, fresh, account((1, "200")), "").startswith("FAILED")


def test_a_load_without_an_answer_proves_nothing():
    assert verdict_of(PLANNED, stage(), account((1, "503 OVERLOADED")), "").startswith("FAILED")


@pytest.mark.parametrize(("due", "outcome", "verdict"), [
    (9.95, "reset", "passed"),  # It was held.
    (12.0, "reset", "FAILED"),  # Nobody held it.
    (12.0, "503 ", "known limit"),  # Nobody knew yet.
    (25.0, "503 ", "FAILED"),  # The death was known.
    (5.0, "503 ", "FAILED"),  # Nobody was dead.
    (9.95, "200-wrong", "FAILED"),
    (9.95, "timeout", "passed"),
    (12.0, "timeout", "FAILED")])
def test_a_kill_may_lose_what_was_held(due, outcome, verdict):
    lost = account((1, "200"), (due, outcome))
    assert verdict_of(KILL, stage(**TIMES), lost, "").split(":")[0] == verdict


def row(scenario="rolling", form="real", verdict="passed"):
    return table.row_of("ecs", scenario, form, account((1, "200"), (2, "502 ")), 90.4, verdict,
                        ["two tasks"])


def test_a_line_has_what_the_head_names():
    line = table.line_of(row())
    assert line.count("|") == table.HEAD.splitlines()[0].count("|")
    assert line.startswith("| rolling | 2 | 1 | 0 | 1 | ")
    assert "passed; two tasks; 1 broken (502)" in line


def test_a_newer_row_replaces_an_older_one_of_its_form(tmp_path):
    file = tmp_path / "rehearsal.json"
    table.merge([row(verdict="FAILED"), row(form="short")], file)
    merged = table.merge([row(), row("scale")], file)
    assert [(each["scenario"], each["form"], each["verdict"]) for each in merged] == [
        ("rolling", "real", "passed"), ("rolling", "short", "passed"), ("scale", "real", "passed")]


def test_the_document_shows_real_timings_between_its_marks(tmp_path):
    document = tmp_path / "reliability.md"
    document.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    file = tmp_path / "rehearsal.json"
    table.merge([row(), row("short one", "short")], file)
    table.write(document, file)
    text = document.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    assert "### ecs" in text and "| rolling |" in text
    assert "old" not in text and "short one" not in text


def test_all_platforms_deploy_scale_and_refuse_a_broken_version():
    for platform in KITS:
        names = {scenario.name for _, scenario in wanted(arguments_of(["--platform", platform]))}
        assert names >= {"scale 1-5-1", "broken version", "slow start"}
        assert names & {"rolling", "immutable", "blue/green"}


def test_the_short_set_is_a_part_and_a_named_scenario_is_always_run():
    short = wanted(arguments_of(["--short"]))
    assert {platform for platform, _ in short} == {"ecs", "beanstalk", "ec2", "sagemaker"}
    assert len(short) < len(wanted(arguments_of([])))
    named = wanted(arguments_of(["--short", "--platform", "eks", "--scenario", "slow start"]))
    assert [scenario.name for _, scenario in named] == ["slow start"]


@pytest.mark.parametrize("words", [["--platform", "ecs", "--scenario", "blue/green"],
                                   ["--platform", "mars"], ["--shor", "t"]])
def test_what_is_not_there_is_wrong_use(words, capsys):
    with pytest.raises(SystemExit) as ended:
        arguments_of(words)
    assert ended.value.code == 64
    assert "./dev rehearse: " in capsys.readouterr().err
