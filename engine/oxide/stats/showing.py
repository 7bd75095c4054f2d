"""The numbers as panels of named bars, for a terminal and for a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from oxide.stats import measures
from oxide.stats.counting import Stats

MOST = 20
"""Rows of a panel; the rest is one row."""


class Panel(NamedTuple):
    """A title, and rows of a name with a number for each of the states that are compared."""

    title: str
    rows: list[tuple[str, tuple[float, ...]]]


_RANGES: dict[str, tuple[str, tuple[float, ...]]] = {
    "aspect": ("Width by height", measures.ASPECTS),
    "duration": ("Duration in seconds", measures.SECONDS),
    "area": ("Boxes by the side of a square of their area, in pixels", measures.SIDES),
    "per file": ("Files by their number of annotations", measures.PER_FILE),
}
_NAMED = {
    "media": "Files by type",
    "label": "Annotations by label",
    "type": "Annotations by type",
    "source": "Annotations by source",
    "split": "Files by split",
    "size": "Pictures and videos by width and height",
    "broken": "Damaged files",
}
_ORDER = ("media", "split", "label", "type", "source", "per file", "area", "size", "aspect", "duration", "broken")


def panels(states: Sequence[Stats]) -> list[Panel]:
    """What was counted of one state or several, side by side; measures without anything are left out."""
    found = [_ranges(states, name) if name in _RANGES else _named(states, name) for name in _ORDER]
    by_split = [_split_labels(stats) for stats in states if len(states) == 1]
    return [panel for panel in (*found, *by_split) if panel.rows]


def _named(states: Sequence[Stats], measure: str) -> Panel:
    counts = [stats.of(measure) for stats in states]
    names = sorted({name for each in counts for name in each}, key=lambda name: (-max(_all(counts, name)), name))
    rows = [(name, _all(counts, name)) for name in names[:MOST]]
    if len(names) > MOST:
        rest = [tuple(_all(counts, name)) for name in names[MOST:]]
        rows.append((f"{len(names) - MOST} others", tuple(map(sum, zip(*rest, strict=True)))))
    return Panel(_NAMED[measure], rows)


def _ranges(states: Sequence[Stats], measure: str) -> Panel:
    title, edges = _RANGES[measure]
    counts = [stats.of(measure) for stats in states]
    if measure == "per file":
        for stats, each in zip(states, counts, strict=True):
            bare = stats.total("files") - stats.total("labelled")
            if bare and each:
                each["0"] = bare
    if not any(counts):
        return Panel(title, [])
    rows = []
    for low, high in zip(edges, (*edges[1:], None), strict=True):
        numbers = _all(counts, f"{low:g}")
        rows.append((_range(measure, low, high), numbers))
    used = [at for at, (_, numbers) in enumerate(rows) if any(numbers)]
    return Panel(title, rows[used[0] : used[-1] + 1] if used else [])


def _range(measure: str, low: float, high: float | None) -> str:
    if measure == "per file":
        if high is None:
            return f"{low:g} and more"
        return f"{low:g}" if high == low + 1 else f"{low:g} to {high - 1:g}"
    return f"{low:g} and more" if high is None else f"{low:g} to {high:g}"


def _split_labels(stats: Stats) -> Panel:
    splits = sorted(stats.by_split)
    labels = sorted({label for split in splits for label in stats.by_split[split]})
    rows = [(label, tuple(stats.by_split[split].get(label, 0) for split in splits)) for label in labels[:MOST]]
    return Panel(f"Annotations by label in {', '.join(splits)}", rows)


def _all(counts: Sequence[dict[str, float]], name: str) -> tuple[float, ...]:
    return tuple(each.get(name, 0) for each in counts)
