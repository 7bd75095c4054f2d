"""The packets of a video by their places in the file: small files' are held in memory, others are read again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    Packets = Iterator[tuple[int, Packet[VideoStream]]]

_HELD = 8 * 1024**2
"""Bytes."""
_WORTH_A_SEEK = 200
"""Packets that reading on is quicker for than going to a place: some containers can only do that by reading on, too."""


class Held:
    """Gathers packets; forgets them when they become too many."""

    def __init__(self) -> None:
        self.packets: list[Packet[VideoStream]] = []
        self._size = 0

    def add(self, packet: Packet[VideoStream]) -> None:
        """The next packet in the file."""
        self._size += packet.size
        if self._size > _HELD:
            self.packets.clear()
        else:
            self.packets.append(packet)


class Reader:
    """Gives packets again, those that were held or from the container."""

    def __init__(self, container: InputContainer, stamps: Sequence[int], held: Sequence[Packet[VideoStream]]) -> None:
        self._container = container
        self._stamps = stamps
        self._place = {} if held else {stamp: place for place, stamp in enumerate(stamps)}
        self._held = held
        self._packets: Packets = iter(())
        self._next = len(stamps)

    def read(self, places: Sequence[int]) -> Iterator[Packet[VideoStream]]:
        """Some packets, ascending; the first is one that decoding can begin with. What the container does not find
        again is missing.
        """
        if self._held:
            yield from (self._held[place] for place in places)
            return
        if not 0 <= places[0] - self._next <= _WORTH_A_SEEK:
            stream = self._container.streams.video[0]
            self._container.seek(self._stamps[places[0]], stream=stream)
            self._packets = self._placed()
        wanted, last = set(places), places[-1]
        for place, packet in self._packets:
            self._next = place + 1
            if place in wanted:
                yield packet
            if place >= last:
                return

    def _placed(self) -> Packets:
        for packet in self._container.demux(self._container.streams.video[0]):
            place = self._place.get(packet.pts) if packet.pts is not None else None
            if place is not None and packet.size:
                yield place, packet
