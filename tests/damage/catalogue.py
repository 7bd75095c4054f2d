"""Damages: which file of a copy is broken, how, and what role the file plays."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from damage import packs

STORED = "stored"
"""What is lost is lost, unless it lies somewhere else as well."""
DERIVED = "derived"
"""Deleting it changes no result."""

ROLES = {
    "pack of contents": STORED,
    "pack of tables": STORED,
    "own file": STORED,
    "newest operation": STORED,
    "older operation": STORED,
    "run of operations": STORED,
    "repository file": STORED,
    "stat index": DERIVED,
    "journal": DERIVED,
    "index of content packs": DERIVED,
    "index of table packs": DERIVED,
    "cached segment": DERIVED,
    "cached commits": DERIVED,
    "cached operations": DERIVED,
}


def find(tree: Path, kind: str) -> list[Path]:
    """The files of a kind, the one to be damaged first."""
    control = tree / ".oxide"
    loose = sorted(path for path in (control / "operations").iterdir() if path.name.isdigit())

    def by_size(pattern: str) -> list[Path]:
        return sorted(control.glob(pattern), key=lambda path: -path.stat().st_size)

    return {
        "pack of contents": lambda: by_size("packs/data-*.pack"),
        "pack of tables": lambda: by_size("packs/meta-*.pack"),
        "own file": lambda: sorted(control.glob("objects/*/*")),
        "newest operation": lambda: loose[:-3:-1],
        "older operation": lambda: loose[4:6],
        "run of operations": lambda: sorted(control.glob("operations/*.run")),
        "repository file": lambda: [control / "repository"],
        "stat index": lambda: [control / "index" / "stat", control / "index" / "stat.journal"],
        "journal": lambda: [control / "index" / "stat.journal"],
        "index of content packs": lambda: [control / "index" / "packs-data", control / "index" / "packs-meta"],
        "index of table packs": lambda: [control / "index" / "packs-meta"],
        "cached segment": lambda: sorted(control.glob("cache/segments/*.parquet")),
        "cached commits": lambda: sorted(control.glob("cache/history/commits-*.parquet")),
        "cached operations": lambda: sorted(control.glob("cache/history/operations-*.parquet")),
    }[kind]()


class Damage(NamedTuple):
    """``apply(tree)`` breaks a copy and gives the name of the file that it broke."""

    kind: str
    what: str
    apply: Callable[[Path], str]


def _on_file(kind: str, what: str, change: Callable[[Path], None]) -> Damage:
    def apply(tree: Path) -> str:
        path = find(tree, kind)[0]
        change(path)
        return path.name

    return Damage(kind, what, apply)


def _cut(share: float) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        data = path.read_bytes()
        packs.replace(path, data[: int(len(data) * share)])

    return change


def _flip(share: float) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        length = path.stat().st_size
        place = min(int(length * share), length - 1)
        packs.flip(path, place, bit=place % 8)

    return change


def _zeros(path: Path) -> None:
    """What a power cut leaves of a file whose length reached the disk before its bytes."""
    packs.replace(path, bytes(path.stat().st_size))


def _garbage(path: Path) -> None:
    packs.replace(path, b"\xff\x00garbage\n" * 40)


def _newer(path: Path) -> None:
    data = path.read_bytes()
    newer = re.sub(rb"[0-8]", lambda digit: b"%d" % (int(digit[0]) + 1), data[:8])
    packs.replace(path, newer + data[8:])


def _swap(kind: str) -> Damage:
    def apply(tree: Path) -> str:
        first, second = find(tree, kind)[:2]
        one, two = first.read_bytes(), second.read_bytes()
        packs.replace(first, two)
        packs.replace(second, one)
        return first.name

    return Damage(kind, "swapped", apply)


def every_damage() -> Iterator[Damage]:
    """The catalogue; a part of it unless ``OXIDE_DAMAGE=all`` asks for everything."""
    thorough = os.environ.get("OXIDE_DAMAGE") == "all"
    for kind in ROLES:
        yield _on_file(kind, "deleted", Path.unlink)
        yield _on_file(kind, "zeros", _zeros)
        for share in (0.02, 0.6, 0.999) if thorough else (0.6,):
            yield _on_file(kind, f"cut at {share}", _cut(share))
        for share in (0.0, 0.013, 0.2, 0.55, 0.9, 0.97, 1.0) if thorough else (0.013, 0.97):
            yield _on_file(kind, f"bit flipped at {share}", _flip(share))
        if thorough:
            yield _on_file(kind, "emptied", lambda path: packs.replace(path, b""))
            yield _on_file(kind, "garbage", _garbage)
    for kind in ("pack of contents", "pack of tables", "newest operation", "stat index", "cached segment"):
        yield _on_file(kind, "newer version", _newer)
    for kind in ("pack of contents", "pack of tables", "own file", "newest operation", "stat index"):
        yield _swap(kind)
    yield _swap("index of content packs")
