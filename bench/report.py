# SPDX-License-Identifier: Apache-2.0
"""From measurements to a Markdown table, and the table into its place in a document."""

import math
import statistics

BEGIN = "<!-- bench: begin -->"
END = "<!-- bench: end -->"

# The sojourn time of M/D/2, in service times: what no server with two workers can beat when
# arrivals are Poisson and a service takes always the same. {load: {quantile: floor}}
FLOOR = {0.5: {0.5: 1.00, 0.99: 2.56}, 0.8: {0.5: 1.54, 0.99: 6.03}}

# Two processes that get less than this shared their cores with somebody; a server with more
# processes than two then gets another share than they did, and a ratio of rates says nothing.
QUIET_CORES = 1.8


class MarkerError(ValueError):
    """The document has no single place for the table."""


def quantile(values, q):
    """The smallest value that at least a share `q` of all values does not exceed."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(q * len(ordered)) - 1))]


def median(values):
    """The middle value, or the mean of the two in the middle."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def steady_rate(times, end, skipped=0.1):
    """Events a second between a first tenth and `end`: the slope of their count over time.

    Counting all and dividing by `end` would miss what is half done at the end, which is more than a
    hundredth where an image takes a quarter of a second.
    """
    inside = sorted(time for time in times if skipped * end <= time <= end)
    if len(inside) < 3:
        raise ValueError("too short a run: it saw no three answers")
    return statistics.linear_regression(inside, range(len(inside))).slope


def spread(values, digits):
    """"median (least–greatest)"; one value alone has no spread."""
    text = f"{median(values):.{digits}f}"
    if len(values) == 1:
        return text
    return f"{text} ({min(values):.{digits}f}–{max(values):.{digits}f})"


class Goal:
    """A bound on the value of a row: at least, or at most."""

    def __init__(self, sign, bound, unit=""):
        self._at_least = sign == "≥"
        self._bound = bound
        self.text = f"{sign} {bound:g}{unit}"

    def met(self, value):
        return value >= self._bound if self._at_least else value <= self._bound


class Row:
    """A row of the table: for each model, the text, and the value that the goal is held against."""

    def __init__(self, title, cells, goal=None, *, judged=True):
        self.title = title
        self.cells = cells  # [(text, value)], one a model
        self.goal = goal
        self.judged = judged  # False: the machine was too busy for a verdict.

    def render(self):
        words = [self.title, *[text for text, _ in self.cells]]
        if self.goal is None:
            return [*words, ""]
        if not self.judged:
            return [*words, f"{self.goal.text}: the machine was too busy to say"]
        missed = [not self.goal.met(value) for _, value in self.cells]
        verdict = "met" if not any(missed) else "missed" if all(missed) else "met by one"
        return [*words, f"{self.goal.text}: {verdict}"]


def table(header, rows):
    """A Markdown table; `rows` are lists of texts as long as `header`."""
    if any(len(row) != len(header) for row in rows):
        raise ValueError("a row is not as long as the header")
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def ratios(in_process, served):
    """What serving keeps of the in-process rate, three ways.

    measured: as the clock has it. without_generator: as if the load generator, which shares the
    cores, cost nothing. by_cpu: from the CPU time of an image on both sides alone, which does not
    change when neighbours take the cores away.
    """
    cost = served["cpu_ms_per_image"]
    server = sum(ms for role, ms in cost.items() if role != "generator")
    measured = served["rate"] / in_process["rate"]
    return {"measured": measured,
            "without_generator": measured * (server + cost["generator"]) / server,
            "by_cpu": in_process["cpu_ms_per_image"] / server}


