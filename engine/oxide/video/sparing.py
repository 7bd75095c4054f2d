"""Which packets have to be decoded for some pictures, where packets say what they are to each other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from oxide.video.h264 import Role


@dataclass(frozen=True, slots=True)
class Run:
    """Packets that are decoded one after the other, from one that decoding can begin with; then the decoder is empty.

    ``packets``: places in the file. ``shown``: all pictures that come out, by their places in the order in which they
    are shown. ``wanted``: some of them.
    """

    packets: list[int]
    shown: list[int]
    wanted: frozenset[int]


class Needs:
    """``places``: of each packet, in the order of the file, the place of its picture in the order of showing."""

    def __init__(self, places: Sequence[int], roles: Sequence[Role]) -> None:
        self._places = places
        self._roles = roles
        self._starts = [at for at, role in enumerate(roles) if role is Role.FRESH]
        self._packet_of = {place: at for at, place in enumerate(places)}

    def runs(self, indexes: Sequence[int]) -> Iterator[Run]:
        """What is to be decoded for the pictures at some places, ascending."""
        for first, group in groupby(indexes, self._start):
            wanted = frozenset(group)
            last = max(self._packet_of[place] for place in wanted)
            packets = [
                at for at in range(first, last + 1) if self._roles[at] is not Role.SPARE or self._places[at] in wanted
            ]
            yield Run(packets, sorted(self._places[at] for at in packets), wanted)

    def _start(self, place: int) -> int:
        return self._starts[bisect_right(self._starts, self._packet_of[place]) - 1]


def needs_of(places: Sequence[int], roles: Sequence[Role | None]) -> Needs | None:
    """None where the packets do not say enough: a role is not known, or there is nothing to begin with."""
    known = [role for role in roles if role is not None]
    if len(known) < len(roles) or not known or known[0] is not Role.FRESH:
        return None
    return Needs(places, known)
