"""The page: tables from the results, words from `page.md`."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from pathlib import Path
from string import Template

from benches import counts
from benches.plot import Line, plot
from benches.results import Results
from benches.rows import AGEING, COMMITS, COUNTS, ROWS, YARDSTICKS, Count, Row, Spread, spread
from benches.sets import spaced
from benches.tools import NAMES

TEMPLATE = Path(__file__).with_name("page.md")
SETS = ["medium", "small", "videos", "table", "commits", "labels", "clips", "queries", "huge"]
OPERATIONS = {
    "first": "init, add, commit",
    "status": "status",
    "one": "add and commit one",
    "restore": "restore all",
    "store changes": "add and commit what differs",
    "switch": "switch branches",
    "second": "add and commit the second version",
    "import": "import of COCO",
    "export": "export as COCO",
    "edit": "change boxes and commit",
    "diff": "diff",
    "stats": "stats",
    "stats again": "stats, asked again",
    "frames": "three frames of each",
    "again": "the same again",
    "labels": "annotations by label",
    "joined": "label, score and metadata",
    "item": "annotations of one item",
    "page": "first page, sorted",
    "labels back": "annotations by label, 50 back",
    "joined back": "label, score and metadata, 50 back",
    "item back": "annotations of one item, 50 back",
    "page back": "first page, sorted, 50 back",
    "first result": "oxide query",
}
TRACED = ("first", "status", "one", "restore")


def write_page(results: Results, folder: Path) -> None:
    """`benchmarks.md` and `benchmarks.svg` into a folder."""
    judged = [verdict for verdict in verdicts(results) if verdict[2]]
    missed = [f"{title}: {value}, target {target:g}" for title, value, reached, target in judged if reached == "no"]
    summary = f"{len(judged) - len(missed)} of {len(judged)} targets are reached."
    if missed:
        summary += " Missed:\n\n" + "\n".join(f"* {line}" for line in missed)
    text = Template(TEMPLATE.read_text()).substitute(
        summary=summary,
        sections=sections(results),
        patience=f"{results.patience:g}",
        costs=costs(results),
        floor=floor(results),
        calls_title=str(results.sets.get("traced", {}).get("title", "not measured")),
        calls=calls(results),
        counted=", ".join(results.counted.values()),
        counts=table(["hot path", "in the core, millions", "in the process, millions"], count_lines(results)),
        machine=", ".join(f"{name}: {value}" for name, value in results.machine.items()),
        circumstances=circumstances(results),
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmarks.md").write_text(text)
    (folder / "benchmarks.svg").write_text(plot(lines_of_plot(results), NAMES))


def lines_of_plot(results: Results) -> list[Line]:
    """Every ratio that has a target, by the tools that were measured."""
    lines = []
    for row in ROWS:
        if row.target is not None and row.figure in YARDSTICKS and results.of(row.set, row.operation, "oxide"):
            dots = {tool: spread(row.values(results, tool)) for tool in NAMES}
            lines.append(Line(f"{short_title(results, row.set)}: {row.title}", row.target, dots))
    for count in COUNTS:
        if count.target is not None and results.value(count.set, count.name, "oxide"):
            found = {tool: results.value(count.set, count.name, tool) for tool in NAMES}
            dots = {tool: spread([value]) for tool, value in found.items() if value}
            lines.append(Line(f"{short_title(results, count.set)}: {count.title}", count.target, dots))
    return lines


def sections(results: Results) -> str:
    """The tables of all sets."""
    return "\n\n".join(section(results, name) for name in SETS)


def short_title(results: Results, name: str) -> str:
    """The first words of a set's title."""
    return str(results.sets[name]["title"]).split(" of ")[0].split(", ")[0]


