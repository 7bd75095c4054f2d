"""Hand-made results of the engine."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from oxide.types import Commit, Diff, FileChanges, LogEntry, Person, Status, TableChanges

ADA = Person("Ada", "ada@example.org")
TIME = datetime(2026, 3, 1, 14, 5, 9, tzinfo=timezone(timedelta(hours=1)))
NO_FILES = FileChanges([], [], [], [])


def identifier(digit: str) -> str:
    return digit * 64


def commit(digit: str, *parents: str, message: str = "Add cats\n\nFrom the garden.\n") -> Commit:
    return Commit(identifier(digit), tuple(identifier(parent) for parent in parents), ADA, ADA, TIME, message, 1, {})


def entry(digit: str, *parents: str, branches: tuple[str, ...] = (), tags: tuple[str, ...] = ()) -> LogEntry:
    return LogEntry(commit(digit, *parents), list(branches), list(tags))


CLEAN = Status(
    branch="main",
    head="ab28049e028d2a00" + "1" * 48,
    staged=NO_FILES,
    tables={},
    modified=[],
    removed=[],
    untracked=[],
    skipped=[],
    empty_folders=[],
    conflicts=[],
    merging=[],
    upstream=None,
    ahead=0,
    behind=0,
)

DIFF = Diff(
    FileChanges(["b.jpg", "images/new.jpg"], ["labels.csv"], ["old.jpg"], [("a.jpg", "z.jpg")]),
    {"annotations": TableChanges(12, 3, 0), "metadata": TableChanges(0, 0, 0)},
)