def rows_of_throughput(results):
    def each(text_of):
        return [text_of(result["rounds"]) for result in results]

    def cell(values, digits):
        return spread(values, digits), median(values)

    def of_ratio(name):
        return each(lambda rounds: cell([ratios(r["in_process"], r["served"])[name]
                                         for r in rounds], 3))

    def cpu(role):
        return each(lambda rounds: cell([r["served"]["cpu_ms_per_image"].get(role, 0.0)
                                         for r in rounds], 2))

    cores = each(lambda rounds: cell([r["in_process"]["rate"] * r["in_process"]["cpu_ms_per_image"]
                                      / 1e3 for r in rounds], 2))
    quiet = all(value >= QUIET_CORES for _, value in cores)
    return [
        Row("in-process, images/s", each(lambda rounds: cell(
            [r["in_process"]["rate"] for r in rounds], 2))),
        Row("served over HTTP, images/s", each(lambda rounds: cell(
            [r["served"]["rate"] for r in rounds], 2))),
        Row("served ÷ in-process", of_ratio("measured"), Goal("≥", 0.97), judged=quiet),
        Row("the same, without the generator's CPU", of_ratio("without_generator")),
        Row("the same, from CPU time alone", of_ratio("by_cpu")),
        Row("cores that the in-process run got", cores),
        Row("CPU an image, in-process, ms", each(lambda rounds: cell(
            [r["in_process"]["cpu_ms_per_image"] for r in rounds], 2))),
        Row("CPU an image, worker, ms", cpu("worker")),
        Row("CPU an image, gateway, ms", cpu("gateway")),
        Row("CPU an image, load generator, ms", cpu("generator")),
    ]


def latency_cell(result, load, q):
    values = [ms for r in result["rounds"] for ms in r["latency"][str(load)]["latency_ms"]]
    service = median([r["served"]["cpu_ms_per_image"]["worker"] for r in result["rounds"]])
    value = quantile(values, q)
    return f"{value:.1f} = {value / service:.2f} S", value / service


def rows_of_latency(results):
    rows = []
    for load, floors in FLOOR.items():
        for q, floor in floors.items():
            rows.append(Row(f"p{q * 100:g} at {load * 100:g} % load, ms (floor {floor:.2f} S)",
                            [latency_cell(result, load, q) for result in results]))
    for load in FLOOR:
        def counts(result, at=str(load)):
            runs = [r["latency"][at] for r in result["rounds"]]
            offered = sum(run["offered"] for run in runs)
            return f"{offered}, {sum(run['failed'] for run in runs)}", offered
        rows.append(Row(f"requests at {load * 100:g} % load, and how many got no right 200",
                        [counts(result) for result in results]))
    return rows


def rows_of_processes(results):
    def recovery(name, digits=1):
        return [(spread(result["recovery"][name], digits), median(result["recovery"][name]))
                for result in results]

    def first_answer(result):
        values = [ms / unit for ms, unit in zip(result["recovery"]["answer_ms"],
                                                result["recovery"]["infer_ms"], strict=True)]
        return spread(values, 2), median(values)

    def start_up(result):
        in_units = median(result["start_ms"]) / median(result["recovery"]["infer_ms"])
        return f"{spread(result['start_ms'], 0)} = {in_units:.1f} inferences", in_units

    def mebibytes(result):
        values = [size / 2**20 for size in result["memory"]["worker_private"]]
        return spread(values, 1), max(values)

    return [
        Row("one inference, ms", recovery("infer_ms")),
        Row("decode and preprocess, ms", recovery("preprocess_ms")),
        Row("answer of an idle server, ms", recovery("steady_ms")),
        Row("idle worker killed → next one ready, ms", recovery("ready_ms")),
        Row("idle worker killed → its successor's first answer, ms", recovery("answer_ms")),
        Row("the same in inferences", [first_answer(result) for result in results],
            Goal("≤", 1.5)),
        Row("second answer of a fresh worker, ms", recovery("second_ms")),
        Row("private memory of a worker, MiB", [mebibytes(result) for result in results],
            Goal("≤", 10)),
        Row("exec → first answer, ms", [start_up(result) for result in results]),
        Row("CPU of the idle server, cores", [(f"{result['idle_cores']:.5f}",
                                               result["idle_cores"]) for result in results],
            Goal("≤", 0.002)),
    ]


def rows_of(results):
    return [*rows_of_throughput(results), *rows_of_latency(results), *rows_of_processes(results)]


def render(setting, results):
    """The whole block: what was measured where, and the table."""
    about = "\n".join(f"- {name}: {text}" for name, text in setting.items())
    header = ["", *[result["title"] for result in results], "goal"]
    return f"{about}\n\n{table(header, [row.render() for row in rows_of(results)])}"


def replace_between_markers(document, block):
    """`document` with `block` between the two markers, which stay."""
    if document.count(BEGIN) != 1 or document.count(END) != 1:
        raise MarkerError(f"the document must hold {BEGIN} and {END}, each once")
    begin = document.index(BEGIN) + len(BEGIN)
    end = document.index(END)
    if end < begin:
        raise MarkerError(f"{END} stands before {BEGIN}")
    return f"{document[:begin]}\n\n{block}\n\n{document[end:]}"