def section(results: Results, name: str) -> str:
    """All that was measured on one set."""
    shape = results.sets.get(name)
    if shape is None:
        scale = " SCALE=full" if name == "huge" else f" SETS={name}"
        return f"## {name}\n\nNot measured yet: `make bench{scale}`."
    title = str(shape["title"])
    lines = [f"## {title[0].upper()}{title[1:]}", ""]
    if shape.get("differing"):
        lines += [f"{shape['differing']} files differ between the two branches.", ""]
    tools = measured(results, name)
    if name == "commits":
        lines.append(table(["what", "target", "reached", "oxide"], commit_lines(results)))
    else:
        heads = ["operation", "target", "reached", *tools, "yardstick, s"]
        body = [row_line(results, row, tools) for row in ROWS if row.set == name]
        body += [count_line(results, count, tools) for count in COUNTS if count.set == name]
        lines.append(table(heads, body))
    failed = [
        f"* {place.split(': ')[1]}: {why}" for place, why in results.failures.items() if place.startswith(f"{name}: ")
    ]
    if failed:
        lines += ["", "Failed:", "", *failed]
    return "\n".join(lines)


def measured(results: Results, name: str) -> list[str]:
    """The tools with a figure on a set, in the order of all."""
    found = {sample["tool"] for sample in results.samples if sample["set"] == name}
    return [tool for tool in NAMES if tool in found]


# -- lines -----------------------------------------------------------------------------------------------------------
def row_line(results: Results, row: Row, tools: list[str]) -> list[str]:
    """One row of ratios."""
    own = spread(row.values(results, "oxide"))
    reached = judged(own.median if own else None, row.target, row.aim)
    cells = [cell(spread(row.values(results, tool))) for tool in tools]
    return [row.title, limits(row.target, row.aim), reached, *cells, yardstick(results, row, tools)]


def count_line(results: Results, count: Count, tools: list[str]) -> list[str]:
    """One row of what is counted."""
    values = [results.value(count.set, count.name, tool) for tool in tools]
    reached = judged(results.value(count.set, count.name, "oxide"), count.target, count.aim)
    return [count.title, limits(count.target, count.aim), reached, *(number(value) for value in values), ""]


def commit_lines(results: Results) -> list[list[str]]:
    """Growth, files, and each verb late beside early."""
    lines = []
    for count in COMMITS:
        value = results.value(count.set, count.name, "oxide")
        lines.append([count.title, limits(count.target, None), judged(value, count.target, None), number(value)])
    for verb, most in AGEING.items():
        value, words = ageing(results, verb)
        lines.append([f"{verb} after all commits (x after ten)", f"{most:g}", judged(value, most, None), words])
    strides = [sample["seconds"] for sample in results.of("commits", "stride", "oxide")]
    if strides:
        words = f"{strides[0] * 1e3:.1f} ms, {strides[-1] * 1e3:.1f} ms"
        lines.append(
            ["open, add and commit in one process: the first ten commits, the last tenth (each)", "", "", words]
        )
    return lines


def ageing(results: Results, verb: str) -> tuple[float | None, str]:
    """How much slower a verb became, and both medians."""
    early, late = (
        spread([sample["seconds"] for sample in results.of("commits", f"{verb}, {age}", "oxide")])
        for age in ("early", "late")
    )
    if early is None or late is None:
        return None, "-"
    ratio = late.median / early.median
    return ratio, f"{ratio:.2f} ({early.median * 1e3:.1f} ms, then {late.median * 1e3:.1f} ms; {late.count} each)"


def verdicts(results: Results) -> list[tuple[str, str, str, float]]:
    """Everything that has a target and was measured: title, value, whether it is reached, target."""
    found = []
    for row in ROWS:
        own = spread(row.values(results, "oxide"))
        if own and row.target is not None:
            title = f"{short_title(results, row.set)}: {row.title}"
            found.append((title, cell(own), judged(own.median, row.target, row.aim), row.target))
    for count in (*COUNTS, *COMMITS):
        value = results.value(count.set, count.name, "oxide")
        if value is not None and count.target is not None:
            title = f"{short_title(results, count.set)}: {count.title}"
            found.append((title, number(value), judged(value, count.target, count.aim), count.target))
    for verb, most in AGEING.items():
        value, words = ageing(results, verb)
        if value is not None:
            title = f"{short_title(results, 'commits')}: {verb} after all (x after ten)"
            found.append((title, words, judged(value, most, None), most))
    return found


# -- cells -----------------------------------------------------------------------------------------------------------
def cell(found: Spread | None) -> str:
    """Median, range, number."""
    if found is None:
        return "-"
    return f"{short(found.median)} ({short(found.least)}-{short(found.most)}; {found.count})"


