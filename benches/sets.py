"""The files that everything is measured on: made from a seed, so they are the same on every machine."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

VIDEO_HEAD = b"\0\0\0\x14ftypisom\0\0\0\0isom"
"""The first box of an MP4 file (ISO/IEC 14496-12, 4.3)."""
BLOCK = 1 << 20
FILES_IN_A_FOLDER = 1_000


@dataclass(frozen=True)
class FileSet:
    """Random files: nothing in them compresses or repeats, as in media."""

    name: str
    files: int
    smallest: int
    largest: int
    differing: int
    """How many files differ between the two branches of a switch; 0: no switch is measured."""
    suffix: str = ".jpg"
    in_place: bool = False
    """Tools work on the one copy there is, and nothing is restored: for sets too large to be copied each time."""

    rounds: int | None = None
    """The most rounds that it gets, where that is fewer than other sets."""
    tools: tuple[str, ...] | None = None
    """The only tools that it is measured with, where the others would take hours."""

    @property
    def title(self) -> str:
        """What a reader calls it."""
        kind = "videos" if self.suffix == ".mp4" else "files"
        sizes = size(self.largest)
        if self.smallest != self.largest:
            sizes = f"{size(self.smallest)} to {sizes}"
        return f"{spaced(self.files)} {kind} of {sizes}"

    def name_of(self, number: int) -> str:
        """Where a file lies below the tree: a thousand files a folder."""
        return f"data/part_{number // FILES_IN_A_FOLDER:03}/{number:07}{self.suffix}"


@dataclass(frozen=True)
class TableSet:
    """One CSV, and a second version with scattered edits and one row more."""

    name: str
    rows: int
    edits: int

    @property
    def title(self) -> str:
        """What a reader calls it."""
        return f"one CSV of {spaced(self.rows)} rows, {self.edits} edited rows and an insertion"


@dataclass(frozen=True)
class CommitSet:
    """Many commits, each of a new version of one file among many."""

    name: str
    files: int
    commits: int
    repeats: int = 15
    """How often status, log and opening are timed, early and late."""

    @property
    def title(self) -> str:
        """What a reader calls it."""
        return f"{spaced(self.commits)} commits of one file each among {spaced(self.files)}"


@dataclass(frozen=True)
class LabelSet:
    """A COCO file about many tiny pictures, and then far more boxes of the same pictures."""

    name: str
    pictures: int
    annotations: int
    """Of the COCO file: outlines of some sixteen points each."""
    boxes: int
    edits: int
    """Boxes that a commit changes, spread at random."""
    apart: int
    """Boxes by which two compared commits differ."""

    @property
    def title(self) -> str:
        """What a reader calls it."""
        return (
            f"{spaced(self.annotations)} outlines, then {spaced(self.boxes)} boxes of {spaced(self.pictures)} pictures"
        )


@dataclass(frozen=True)
class ClipSet:
    """Short videos, of which frames are taken."""

    name: str
    clips: int
    frames: int
    rounds: int | None = None
    """The most rounds that it gets."""

    @property
    def title(self) -> str:
        """What a reader calls it."""
        return f"{spaced(self.clips)} clips of {self.frames} frames"


@dataclass(frozen=True)
class QuerySet:
    """Items with metadata and annotations, about which questions are asked."""

    name: str
    items: int
    annotations: int

    @property
    def title(self) -> str:
        """What a reader calls it."""
        return f"{spaced(self.items)} items with metadata and {spaced(self.annotations)} annotations"


def commit_files(count: int) -> FileSet:
    """The files that are committed one by one."""
    return FileSet("commits", count, 2_048, 2_048, 0)


AnySet = FileSet | TableSet | CommitSet | LabelSet | ClipSet | QuerySet


def _sets(divisor: int) -> list[AnySet]:
    return [
        FileSet("medium", 20_000 // divisor, 10_000, 60_000, 5_000 // divisor),
        FileSet("small", 100_000 // divisor, 2_048, 2_048, 0, in_place=True),
        FileSet("videos", max(2, 40 // divisor), 25_000_000, 25_000_000, 0, ".mp4"),
        TableSet("table", 6_080_000 // divisor, 200),
        CommitSet("commits", 20_000 // divisor, 10_000 // divisor),
        LabelSet("labels", 118_000 // divisor, 860_000 // divisor, 10_000_000 // divisor, 100, 1_000),
        ClipSet("clips", 10_000 // divisor, 50, rounds=3),
        QuerySet("queries", 1_000_000 // divisor, 10_000_000 // divisor),
    ]


def _huge(files: int) -> FileSet:
    return FileSet("huge", files, 2_048, 2_048, 0, in_place=True, rounds=3, tools=("oxide", "git"))


TRACED = FileSet("traced", 2_000, 10_000, 60_000, 0)
"""What system calls are counted on: tracing slows a process many times over."""

SCALES: dict[str, list[AnySet]] = {
    "tiny": [
        FileSet("medium", 40, 1_000, 6_000, 10),
        FileSet("small", 60, 2_048, 2_048, 0, in_place=True),
        FileSet("videos", 2, 300_000, 300_000, 0, ".mp4"),
        TableSet("table", 5_000, 5),
        CommitSet("commits", 30, 12, repeats=2),
        LabelSet("labels", 20, 60, 2_000, 10, 20),
        ClipSet("clips", 4, 10),
        QuerySet("queries", 200, 2_000),
        _huge(80),
    ],
    "small": [*_sets(20), _huge(20_000)],
    "default": _sets(1),
    "full": [*_sets(1), _huge(1_000_000)],
}


def spaced(count: int) -> str:
    """A number for reading: 20 000."""
    return f"{count:,}".replace(",", " ")


def size(count: int) -> str:
    """A length for reading, rounded: 60 KB, 25 MB."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "KB")):
        if count >= unit:
            return f"{count / unit:.0f} {name}"
    return f"{count} B"


