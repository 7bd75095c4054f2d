"""Times of `oxide` beside git, `cp -r` and a walk, as ratios: machines differ, each also from itself an hour ago.

Each operation is run in turn by every tool, several times, and beside every single run the yardstick (a copy of the
same files, or a walk that reads the metadata of each) is measured too. Printed are medians of the ratios with the range
they wandered over. Trees that a run is done with are moved aside and removed after all timing: removing many files
keeps the disk busy. Writes benches/results.json and docs/benchmarks.md (not with `--scale small`, a quick look only).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {
    **os.environ,
    "OXIDE_USER_NAME": "Bench",
    "OXIDE_USER_EMAIL": "bench@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Bench",
    "GIT_AUTHOR_EMAIL": "bench@example.org",
    "GIT_COMMITTER_NAME": "Bench",
    "GIT_COMMITTER_EMAIL": "bench@example.org",
}


class FileSet(NamedTuple):
    """Random files: nothing in them compresses or repeats, as in media."""

    name: str
    files: int
    smallest: int
    largest: int
    switched: int
    """How many files differ between the two branches."""


SETS = {
    "full": [FileSet("medium", 20_000, 10_000, 60_000, 5_000), FileSet("small", 100_000, 2_048, 2_048, 5_000)],
    "small": [FileSet("medium", 1_000, 10_000, 60_000, 250), FileSet("small", 5_000, 2_048, 2_048, 250)],
}


class Sample(NamedTuple):
    """One run: seconds of the operation, and of the yardstick beside it."""

    seconds: float
    yardstick: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.yardstick


class Tool(NamedTuple):
    """A tool by its executable; git and oxide spell what is measured alike, but for `git -c`."""

    name: str
    command: list[str]

    def run(self, folder: Path, *arguments: str) -> None:
        done = subprocess.run(
            [*self.command, *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, check=False
        )
        if done.returncode != 0:
            words = " ".join([*self.command, *arguments])
            sys.exit(f"{words} ended with {done.returncode} in {folder}:\n{done.stderr.decode(errors='replace')}")


def tools() -> list[Tool]:
    """oxide, and git when it is installed."""
    oxide = Path(sys.executable).parent / "oxide"
    if not oxide.exists():
        sys.exit(f"missing: {oxide}; `make bench` installs it")
    found = [Tool("oxide", [str(oxide)])]
    git = shutil.which("git")
    if git:
        # Background maintenance would run into the next measurement.
        options = ["gc.auto=0", "maintenance.auto=false", "init.defaultBranch=main", "advice.detachedHead=false"]
        found.append(Tool("git", [git, *(word for option in options for word in ("-c", option))]))
    else:
        print("git is not installed: its column stays empty")
    return found


# -- files and yardsticks --------------------------------------------------------------------------------------------
def make_set(folder: Path, file_set: FileSet) -> None:
    """The files, 1 000 a folder, the same on every machine."""
    source = random.Random(file_set.name)
    for number in range(file_set.files):
        if number % 1_000 == 0:
            part = folder / f"part_{number // 1_000:03}"
            part.mkdir(parents=True)
        (part / f"{number:06}.jpg").write_bytes(source.randbytes(source.randint(file_set.smallest, file_set.largest)))


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def command(*words: str | Path) -> None:
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)


class Bench:
    """A folder to work in, a place for what is done with, and all samples."""

    def __init__(self, work: Path, rounds: int) -> None:
        self.work = work
        self.rounds = rounds
        self.tools = tools()
        self.aside = work / "aside"
        self.aside.mkdir()
        self.samples: dict[str, dict[str, list[Sample]]] = {}
        self.moved = 0

    def put_aside(self, folder: Path) -> None:
        """Out of the way without the cost of removing."""
        self.moved += 1
        folder.rename(self.aside / f"{self.moved}")

    def copy_time(self, source: Path) -> float:
        """`cp -r` of a folder without its repositories."""
        target = self.work / "copy"
        seconds = timed(lambda: command("cp", "-r", source, target))
        self.put_aside(target)
        return seconds

    def walk_time(self, source: Path) -> float:
        """A walk that reads each file's size and time."""
        prune = ["(", "-name", ".oxide", "-o", "-name", ".git", ")", "-prune", "-o", "-type", "f"]
        # Without -printf (macOS) a test of the size makes find read the metadata all the same.
        action = ["-size", "+0", "-print"] if platform.system() == "Darwin" else ["-printf", "%s %T@"]
        return timed(lambda: command("find", source, *prune, *action))

    def record(self, operation: str, tool: Tool, seconds: float, yardstick: float) -> None:
        self.samples.setdefault(operation, {}).setdefault(tool.name, []).append(Sample(seconds, yardstick))
        print(
            f"  {operation:<46} {tool.name:<6} {seconds:8.3f} s   yardstick {yardstick:7.3f} s"
            f"   x {seconds / yardstick:.2f}"
        )

    # -- operations --------------------------------------------------------------------------------------------------
    def measure(self, file_set: FileSet) -> None:
        """All operations on one set, the tools in turn, first one then the other."""
        original = self.work / f"{file_set.name}-original"
        print(f"\n{file_set.files} files of {file_set.smallest} to {file_set.largest} bytes ...")
        make_set(original, file_set)
        self.copy_time(original)  # warms the page cache
        for number in range(self.rounds):
            for tool in self.tools if number % 2 == 0 else reversed(self.tools):
                self.one_round(file_set, tool, original)

    def one_round(self, file_set: FileSet, tool: Tool, original: Path) -> None:
        tree = self.work / f"{file_set.name}-{tool.name}"
        command("cp", "-r", original, tree)
        count = f"{file_set.files // 1000} k files"

        def first_commit() -> None:
            tool.run(tree, "init")
            tool.run(tree, "add", ".")
            tool.run(tree, "commit", "-m", "first")

        self.record(f"init, add, commit: {count} (x cp)", tool, timed(first_commit), self.copy_time(original))

        time.sleep(1.1)  # let the clock pass the second of the writes: files changed within it must be read again
        tool.run(tree, "status")
        self.record(
            f"status, unchanged: {count} (x walk)", tool, timed(lambda: tool.run(tree, "status")), self.walk_time(tree)
        )

        (tree / "part_000" / "new.jpg").write_bytes(random.Random(1).randbytes(file_set.smallest))

        def one_more() -> None:
            tool.run(tree, "add", "part_000/new.jpg")
            tool.run(tree, "commit", "-m", "one more")

        self.record(f"add and commit one file: {count} (x walk)", tool, timed(one_more), self.walk_time(tree))

        for part in tree.glob("part_*"):
            self.put_aside(part)
        self.record(
            f"restore all: {count} (x cp)",
            tool,
            timed(lambda: tool.run(tree, "restore", ".")),
            self.copy_time(original),
        )

        self.switch(file_set, tool, tree)
        self.put_aside(tree)

    def switch(self, file_set: FileSet, tool: Tool, tree: Path) -> None:
        """There and back between two branches; the yardstick is a copy of the files that differ."""
        tool.run(tree, "checkout", "-b", "other")
        changed = sorted(tree.glob("part_*/[0-9]*.jpg"))[: file_set.switched]
        source = random.Random(2)
        differing = self.work / "differing"
        for path in changed:
            path.write_bytes(source.randbytes(path.stat().st_size))
            target = differing / path.relative_to(tree)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        tool.run(tree, "add", ".")
        tool.run(tree, "commit", "-m", "others")
        operation = f"switch, {file_set.switched} of {file_set.files // 1000} k files differ (x cp of them)"
        for branch in ("main", "other"):
            seconds = timed(partial(tool.run, tree, "checkout", branch))
            self.record(operation, tool, seconds, self.copy_time(differing))
        self.put_aside(differing)


