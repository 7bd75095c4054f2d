"""Times of `oxide` and its peers beside what the machine can do with the same files; `make bench` runs it.

Writes JSON, a page and a plot; runs of parts add to the same JSON.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from benches import calls, clips, commits, counts, files, labels, queries, table
from benches.bench import Bench
from benches.process import CommandFailed
from benches.report import sections, write_page
from benches.results import Results
from benches.sets import SCALES, TRACED, AnySet, ClipSet, FileSet, LabelSet, QuerySet, TableSet
from benches.tools import NAMES, find_tools
from benches.verify import WrongResult
from benches.workplace import NoSpace, Workplace

DOCS = Path(__file__).resolve().parents[1] / "docs"
PARTS = ["medium", "small", "videos", "table", "commits", "labels", "clips", "queries", "huge", "traced", "counts"]


def main() -> None:
    """Measure what the options name."""
    signal.signal(signal.SIGTERM, end)
    options = parse()
    workplace = Workplace(options.folder)
    print(f"working in {workplace.root}")
    try:
        measure(options, workplace)
    except (CommandFailed, WrongResult, NoSpace) as error:
        sys.exit(f"stopped: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted; the sets that were complete are kept")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        print("removing what was made")
        workplace.remove()


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benches", description="Time oxide beside its peers, cp and a walk.")
    parser.add_argument("--scale", choices=SCALES, default="default")
    parser.add_argument(
        "--sets", nargs="+", choices=PARTS, default=PARTS, help="parts to measure (default: all of the scale)"
    )
    parser.add_argument(
        "--tools", nargs="+", choices=NAMES, default=NAMES, help="tools, of those installed (default: all)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="of each operation, for oxide and the yardsticks")
    parser.add_argument(
        "--patience", type=float, default=40.0, help="seconds after which a peer gets no further round on a set"
    )
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's folder for temporary files)")
    parser.add_argument(
        "--out", type=Path, help="where benchmarks.json, .md and .svg go (default: docs, nowhere if small or tiny)"
    )
    parser.add_argument(
        "--compare-counts", action="store_true", help="count instructions and compare, measure and write nothing else"
    )
    peers = os.environ.get("OXIDE_BENCH_PEERS")
    parser.add_argument(
        "--peers", type=Path, default=Path(peers) if peers else None, help="a virtual environment with dvc and oxenai"
    )
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    return options


def measure(options: argparse.Namespace, workplace: Workplace) -> None:
    """Every wanted part; the results are saved after each."""
    out: Path | None = options.out or (DOCS if options.scale in ("default", "full") else None)
    results = Results((out or workplace.root) / "benchmarks.json")
    tools = find_tools(workplace, options.peers, options.tools)
    bench = Bench(workplace, tools, results, options.rounds, options.patience)
    if options.compare_counts:
        reference = Results(DOCS / "benchmarks.json").counts
        print("\n".join(counts.compare(reference, counts.measure(bench))))
        return
    for part in SCALES[options.scale]:
        if part.name in options.sets:
            measure_set(bench, part)
            save(results, out)
    if "traced" in options.sets:
        traced = TRACED if options.scale != "tiny" else FileSet("traced", 20, 1_000, 2_000, 0)
        calls.measure(bench, traced)
        save(results, out)
    if "counts" in options.sets and (found := counts.measure(bench)):
        counts.keep(bench, found)
        save(results, out)
    if out is None:
        print(sections(results))


def measure_set(bench: Bench, part: AnySet) -> None:
    """One set by its kind."""
    if isinstance(part, FileSet):
        files.measure(bench, part)
    elif isinstance(part, TableSet):
        table.measure(bench, part)
    elif isinstance(part, LabelSet):
        labels.measure(bench, part)
    elif isinstance(part, ClipSet):
        clips.measure(bench, part)
    elif isinstance(part, QuerySet):
        queries.measure(bench, part)
    else:
        commits.measure(bench, part)


def save(results: Results, out: Path | None) -> None:
    """JSON and page, where the run has a place for them."""
    if out is not None:
        results.save()
        write_page(results, out)
        print(f"written: {out / 'benchmarks.json'}, .md and .svg")


def end(number: int, frame: FrameType | None) -> None:
    """SIGTERM as Ctrl-C: everything that was made is removed."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
