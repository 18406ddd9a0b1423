# SPDX-License-Identifier: Apache-2.0
"""The benchmark's report: its arithmetic, its table, and the table's place in the document."""

import pytest

from bench import report


@pytest.mark.parametrize(("q", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)])
def test_a_quantile_is_a_value_that_was_measured(q, expected):
    assert report.quantile(list(range(100, 0, -1)), q) == expected


def test_every_quantile_of_one_value_is_that_value():
    assert [report.quantile([7.0], q) for q in (0.0, 0.5, 0.99, 1.0)] == [7.0] * 4


def test_there_is_no_quantile_of_nothing():
    with pytest.raises(ValueError, match="no values"):
        report.quantile([], 0.5)


def test_a_median_of_an_even_number_lies_between_the_middle_two():
    assert report.median([4, 1, 3, 2]) == 2.5
    assert report.median([3, 1, 2]) == 2


def test_a_rate_does_not_miss_what_is_half_done_at_the_end():
    times = [offset + 0.25 * k for offset in (0.25, 0.3) for k in range(60)]  # Two workers.
    assert report.steady_rate(times, 10.0) == pytest.approx(8.0, rel=0.005)
    assert report.steady_rate(times, 10.2) == pytest.approx(8.0, rel=0.005)


def test_a_run_without_answers_has_no_rate():
    with pytest.raises(ValueError, match="too short"):
        report.steady_rate([0.5, 1.5], 2.0)


def test_a_spread_shows_median_least_and_greatest():
    assert report.spread([0.961, 1.0, 0.984], 2) == "0.98 (0.96–1.00)"
    assert report.spread([3.14159], 3) == "3.142"


def test_a_ratio_without_the_generator_gives_its_cpu_back():
    in_process = {"rate": 100.0, "cpu_ms_per_image": 18.0}
    served = {"rate": 95.0, "cpu_ms_per_image": {"worker": 18.0, "gateway": 0.2,
                                                 "supervisor": 0.0, "generator": 0.8}}
    ratios = report.ratios(in_process, served)
    assert ratios["measured"] == pytest.approx(0.95)
    assert ratios["without_generator"] == pytest.approx(0.95 * 19.0 / 18.2)
    assert ratios["by_cpu"] == pytest.approx(18.0 / 18.2)


def test_a_table_has_a_line_of_dashes_and_equally_long_rows():
    assert report.table(["", "a"], [["x", "1"], ["y", "2"]]) == (
        "|  | a |\n| --- | --- |\n| x | 1 |\n| y | 2 |")
    with pytest.raises(ValueError, match="not as long"):
        report.table(["", "a"], [["x"]])


@pytest.mark.parametrize(("values", "words"), [([0.98, 1.0], "≥ 0.97: met"),
                                               ([0.98, 0.9], "≥ 0.97: met by one"),
                                               ([0.9, 0.9], "≥ 0.97: missed")])
def test_a_row_says_whether_its_goal_is_met(values, words):
    row = report.Row("ratio", [(str(value), value) for value in values], report.Goal("≥", 0.97))
    assert row.render()[-1] == words


def test_a_goal_downwards_is_met_by_less():
    goal = report.Goal("≤", 1.5)
    assert goal.met(1.5) and goal.met(1.2) and not goal.met(1.51)


def measurement(title="Tiny"):
    """What bench/run.py measures of one model, with two rounds."""
    latency = {str(load): {"latency_ms": [20.0, 25.0, 60.0], "offered": 4, "failed": 1}
               for load in report.FLOOR}
    rounds = [{"in_process": {"rate": rate, "cpu_ms_per_image": 20.0, "images": 1000},
               "served": {"rate": rate * 0.98, "offered": 9, "ok": 9,
                          "cpu_ms_per_image": {"worker": 20.0, "gateway": 0.2, "zygote": 0.0,
                                               "supervisor": 0.0, "generator": 0.2}},
               "latency": latency} for rate in (100.0, 90.0)]
    return {"title": title, "rounds": rounds, "start_ms": [300.0, 310.0, 305.0],
            "idle_cores": 0.0001,
            "memory": {"worker_private": [9_000_000, 9_200_000]},
            "recovery": {"infer_ms": [18.0, 18.0], "preprocess_ms": [2.0, 2.0], "steady_ms": [20.5],
                         "ready_ms": [5.0], "answer_ms": [27.0, 36.0], "second_ms": [21.0]}}


def test_the_block_shows_setting_models_and_verdicts():
    block = report.render({"Date": "today"}, [measurement("A"), measurement("B")])
    lines = block.splitlines()
    assert lines[0] == "- Date: today"
    assert lines[2] == "|  | A | B | goal |"
    assert "| served ÷ in-process | 0.980 (0.980–0.980) | 0.980 (0.980–0.980) | ≥ 0.97: met |" in lines
    assert "| the same in inferences | 1.75 (1.50–2.00) | 1.75 (1.50–2.00) | ≤ 1.5: missed |" in lines
    assert "| p99 at 80 % load, ms (floor 6.03 S) | 60.0 = 3.00 S | 60.0 = 3.00 S |  |" in lines
    assert "| requests at 50 % load, and how many got no right 200 | 8, 2 | 8, 2 |  |" in lines


def test_a_ratio_of_rates_from_a_busy_machine_gets_no_verdict():
    busy = measurement()
    for one in busy["rounds"]:
        one["in_process"]["rate"] = 40.0
    rows = {row.title: row.render()[-1] for row in report.rows_of([busy])}
    assert rows["served ÷ in-process"] == "≥ 0.97: the machine was too busy to say"
    assert rows["private memory of a worker, MiB"] == "≤ 10: met"


DOCUMENT = f"# Title\n\nBefore.\n\n{report.BEGIN}\nold\n{report.END}\n\nAfter.\n"


def test_the_table_takes_the_place_of_the_old_one_and_nothing_else():
    once = report.replace_between_markers(DOCUMENT, "new")
    assert once == DOCUMENT.replace("\nold\n", "\n\nnew\n\n")
    assert report.replace_between_markers(once, "new") == once


@pytest.mark.parametrize("document", ["", report.BEGIN, report.END, DOCUMENT + report.BEGIN,
                                      f"{report.END} {report.BEGIN}"])
def test_a_document_without_one_place_for_the_table_is_refused(document):
    with pytest.raises(report.MarkerError):
        report.replace_between_markers(document, "new")
