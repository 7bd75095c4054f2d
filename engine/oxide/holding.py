"""Readers hold what they read: no collector takes it away before they are done, and nobody waits for anybody."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Concatenate, ParamSpec, Protocol, TypeVar

    from oxide._core import Hold, Store

    class HasStore(Protocol):
        """What a reading method belongs to."""

        store: Store

    Reader = TypeVar("Reader", bound=HasStore)
    Arguments = ParamSpec("Arguments")
    Result = TypeVar("Result")
    Entry = TypeVar("Entry")


def holding(
    read: Callable[Concatenate[Reader, Arguments], Result],
) -> Callable[Concatenate[Reader, Arguments], Result]:
    """A method that holds what the repository has from before its first look to its return."""

    @functools.wraps(read)
    def held(self: Reader, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with self.store.hold():
            return read(self, *args, **kwargs)

    return held


def held_by(hold: Hold, entries: Iterator[Entry]) -> Iterator[Entry]:
    """The same entries, held until the last one is read."""
    with hold:
        yield from entries
