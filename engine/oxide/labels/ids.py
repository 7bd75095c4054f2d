"""New ids in ObjectId layout: four bytes of seconds, five at random, a counter of three; ordered as they were made."""

from __future__ import annotations

import os
from collections.abc import Iterator

from oxide import clock
from oxide.errors import InvalidInput

LENGTH = 12
DIGITS = 2 * LENGTH
_COUNTED = 1 << 24


def new_ids() -> Iterator[str]:
    """Ids without end, each 24 hex digits, ascending."""
    seconds = clock.now() // 1_000_000
    while True:
        prefix = seconds.to_bytes(4, "big").hex() + os.urandom(5).hex()
        for number in range(_COUNTED):
            yield f"{prefix}{number:06x}"
        seconds += 1  # the same second cannot go on: its ids would not ascend


def is_id(text: str) -> bool:
    """Whether a text is an id."""
    try:
        return len(text) == DIGITS and len(bytes.fromhex(text)) == LENGTH
    except ValueError:
        return False


def checked(text: str, what: str) -> str:
    """An id as it is stored.

    Raises:
        InvalidInput: the text is none.
    """
    if is_id(text):
        return text.lower()
    raise InvalidInput(
        f"'{text}' is no id of {what}", hint=f"an id is {DIGITS} hex digits, see `oxide annotations PATH`"
    )
