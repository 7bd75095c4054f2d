"""The runs of Label Studio's brush: bit-packed lengths and values of a flat RGBA picture.

32 bits: the number of values; 5: the bits of a value, less one; 4 times 4: the bits of a length, less one. Then, until
there are enough: 1 bit, whether a run follows; 2, which of the four lengths; the length, less one, in so many bits; and
one value for a run, else so many values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

_CHANNELS = 4
_WORD = 8
_LENGTHS = (3, 4, 8, 16)


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> int:
        first, last = self._at >> 3, (self._at + count + 7) >> 3
        if last > len(self._data):
            raise ValueError("the runs end early")
        value = int.from_bytes(self._data[first:last], "big") >> ((last << 3) - self._at - count)
        self._at += count
        return value & ((1 << count) - 1)


def decode(packed: Sequence[int], height: int, width: int) -> NDArray[numpy.bool_]:
    """The pixels that are painted, (height, width): those whose alpha is not 0.

    Raises:
        ValueError: the runs are none of a picture of this size.
    """
    import numpy

    bits = _Bits(bytes(packed))
    total = bits.take(32)
    if total != height * width * _CHANNELS:
        raise ValueError(f"the runs are of {total} values, a picture of {width} x {height} has others")
    word = bits.take(5) + 1
    lengths = [bits.take(4) + 1 for _ in range(4)]
    values = numpy.zeros(total, numpy.uint8)
    at = 0
    while at < total:
        is_run = bits.take(1)
        end = at + 1 + bits.take(lengths[bits.take(2)])
        if end > total:
            raise ValueError("a run is too long")
        if is_run:
            values[at:end] = bits.take(word)
        else:
            values[at:end] = [bits.take(word) for _ in range(end - at)]
        at = end
    alpha: NDArray[numpy.bool_] = values.reshape(height, width, _CHANNELS)[:, :, _CHANNELS - 1] > 0
    return alpha


def encode(pixels: NDArray[numpy.bool_]) -> list[int]:
    """Pixels as runs of 0 and 255 in all four channels."""
    import numpy

    flat = numpy.repeat(pixels.reshape(-1), _CHANNELS)
    edges = numpy.flatnonzero(numpy.diff(flat)) + 1
    starts = [0, *(int(edge) for edge in edges)]
    ends = [*starts[1:], len(flat)]
    packed, count = [f"{len(flat):032b}{_WORD - 1:05b}", *(f"{length - 1:04b}" for length in _LENGTHS)], 0
    for start, end in zip(starts, ends, strict=True):
        value = 255 if flat[start] else 0
        for first in range(start, end, 1 << _LENGTHS[-1]):
            length = min(end - first, 1 << _LENGTHS[-1]) - 1
            which = next(at for at, room in enumerate(_LENGTHS) if length < 1 << room)
            packed.append(f"1{which:02b}{length:0{_LENGTHS[which]}b}{value:08b}")
            count += 1
    text = "".join(packed)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, "big"))
