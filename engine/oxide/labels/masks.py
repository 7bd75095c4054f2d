"""Masks as run lengths, in the compressed text form of pycocotools.

Runs go down the columns, from left to right, and alternate between background and mask, beginning with background. Each
length is written as a signed number in groups of five bits, lowest first, with 32 added while more follow, and 48 to
make a character; from the third run on the difference to the run before the last is written. Source of the form:
``rleToString`` in the COCO API's ``maskApi.c``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from oxide.labels.geometry import Box

Mask = dict[str, Any]
"""``{"size": [height, width], "counts": text}``"""

MAXIMUM_PIXELS = 1 << 31
"""Larger masks are refused: no picture is that large."""


def compress(runs: Sequence[int]) -> str:
    """Run lengths as text."""
    text = []
    for index, run in enumerate(runs):
        rest = run - runs[index - 2] if index > 2 else run
        more = True
        while more:
            digit = rest & 0x1F
            rest >>= 5
            more = rest != (-1 if digit & 0x10 else 0)
            text.append(chr((digit | 0x20 if more else digit) + 48))
    return "".join(text)


def expand(text: str) -> list[int]:
    """Text as run lengths.

    Raises:
        ValueError: the text is none that :func:`compress` writes.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        digit = ord(character) - 48
        if not 0 <= digit < 64 or shift > 60:
            raise ValueError(f"'{character}' does not belong into run lengths")
        value |= (digit & 0x1F) << shift
        shift += 5
        if digit & 0x20:
            continue
        if digit & 0x10:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        if runs[-1] < 0:
            raise ValueError("a run length is negative")
        value = shift = 0
    if shift:
        raise ValueError("the last run length breaks off")
    return runs


def runs_of(mask: Mask) -> list[int]:
    """The run lengths of a mask, which must fill its size.

    Raises:
        ValueError: they do not, or the size is none.
    """
    height, width = mask["size"]
    if not (isinstance(height, int) and isinstance(width, int) and 0 < height * width <= MAXIMUM_PIXELS):
        raise ValueError(f"{mask['size']!r} is no size of a mask")
    counts = mask["counts"]
    runs = expand(counts) if isinstance(counts, str) else [int(count) for count in counts]
    if sum(runs) != height * width or any(run < 0 for run in runs):
        raise ValueError(f"the runs cover {sum(runs)} of {height * width} pixels")
    return runs


def from_runs(runs: Sequence[int], height: int, width: int) -> Mask:
    """A mask out of plain run lengths."""
    mask = {"size": [height, width], "counts": compress(runs)}
    runs_of(mask)
    return mask


def area(mask: Mask) -> int:
    """Number of pixels of the mask."""
    return sum(runs_of(mask)[1::2])


def bounds(mask: Mask) -> Box:
    """(left, top, width, height) around the pixels of the mask; of none (0, 0, 0, 0)."""
    height = mask["size"][0]
    runs = runs_of(mask)
    ends = list(accumulate(runs))
    filled = [(end - run, end - 1) for run, end in zip(runs[1::2], ends[1::2], strict=False) if run]
    if not filled:
        return 0.0, 0.0, 0.0, 0.0
    left, right = filled[0][0] // height, filled[-1][1] // height
    across = any(first // height != last // height for first, last in filled)
    top = 0 if across else min(first % height for first, _ in filled)
    bottom = height - 1 if across else max(last % height for _, last in filled)
    return float(left), float(top), float(right - left + 1), float(bottom - top + 1)


def decode(mask: Mask) -> NDArray[numpy.bool_]:
    """The mask as an array of shape (height, width), bool."""
    import numpy

    height, width = mask["size"]
    runs = runs_of(mask)
    values = numpy.arange(len(runs)) % 2 == 1
    return numpy.repeat(values, runs).reshape((height, width), order="F")


def encode(pixels: NDArray[numpy.bool_]) -> Mask:
    """An array of shape (height, width), bool, as a mask."""
    import numpy

    height, width = pixels.shape
    flat = numpy.asarray(pixels, dtype=bool).ravel(order="F")
    changes = numpy.flatnonzero(numpy.diff(flat)) + 1
    edges = numpy.concatenate(([0], changes, [flat.size]))
    runs = numpy.diff(edges).tolist()
    return from_runs([0, *runs] if flat[0] else runs, height, width)