def short(value: float) -> str:
    """Two decimals where they say something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def number(value: float | None) -> str:
    """A count, or a share with enough digits."""
    if value is None:
        return "-"
    if value >= 100:
        return spaced(round(value))
    return f"{value:.4f}" if value < 0.1 else f"{value:.3g}"


def limits(target: float | None, aim: float | None) -> str:
    """Target, and aim where there is one."""
    if target is None:
        return ""
    return f"{target:g}" if aim is None else f"{target:g}, aim {aim:g}"


def judged(value: float | None, target: float | None, aim: float | None) -> str:
    """Whether a figure is at its target or beyond."""
    if value is None or target is None:
        return ""
    if value > target:
        return "no"
    return "yes, the aim too" if aim is not None and value <= aim else "yes"


def yardstick(results: Results, row: Row, tools: list[str]) -> str:
    """The range over which the row's yardstick wandered, beside all tools."""
    beside = YARDSTICKS.get(row.figure)
    samples = [sample for tool in tools for sample in results.of(row.set, row.operation, tool)]
    if beside is None or not samples:
        return ""
    seconds = [beside(sample) for sample in samples]
    return f"{statistics.median(seconds):.3f} ({min(seconds):.3f}-{max(seconds):.3f})"


def table(heads: list[str], lines: Iterable[list[str]]) -> str:
    """Markdown."""
    body = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *body])


# -- further tables --------------------------------------------------------------------------------------------------
def costs(results: Results) -> str:
    """Processor, memory and bytes written of every operation and tool."""
    lines = []
    for name in (name for name in SETS if name in results.sets and name != "commits"):
        operations = dict.fromkeys(sample["operation"] for sample in results.samples if sample["set"] == name)
        for operation in operations:
            cells = [cost_cell(results, name, operation, tool) for tool in NAMES]
            lines.append([f"{short_title(results, name)}: {OPERATIONS[operation]}", *cells])
    return table(["operation", *NAMES], lines)


def cost_cell(results: Results, name: str, operation: str, tool: str) -> str:
    """One tool's costs of one operation."""
    samples = results.of(name, operation, tool)
    if not samples:
        return "-"
    processor = statistics.median(sample["processor"] for sample in samples)
    memory = statistics.median(sample["memory"] for sample in samples) / 1e6
    counted = [sample["written"] for sample in samples if sample["written"] is not None]
    written = f"{statistics.median(counted) / 1e6:.1f}" if counted else "?"
    return f"{processor:.3f} / {memory:.0f} / {written}"


def floor(results: Results) -> str:
    """The least memory that any process showed."""
    found = [sample["memory"] for sample in results.samples if sample["memory"]]
    return f"{min(found) / 1e6:.0f} MB" if found else "?"


def calls(results: Results) -> str:
    """What strace counted."""
    lines = []
    for operation in TRACED:
        cells = []
        for tool in NAMES:
            made, created = (
                results.value("traced", f"{operation}: {name}", tool) for name in ("system calls", "created")
            )
            cells.append("-" if made is None or created is None else f"{made:.0f} / {created:.0f}")
        lines.append([OPERATIONS[operation], *cells])
    return table(["operation", *NAMES], lines)


def count_lines(results: Results) -> list[list[str]]:
    """Each hot path."""
    return [
        [counts.NAMES.get(name, name), *(f"{count[part] / 1e6:.2f}" for part in ("core", "process"))]
        for name, count in results.counts.items()
    ]


def circumstances(results: Results) -> str:
    """Versions, dates and how busy the machine was, for each tool."""
    lines = []
    for tool in NAMES:
        samples = [sample for sample in results.samples if sample["tool"] == tool]
        if samples:
            dates = [sample["date"] for sample in samples]
            loads = [sample["load"] for sample in samples]
            versions = ", ".join(dict.fromkeys(sample["version"] for sample in samples))
            lines.append([tool, versions, f"{min(dates)} to {max(dates)}", f"{min(loads)} to {max(loads)}"])
    return table(["tool", "version", "measured", "load average of a minute"], lines)