# -- results ---------------------------------------------------------------------------------------------------------
def ratios_in_words(samples: list[Sample] | None) -> str:
    """Median, and the range over all runs."""
    if not samples:
        return "-"
    ratios = [sample.ratio for sample in samples]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def table(samples: dict[str, dict[str, list[Sample]]], names: list[str]) -> list[str]:
    """A table in Markdown: ratios, and how far the yardstick itself wandered."""
    lines = [f"| operation | {' | '.join(names)} | yardstick, seconds |", f"|---{'|---' * len(names)}|---|"]
    for operation, by_tool in samples.items():
        yardsticks = [sample.yardstick for runs in by_tool.values() for sample in runs]
        cells = " | ".join(ratios_in_words(by_tool.get(name)) for name in names)
        lines.append(f"| {operation} | {cells} | {min(yardsticks):.3f}-{max(yardsticks):.3f} |")
    return lines


def versions() -> list[str]:
    """Each tool as it names itself."""
    beside = Path(sys.executable).parent / "oxide"
    found = [str(beside), shutil.which("git")]
    return [subprocess.check_output([path, "--version"], text=True).strip() for path in found if path]


def machine() -> dict[str, object]:
    """What the numbers were measured on."""
    return {
        "when": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions(),
    }


def write_results(bench: Bench, lines: list[str]) -> None:
    facts = machine()
    seconds = {
        operation: {name: [sample._asdict() for sample in runs] for name, runs in by_tool.items()}
        for operation, by_tool in bench.samples.items()
    }
    (ROOT / "benches" / "results.json").write_text(json.dumps({"machine": facts, "samples": seconds}, indent=1) + "\n")
    text = [
        "# Benchmarks",
        "",
        "Written by `make bench`; all samples are in `benches/results.json`. Each cell is the median of the ratios to",
        "the yardstick that was measured beside every run, and their range. Lower is better. The last column says how",
        "far the yardstick itself wandered.",
        "",
        f"{facts['when']}, {facts['cores']} cores, {facts['system']}, Python {facts['python']}; "
        + ", ".join(versions())
        + f"; {bench.rounds} rounds.",
        "",
        *lines,
        "",
    ]
    (ROOT / "docs" / "benchmarks.md").write_text("\n".join(text))
    print("\nwritten: benches/results.json, docs/benchmarks.md")


def main() -> None:
    parser = argparse.ArgumentParser(description="Time oxide beside git, cp and a walk.")
    parser.add_argument("--scale", choices=SETS, default="full")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each operation (at least 1)")
    parser.add_argument(
        "--folder", type=Path, help="where to work; the full sets need 12 GB (default: a temporary folder)"
    )
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    work = Path(tempfile.mkdtemp(prefix="oxide-bench-", dir=options.folder))
    print(f"working in {work}")
    try:
        bench = Bench(work, options.rounds)
        for file_set in SETS[options.scale]:
            bench.measure(file_set)
        lines = table(bench.samples, [tool.name for tool in bench.tools])
        print("\n" + "\n".join(lines))
        if options.scale == "full":
            write_results(bench, lines)
    finally:
        print("removing the trees ...")
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
