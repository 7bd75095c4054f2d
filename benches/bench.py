"""Times of `oxide` beside git, `cp -r` and a walk, as ratios: machines differ, each also from itself an hour ago.

Each operation is run in turn by every tool, several times, and beside every single run the yardstick (a copy of the
same files, with or without a flush to the disk, or a walk that reads the metadata of each) is measured too. Printed are
medians of the ratios with the range they wandered over, processor seconds and peak memory. Trees that a run is done
with are moved aside and removed after all timing: removing many files keeps the disk busy and creating files slow.
Writes benches/results.json and docs/benchmarks.md (not with `--scale small`, a quick look only).
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
from datetime import UTC, datetime
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


CSV_ROWS = {"full": 5_000_000, "small": 200_000}
CSV_EDITS = 200
SINGLE_COMMITS = {"full": 200, "small": 20}


class Cost(NamedTuple):
    """What one command, or several, took."""

    seconds: float
    processor: float
    """Processor seconds, of the user and of the system: steadier than the clock on a machine that is shared."""
    memory: int
    """Peak memory of the largest process, in bytes."""

    def __add__(self, other: tuple[object, ...]) -> Cost:  # type: ignore[override]
        assert isinstance(other, Cost)
        return Cost(self.seconds + other.seconds, self.processor + other.processor, max(self.memory, other.memory))


class Sample(NamedTuple):
    """One run: the operation, and the yardstick's seconds beside it."""

    seconds: float
    processor: float
    memory: int
    yardstick: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.yardstick


class Tool(NamedTuple):
    """A tool by its executable; git and oxide spell what is measured alike, but for `git -c`."""

    name: str
    command: list[str]

    def run(self, folder: Path, *arguments: str) -> Cost:
        return measured([*self.command, *arguments], folder)


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


