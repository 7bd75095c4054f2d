"""What packets of H.264 say of themselves, without decoding them (ITU-T H.264; ISO/IEC 14496-15, 5 for the packaging).

Each packet is a run of units behind their lengths. What is asked here is in the first byte of a unit, and in the
parameters that the container keeps beside the stream. Whatever looks unusual is answered with "not known".
"""

from __future__ import annotations

import functools
from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]  # from 3.12 on; only named here

_LAST_PLAIN_SLICE, _FRESH_SLICE = 1, 5
_SLICES = range(1, 6)
_WITH_COLOUR_FORMAT = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""Profiles whose parameters begin with the colour format (7.3.2.1.1)."""


class Role(Enum):
    """What a picture is to the others, in the order of decoding."""

    FRESH = "decoding can begin with it, and nothing behind it refers to anything before it"
    NEEDED = "others may refer to it"
    SPARE = "no other refers to it"


class Packets:
    """The packaging of a stream."""

    def __init__(self, length_bytes: int) -> None:
        self._length_bytes = length_bytes

    def role(self, packet: Buffer) -> Role | None:
        """The role of the picture in a packet; None if that is not known."""
        data = memoryview(packet).cast("B")
        at, width = 0, self._length_bytes
        while at + width < len(data):
            length = int.from_bytes(data[at : at + width], "big")
            head = data[at + width]
            kind = head & 31
            if kind in _SLICES:
                if kind == _FRESH_SLICE:
                    return Role.FRESH
                if kind != _LAST_PLAIN_SLICE:
                    return None
                # All slices of a picture agree in whether it is referred to (7.4.1).
                return Role.NEEDED if head >> 5 & 3 else Role.SPARE
            at += width + length
        return None


@functools.lru_cache(maxsize=64)
def packets_of(parameters: bytes | None) -> Packets | None:
    """How the packets are made up of a stream that has these parameters beside it (14496-15, 5.3.3.1).

    None where they may hold single fields instead of frames, or are made up in another way.
    """
    if not parameters or len(parameters) < 9 or parameters[0] != 1 or not parameters[5] & 31:
        return None
    length = int.from_bytes(parameters[6:8], "big")
    try:
        whole = _only_frames(parameters[8 : 8 + length])
    except _Unusual:
        return None
    # More than one set: which one pictures refer to shows in them alone.
    return Packets((parameters[4] & 3) + 1) if whole and parameters[5] & 31 == 1 else None


class _Unusual(Exception):
    """Parameters that are not looked at more closely."""


class _Bits:
    def __init__(self, data: bytes) -> None:
        # Bytes that keep a start code from appearing are none of it (7.3.1).
        self._bits = "".join(f"{byte:08b}" for byte in data.replace(b"\0\0\3", b"\0\0"))
        self._at = 0

    def fixed(self, count: int) -> int:
        text = self._bits[self._at : self._at + count]
        if len(text) < count:
            raise _Unusual
        self._at += count
        return int(text, 2)

    def number(self) -> int:
        """An unsigned number (9.1). Signed ones are as long."""
        zeros = 0
        while not self.fixed(1):
            zeros += 1
        return (1 << zeros) - 1 + (self.fixed(zeros) if zeros else 0)


def _only_frames(unit: bytes) -> bool:
    """``frame_mbs_only_flag`` of a sequence parameter set: no picture is a field (7.3.2.1.1)."""
    bits = _Bits(unit)
    bits.fixed(8)
    profile = bits.fixed(8)
    bits.fixed(16)
    bits.number()
    if profile in _WITH_COLOUR_FORMAT:
        if bits.number() == 3:
            bits.fixed(1)
        bits.number()
        bits.number()
        bits.fixed(1)
        if bits.fixed(1):
            raise _Unusual
    bits.number()
    kind = bits.number()
    if kind == 0:
        bits.number()
    elif kind == 1:
        bits.fixed(1)
        bits.number()
        bits.number()
        for _ in range(bits.number()):
            bits.number()
    bits.number()
    bits.fixed(1)
    bits.number()
    bits.number()
    return bool(bits.fixed(1))