def make_files(tree: Path, files: FileSet) -> None:
    """Write the set into a tree that is to be."""
    source = random.Random(files.name)
    for number in range(files.files):
        path = tree / files.name_of(number)
        if number % FILES_IN_A_FOLDER == 0:
            path.parent.mkdir(parents=True)
        write_random(path, source.randint(files.smallest, files.largest), source)


def write_random(path: Path, length: int, source: random.Random) -> None:
    """A file of random bytes, in blocks: the harness must stay small, its memory is the floor of what it measures.

    What is called a video begins as one, since tools may treat media by their first bytes.
    """
    head = VIDEO_HEAD + (length - len(VIDEO_HEAD)).to_bytes(4, "big") + b"mdat" if path.suffix == ".mp4" else b""
    with path.open("wb") as file:
        file.write(head)
        for start in range(len(head), length, BLOCK):
            file.write(source.randbytes(min(BLOCK, length - start)))


def make_table(path: Path, table: TableSet) -> None:
    """Write the first version of the CSV."""
    source = random.Random(table.name)
    with path.open("w") as file:
        for row in range(table.rows):
            file.write(
                f"{row},images/{source.randrange(10**9):09}.jpg,{source.random():.12f},{source.randrange(1000)},cat\n"
            )


def edit_table(path: Path, edited: Path, table: TableSet) -> None:
    """Write the second version: other numbers of the same width in rows all over, and a row more in the middle."""
    source = random.Random("edits")
    changed = set(source.sample(range(table.rows), table.edits))
    with path.open() as old, edited.open("w") as new:
        for row, line in enumerate(old):
            if row == table.rows // 2:
                new.write("inserted,images/inserted.jpg,0.5,1,dog\n")
            if row in changed:
                number, image, _, label, animal = line.split(",")
                line = ",".join((number, image, f"{source.random():.12f}", label, animal))
            new.write(line)