def measured(words: list[str], folder: Path | None = None) -> Cost:
    """Run a command that must succeed."""
    start = time.perf_counter()
    with subprocess.Popen(
        words, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        said = process.stderr.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(words)} ended with {process.returncode} in {folder}:\n{said}")
    unit = 1 if platform.system() == "Darwin" else 1024
    return Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def command(*words: str | Path) -> float:
    """Run a command of the system. Returns its seconds."""
    return measured([str(word) for word in words]).seconds


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
        seconds = command("cp", "-r", source, target)
        self.put_aside(target)
        return seconds

    def flush_time(self) -> float:
        """What is left to flush after a copy. Without `sync -f` (macOS) everything is flushed."""
        return command("sync", *([] if platform.system() == "Darwin" else ["-f", str(self.work)]))

    def walk_time(self, source: Path) -> float:
        """A walk that reads each file's size and time."""
        prune = ["(", "-name", ".oxide", "-o", "-name", ".git", ")", "-prune", "-o", "-type", "f"]
        # Without -printf (macOS) a test of the size makes find read the metadata all the same.
        action = ["-size", "+0", "-print"] if platform.system() == "Darwin" else ["-printf", "%s %T@"]
        return command("find", source, *prune, *action)

    def record(self, operation: str, tool: Tool, cost: Cost, yardstick: float) -> None:
        self.samples.setdefault(operation, {}).setdefault(tool.name, []).append(Sample(*cost, yardstick))
        print(
            f"  {operation:<58} {tool.name:<6} {cost.seconds:8.3f} s   yardstick {yardstick:7.3f} s"
            f"   x {cost.seconds / yardstick:.2f}   processor {cost.processor:.3f} s   {cost.memory / 1e6:.0f} MB"
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

        self.flush_time()
        first = tool.run(tree, "init") + tool.run(tree, "add", ".") + tool.run(tree, "commit", "-m", "first")
        copied = self.copy_time(original)
        self.record(f"init, add, commit: {count} (x cp)", tool, first, copied)
        self.record(f"init, add, commit: {count} (x cp and flush)", tool, first, copied + self.flush_time())

        time.sleep(1.1)  # let the clock pass the second of the writes: files changed within it must be read again
        tool.run(tree, "status")
        self.record(f"status, unchanged: {count} (x walk)", tool, tool.run(tree, "status"), self.walk_time(tree))

        (tree / "part_000" / "new.jpg").write_bytes(random.Random(1).randbytes(file_set.smallest))

        one_more = tool.run(tree, "add", "part_000/new.jpg") + tool.run(tree, "commit", "-m", "one more")
        self.record(f"add and commit one file: {count} (x walk)", tool, one_more, self.walk_time(tree))

        for part in tree.glob("part_*"):
            self.put_aside(part)
        self.record(f"restore all: {count} (x cp)", tool, tool.run(tree, "restore", "."), self.copy_time(original))

        self.switch(file_set, tool, tree)
        self.put_aside(tree)

    def switch(self, file_set: FileSet, tool: Tool, tree: Path) -> None:
        """There and back between two branches; the yardstick copies the files that differ over those of a like tree."""
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
        like = self.work / "like"
        command("cp", "-r", differing, like)
        operation = f"switch, {file_set.switched} of {file_set.files // 1000} k files differ (x cp over them)"
        for branch in ("main", "other"):
            self.flush_time()
            cost = tool.run(tree, "checkout", branch)
            self.flush_time()
            self.record(operation, tool, cost, command("cp", "-r", f"{differing}/.", like))
        self.put_aside(differing)
        self.put_aside(like)

    # -- growth of the store -----------------------------------------------------------------------------------------
    def growth(self, rows: int, commits: int) -> list[str]:
        """What a second version of a large table adds to oxide's store, and what commits of one small file each add."""
        tool = self.tools[0]
        tree = self.work / "growth"
        tree.mkdir()
        table = tree / "table.csv"
        make_csv(table, rows)
        tool.run(tree, "init")
        tool.run(tree, "add", ".")
        tool.run(tree, "commit", "-m", "first")
        size, before = table.stat().st_size, stored_bytes(tree)
        edit_csv(table)
        tool.run(tree, "add", ".")
        tool.run(tree, "commit", "-m", "second")
        grown = stored_bytes(tree) - before
        lines = [
            f"A CSV of {size / 1e6:.0f} MB takes {before / size:.2f} of its size; {CSV_EDITS} edited rows and an "
            f"inserted one add {grown / size:.4f} of it ({grown / 1e6:.2f} MB).",
        ]
        before = stored_bytes(tree)
        source = random.Random(3)
        for number in range(commits):
            (tree / f"{number}.jpg").write_bytes(source.randbytes(2_048))
            tool.run(tree, "add", f"{number}.jpg")
            tool.run(tree, "commit", "-m", f"file {number}")
        each = (stored_bytes(tree) - before) / commits
        files = sum(1 for path in (tree / ".oxide").rglob("*") if path.is_file())
        lines.append(
            f"{commits} commits of one new file of 2 048 bytes each add {each / 1e3:.1f} kB a commit; {files} files "
            f"then lie below `.oxide`."
        )
        self.put_aside(tree)
        return lines


def make_csv(path: Path, rows: int) -> None:
    source = random.Random(4)
    with path.open("w") as file:
        for row in range(rows):
            file.write(
                f"{row},images/{source.randrange(10**9):09}.jpg,{source.random():.12f},{source.randrange(1000)},cat\n"
            )


def edit_csv(path: Path) -> None:
    """Other numbers of the same width in rows all over, and a row more in the middle."""
    lines = path.read_bytes().splitlines(keepends=True)
    source = random.Random(5)
    for at in source.sample(range(len(lines)), CSV_EDITS):
        cells = lines[at].split(b",")
        lines[at] = b",".join([*cells[:2], f"{source.random():.12f}".encode(), *cells[3:]])
    lines.insert(len(lines) // 2, b"x,images/inserted.jpg,0.5,1,dog\n")
    path.write_bytes(b"".join(lines))


def stored_bytes(tree: Path) -> int:
    return sum(path.stat().st_size for path in (tree / ".oxide").rglob("*") if path.is_file())


# -- results ---------------------------------------------------------------------------------------------------------
def ratios_in_words(samples: list[Sample] | None) -> str:
    """Median, and the range over all runs."""
    if not samples:
        return "-"
    ratios = [sample.ratio for sample in samples]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def table(samples: dict[str, dict[str, list[Sample]]], names: list[str]) -> list[str]:
    """A table in Markdown: ratios, what oxide took, and how far the yardstick itself wandered."""
    heads = [*names, f"{names[0]}: processor s, peak MB", "yardstick, seconds"]
    lines = [f"| operation | {' | '.join(heads)} |", f"|---{'|---' * len(heads)}|"]
    for operation, by_tool in samples.items():
        yardsticks = [sample.yardstick for runs in by_tool.values() for sample in runs]
        cells = " | ".join(ratios_in_words(by_tool.get(name)) for name in names)
        own = by_tool.get(names[0], [])
        processor = statistics.median(sample.processor for sample in own)
        memory = max(sample.memory for sample in own) / 1e6
        wandered = f"{min(yardsticks):.3f}-{max(yardsticks):.3f}"
        lines.append(f"| {operation} | {cells} | {processor:.3f}, {memory:.0f} | {wandered} |")
    return lines


def versions() -> list[str]:
    """Each tool as it names itself."""
    beside = Path(sys.executable).parent / "oxide"
    found = [str(beside), shutil.which("git")]
    return [subprocess.check_output([path, "--version"], text=True).strip() for path in found if path]


def machine() -> dict[str, object]:
    """What the numbers were measured on."""
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d"),
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
        + f"; {bench.rounds} rounds; load {os.getloadavg()[2]:.1f} over the last quarter of an hour.",
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
        growth = bench.growth(CSV_ROWS[options.scale], SINGLE_COMMITS[options.scale])
        lines += ["", *growth]
        print("\n" + "\n".join(lines))
        if options.scale == "full":
            write_results(bench, lines)
    finally:
        print("removing the trees ...")
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
