"""One line on standard error for work that takes longer than a moment: phase, files, bytes, rate, remaining time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from oxide_cli.rendering.text import duration, number, size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

FIRST_AFTER = 0.3
"""Seconds before anything is shown: shorter work stays silent."""
INTERVAL = 0.1


def reporter() -> Reporter | None:
    """The reporter for this process: a line on a terminal, JSON lines with ``OXIDE_PROGRESS=json``, else none."""
    wanted = os.environ.get("OXIDE_PROGRESS", "")
    if wanted == "json":
        return Reporter(sys.stderr, JsonStyle())
    if wanted in ("none", "off", "0") or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return None
    return Reporter(sys.stderr, LineStyle(_terminal_width))


class Step:
    """How far the work is. Totals are 0 while unknown; ``seconds`` counts from the start of the phase."""

    def __init__(self, phase: str, files: int, files_total: int, bytes_: int, bytes_total: int, seconds: float) -> None:
        self.phase = phase
        self.files = files
        self.files_total = files_total
        self.bytes = bytes_
        self.bytes_total = bytes_total
        self.seconds = seconds

    @property
    def remaining(self) -> float | None:
        """Seconds left at the rate so far, by bytes where their total is known and otherwise by files."""
        for done, total in ((self.bytes, self.bytes_total), (self.files, self.files_total)):
            if 0 < done <= total and self.seconds > 0:
                return self.seconds * (total - done) / done
        return None

    def __str__(self) -> str:
        parts = []
        if self.files or self.files_total:
            parts.append(_of(number(self.files), number(self.files_total) if self.files_total else "") + " files")
        if self.bytes or self.bytes_total:
            parts.append(_of(size(self.bytes), size(self.bytes_total) if self.bytes_total else ""))
        if self.seconds > 0:
            if self.bytes:
                parts.append(f"{size(self.bytes / self.seconds)}/s")
            elif self.files:
                parts.append(f"{number(round(self.files / self.seconds))} files/s")
        if self.remaining is not None:
            parts.append(f"{duration(self.remaining)} left")
        return f"{self.phase}: {', '.join(parts)}" if parts else self.phase


def _of(done: str, total: str) -> str:
    return f"{done} of {total}" if total else done


class LineStyle:
    """A line that rewrites itself and disappears."""

    def __init__(self, width: Callable[[], int]) -> None:
        self._width = width

    def show(self, step: Step) -> str:
        """The bytes that replace the line by this step."""
        return "\r\x1b[K" + str(step)[: max(10, self._width() - 1)]

    clear = "\r\x1b[K"


class JsonStyle:
    """A line of JSON for each step."""

    def show(self, step: Step) -> str:
        """The step as an object on its own line."""
        import json

        return (
            json.dumps(
                {
                    "phase": step.phase,
                    "files": step.files,
                    "files_total": step.files_total,
                    "bytes": step.bytes,
                    "bytes_total": step.bytes_total,
                    "seconds": round(step.seconds, 3),
                    "remaining": None if step.remaining is None else round(step.remaining, 3),
                }
            )
            + "\n"
        )

    clear = ""


class Reporter:
    """The engine's progress callback: shows a step at most ten times a second, and nothing in the first moment."""

    def __init__(
        self, stream: IO[str], style: LineStyle | JsonStyle, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._style = style
        self._clock = clock
        self._start = self._phase_start = clock()
        self._shown_at: float | None = None
        self._phase = ""

    def __call__(self, phase: str, files: int, files_total: int, bytes_done: int, bytes_total: int) -> None:
        """One step of the work."""
        now = self._clock()
        if phase != self._phase:
            self._phase, self._phase_start = phase, now
        if now - self._start < FIRST_AFTER or (self._shown_at is not None and now - self._shown_at < INTERVAL):
            return
        self._shown_at = now
        step = Step(phase, files, files_total, bytes_done, bytes_total, now - self._phase_start)
        self._stream.write(self._style.show(step))
        self._stream.flush()

    def clear(self) -> None:
        """Leave the terminal as it was."""
        if self._shown_at is not None:
            self._stream.write(self._style.clear)
            self._stream.flush()
            self._shown_at = None


def _terminal_width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
