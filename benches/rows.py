"""What is compared, by which yardstick, and what Oxide must reach."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from benches.results import Results, Sample

Figure = Callable[[Sample], float]


def copied(sample: Sample) -> float:
    """Seconds of `cp -r`."""
    return sample["yardsticks"]["cp"]


def copied_and_flushed(sample: Sample) -> float:
    """Seconds of `cp -r` and `sync -f`."""
    return sample["yardsticks"]["cp"] + sample["yardsticks"]["flush"]


def walked(sample: Sample) -> float:
    """Seconds of a walk that reads the metadata of every file."""
    return sample["yardsticks"]["walk"]


def slower(sample: Sample) -> float:
    """Seconds of `cp -r` or of SHA-256 on all cores, whichever takes longer."""
    return max(sample["yardsticks"]["cp"], sample["yardsticks"]["sha256"])


def by_copy(sample: Sample) -> float:
    """Seconds by those of a copy."""
    return sample["seconds"] / copied(sample)


def by_flushed_copy(sample: Sample) -> float:
    """Seconds until all is on the disk, by those of a copy that is there too."""
    return sample["durable"] / copied_and_flushed(sample)


def by_walk(sample: Sample) -> float:
    """Seconds by those of a walk."""
    return sample["seconds"] / walked(sample)


def by_slower(sample: Sample) -> float:
    """Seconds by those of a copy or of SHA-256."""
    return sample["seconds"] / slower(sample)


def decoded(sample: Sample) -> float:
    """Seconds of a loop that decodes the same clips."""
    return sample["yardsticks"]["decoder"]


def by_decoder(sample: Sample) -> float:
    """Seconds by those of a loop that only decodes."""
    return sample["seconds"] / decoded(sample)


def plain(sample: Sample) -> float:
    """Seconds of plain DuckDB over one Parquet file a table."""
    return sample["yardsticks"]["plain"]


def by_plain(sample: Sample) -> float:
    """Seconds by those of plain DuckDB."""
    return sample["seconds"] / plain(sample)


def by_seconds(sample: Sample) -> float:
    """The seconds themselves."""
    return sample["seconds"]


def by_memory(sample: Sample) -> float:
    """Peak memory in GB."""
    return sample["memory"] / 1e9


YARDSTICKS: dict[Figure, Figure] = {
    by_copy: copied,
    by_flushed_copy: copied_and_flushed,
    by_walk: walked,
    by_slower: slower,
    by_decoder: decoded,
    by_plain: plain,
}
"""What a ratio was divided by."""


@dataclass(frozen=True)
class Row:
    """One line of the comparison. A target is the most that the median may be; an aim is beyond it."""

    set: str
    operation: str
    title: str
    figure: Figure
    target: float | None = None
    aim: float | None = None

    def values(self, results: Results, tool: str) -> list[float]:
        """One for each sample."""
        return [self.figure(sample) for sample in results.of(self.set, self.operation, tool)]


@dataclass(frozen=True)
class Spread:
    """Median, range and number of what was measured."""

    median: float
    least: float
    most: float
    count: int


def spread(values: list[float]) -> Spread | None:
    """None of nothing."""
    return Spread(statistics.median(values), min(values), max(values), len(values)) if values else None


ROWS = [
    Row("medium", "first", "init, add, commit (x cp)", by_copy, 1.0, 0.8),
    Row("medium", "first", "init, add, commit, on the disk (x cp and flush)", by_flushed_copy, 1.0),
    Row("medium", "status", "status, nothing changed (x walk)", by_walk),
    Row("medium", "one", "add and commit one file (x walk)", by_walk),
    Row("medium", "restore", "restore all (x cp)", by_copy, 1.1, 1.0),
    Row("medium", "store changes", "add and commit what differs (x cp over it)", by_copy),
    Row("medium", "switch", "switch branches (x cp over what differs)", by_copy, 1.2, 1.0),
    Row("small", "first", "init, add, commit (x cp)", by_copy, 0.8, 0.5),
    Row("small", "first", "init, add, commit, on the disk (x cp and flush)", by_flushed_copy),
    Row("small", "status", "status, nothing changed (x walk)", by_walk, 0.7, 0.5),
    Row("small", "one", "add and commit one file (x walk)", by_walk, 0.5, 0.25),
    Row("videos", "first", "init, add, commit (x slower of cp and SHA-256)", by_slower, 1.3),
    Row("videos", "first", "init, add, commit (x cp)", by_copy),
    Row("videos", "first", "init, add, commit, on the disk (x cp and flush)", by_flushed_copy),
    Row("videos", "restore", "restore all (x cp)", by_copy),
    Row("table", "first", "init, add, commit (x cp)", by_copy),
    Row("table", "second", "add and commit the second version (x cp)", by_copy),
    Row("table", "restore", "restore the second version (x cp)", by_copy),
    Row("labels", "import", "import of COCO (seconds)", by_seconds, 60.0),
    Row("labels", "import", "import of COCO: peak memory (GB)", by_memory),
    Row("labels", "export", "export of all boxes as COCO (seconds)", by_seconds),
    Row("labels", "export", "export of all boxes as COCO: peak memory (GB)", by_memory, 1.0),
    Row("labels", "edit", "change boxes at random places and commit (seconds)", by_seconds, 1.0),
    Row("labels", "diff", "diff of commits that differ in more of them (seconds)", by_seconds, 1.0),
    Row("labels", "stats", "stats, the first time (seconds)", by_seconds),
    Row("labels", "stats again", "stats, asked again (seconds)", by_seconds, 1.0),
    Row("clips", "frames", "three frames of each, staged (x a bare decoder loop)", by_decoder, round(1 / 0.9, 2)),
    Row("clips", "again", "the same again, all there (x a bare decoder loop)", by_decoder),
    Row("queries", "labels", "annotations by label (x plain DuckDB)", by_plain, 1.3),
    Row("queries", "joined", "label, score and metadata together (x plain DuckDB)", by_plain, 1.5),
    Row("queries", "item", "annotations of one item (seconds)", by_seconds, 0.03),
    Row("queries", "page", "first page of a sorted query (seconds)", by_seconds, 0.1),
    Row("queries", "labels back", "annotations by label, 50 versions back (x plain DuckDB)", by_plain, 1.3),
    Row("queries", "joined back", "the joined query, 50 versions back (x plain DuckDB)", by_plain, 1.5),
    Row("queries", "item back", "annotations of one item, 50 versions back (seconds)", by_seconds, 0.03),
    Row("queries", "page back", "first page, 50 versions back (seconds)", by_seconds, 0.1),
    Row("queries", "stats", "stats, the first time (seconds)", by_seconds),
    Row("queries", "stats again", "stats, asked again (seconds)", by_seconds, 1.0),
    Row("queries", "first result", "oxide query over 20 000 items, interpreter included (seconds)", by_seconds, 0.4),
    Row("huge", "first", "init, add, commit (x cp)", by_copy, 0.8),
    Row("huge", "status", "status, nothing changed (seconds)", by_seconds, 3.0),
    Row("huge", "status", "status, nothing changed (x walk)", by_walk, 0.7),
    Row("huge", "one", "add and commit one file (seconds)", by_seconds, 1.0),
    Row("huge", "one", "add and commit one file (x walk)", by_walk),
    Row("huge", "first", "init, add, commit: peak memory (GB)", by_memory, 1.0),
]


@dataclass(frozen=True)
class Count:
    """A fact and the most that it may be."""

    set: str
    name: str
    title: str
    target: float | None = None
    aim: float | None = None


COUNTS = [
    Count("table", "growth, x file", "growth of the store by the second version (x file)", 0.04, 0.01),
    Count("table", "store, x file", "store of the first version (x file)"),
    Count("medium", "store, x data", "store (x data)"),
    Count("medium", "allocated, x data", "store, as allocated on the disk (x data)"),
    Count("medium", "files and folders in the store", "files and folders in the store"),
    Count("small", "store, x data", "store (x data)"),
    Count("small", "allocated, x data", "store, as allocated on the disk (x data)"),
    Count("small", "files and folders in the store", "files and folders in the store"),
    Count("videos", "allocated, x data", "store, as allocated on the disk (x data)"),
    Count("labels", "growth", "growth of the store by that commit (bytes)", 1e6),
    Count("labels", "bytes a box", "store of all boxes (bytes a box)"),
    Count("huge", "allocated, x data", "store, as allocated on the disk (x data)"),
    Count("huge", "files and folders in the store", "files and folders in the store"),
]

COMMITS = [
    Count(
        "commits", "bytes a commit", "growth of the store by a commit of 2 048 new bytes in one file (bytes)", 20_000
    ),
    Count("commits", "most files below .oxide", "files below `.oxide`, the most there were", 299),
]

AGEING = {"status": 1.1, "log": 1.1, "open": 1.1}
"""How much slower the median may be after all commits than after ten."""
