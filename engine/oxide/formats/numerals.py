"""Numbers as text formats write them, so that they are read as they were."""

from __future__ import annotations

import math

_EXACT = 1 << 53


def plain(value: float) -> str:
    """The shortest text that reads as the same number, without a point for whole numbers."""
    return str(int(value)) if value == int(value) and abs(value) < _EXACT else repr(float(value))


def finite(text: str) -> float:
    """The number that a text says.

    Raises:
        ValueError: it says none, or one that is not finite.
    """
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"'{text}' is not finite")
    return value
