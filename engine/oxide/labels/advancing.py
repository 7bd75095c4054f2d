"""Telling a progress callback how far work on many rows is."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oxide.types import Progress

TOLD_EVERY = 1_000
"""Rows between two calls: few enough to come many times a second, so many that the calls cost nothing."""


class Advance:
    """Counts what was done of some work, and tells it now and then; ``total`` is 0 while unknown."""

    def __init__(self, progress: Progress | None, phase: str, total: int = 0) -> None:
        self._progress = progress
        self._phase = phase
        self._total = total
        self._done = 0
        self._told = 0
        self._tell()

    def by(self, number: int) -> None:
        """So many more are done."""
        self._done += number
        if self._done - self._told >= TOLD_EVERY or self._done == self._total:
            self._tell()

    def _tell(self) -> None:
        self._told = self._done
        if self._progress is not None:
            self._progress(self._phase, self._done, self._total, 0, 0)
