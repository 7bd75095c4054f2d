"""Distributions as lines with bars, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from oxide_cli.rendering.text import count, number, size

if TYPE_CHECKING:
    from oxide.stats.counting import Stats
    from oxide.stats.showing import Panel

BAR = 30
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def as_record(stats: Stats) -> dict[str, Any]:
    """The numbers as JSON: whole ones as integers."""

    def plain(numbers: Any) -> dict[str, float]:
        return {name: int(value) if value == int(value) else value for name, value in sorted(numbers.items())}

    counts = {measure: plain(numbers) for measure, numbers in sorted(stats.counts.items())}
    by_split = {split: plain(numbers) for split, numbers in sorted(stats.by_split.items())}
    return {"revision": stats.revision, "counts": counts, "labels_by_split": by_split}


def lines(states: Sequence[Stats]) -> Iterator[str]:
    """What one state or several side by side hold."""
    from oxide.stats.showing import panels

    for stats in states:
        files = f"{count(int(stats.total('files')), 'file')}, {size(stats.total('files', 'bytes'))}"
        annotations = int(sum(stats.of("type").values()))
        labelled = f"{count(annotations, 'annotation')} on {count(int(stats.total('labelled')), 'file')}"
        seconds = stats.total("seconds")
        length = f", {number(round(seconds))} s of video" if seconds else ""
        yield f"{stats.revision}: {files}{length}; {labelled}"
    for panel in panels(states):
        yield ""
        yield panel.title
        yield from _panel(panel)


def _panel(panel: Panel) -> Iterator[str]:
    names = max(len(name) for name, _ in panel.rows)
    most = max(max(numbers) for _, numbers in panel.rows) or 1
    shown = [[number(round(value)) for value in numbers] for _, numbers in panel.rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for (name, numbers), texts in zip(panel.rows, shown, strict=True):
        cells = "  ".join(text.rjust(width) for text, width in zip(texts, widths, strict=True))
        bar = f"  {_bar(numbers[0] / most)}" if len(numbers) == 1 else ""
        yield f"  {name:<{names}}  {cells}{bar}".rstrip()


def _bar(share: float) -> str:
    whole, part = divmod(round(share * BAR * 8), 8)
    return _EIGHTHS[8] * whole + (_EIGHTHS[part] if part else "")
