"""Which frames of a video are wanted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from oxide.errors import InvalidInput

KINDS = ("first", "first-middle-last", "all", "count", "fps")


@dataclass(frozen=True, slots=True)
class Choice:
    """``first``, ``first-middle-last``, ``all``, ``count``: so many at equal distances, ``fps``: so many a second.

    Raises:
        InvalidInput: there is no such kind, or a number is missing, not wanted or not positive.
    """

    kind: str
    number: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.kind not in KINDS:
            raise InvalidInput(f"'{self.kind}' is no way to choose frames", hint=f"use one of {', '.join(KINDS)}")
        if (self.kind in ("count", "fps")) != (self.number is not None):
            raise InvalidInput(f"a number belongs to count and fps alone, not to {self.kind}", hint="as in count, 8")
        if self.number is not None and not (math.isfinite(self.number) and self.number > 0):
            raise InvalidInput(f"{self.kind} is a positive number, not {self.number}", hint="as in 8")
        if self.kind == "count" and self.number != int(self.number or 0):
            raise InvalidInput(f"count is a whole number, not {self.number}", hint="as in 8")

    def __str__(self) -> str:
        """As it is recorded."""
        return self.kind if self.number is None else f"{self.kind} {self.number:g}"

    def indexes(self, times: Sequence[float]) -> list[int]:
        """The frames, ascending, each once; ``times`` are seconds from the first frame on, ascending.

        The j-th of K frames at equal distances, of n: ``floor((j + 0.5) * n / K)``, the middles of K equal parts. At
        F frames a second: those that are shown at the times 0, 1/F, 2/F, ...
        """
        total = len(times)
        if self.kind == "all" or total == 0:
            return list(range(total))
        if self.kind == "first":
            return [0]
        if self.kind == "first-middle-last":
            return sorted({0, total // 2, total - 1})
        if self.kind == "count":
            wanted = int(self.number or 0)
            return (
                list(range(total)) if wanted >= total else [(2 * j + 1) * total // (2 * wanted) for j in range(wanted)]
            )
        return [at for at in range(total) if self._is_sampled(times, at)]

    def _is_sampled(self, times: Sequence[float], at: int) -> bool:
        """Whether a moment k/F falls between this frame and the next; one that is a rounding away is this one's."""
        rate = self.number or 0
        moment = math.ceil(times[at] * rate - 1e-6)
        last = at == len(times) - 1
        return moment <= times[at] * rate + 1e-6 if last else moment < times[at + 1] * rate - 1e-6
