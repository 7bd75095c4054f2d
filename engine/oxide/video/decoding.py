"""Taking pictures out of one video: in a thread, or in a process of its own. Nothing here changes a repository."""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from oxide import _core
from oxide.reading import open_content
from oxide.video.choosing import Choice
from oxide.video.clips import BrokenVideo, Clip

if TYPE_CHECKING:
    from oxide._core import Store
    from oxide.video.clips import Pixels

QUALITY = 95
"""Of JPEG; its colours are not subsampled below what videos have anyway."""
STRETCH = 256
"""Frames of one video that are decoded in one go."""


@dataclass(frozen=True, slots=True)
class Task:
    """A video of a repository, and what is wanted of it. ``indexes`` are None where they follow from ``choice``."""

    control: str
    content: str
    size: int
    choice: Choice
    indexes: Sequence[int] | None
    known: frozenset[int]
    """Frames that need no decoding."""
    suffix: str
    dry_run: bool


class Chosen(NamedTuple):
    """The first part of an answer: how many frames there are, which are wanted, and what is left for other tasks."""

    total: int
    indexes: Sequence[int]
    left: list[Sequence[int]]


class Picture(NamedTuple):
    """A frame as a picture; without one in a dry run."""

    number: int
    time: float
    data: bytes


class Broken(NamedTuple):
    """The video cannot be decoded."""

    reason: str


def take(task: Task) -> Iterator[Chosen | Picture | Broken]:
    """What is chosen, and then those of its frames that are not known; or, at any point, that the video is broken."""
    stream = open_content(_store(task.control), task.content, task.size)
    with contextlib.closing(stream):
        # A file is read past Python where there is one.
        source = stream if isinstance(stream, io.BytesIO) else f"/dev/fd/{stream.fileno()}"
        try:
            with Clip(source) as clip:
                chosen = _chosen(task, clip)
                yield chosen
                missing = [index for index in chosen.indexes if index not in task.known]
                if task.dry_run:
                    yield from (Picture(index, clip.times[index], b"") for index in missing)
                    return
                for index, pixels in clip.pictures(missing):
                    yield Picture(index, clip.times[index], _encoded(pixels, task.suffix))
        except BrokenVideo as error:
            yield Broken(error.message)


def _chosen(task: Task, clip: Clip) -> Chosen:
    indexes, left = task.indexes, list[Sequence[int]]()
    if indexes is None:
        indexes = task.choice.indexes(clip.times)
        if clip.can_jump and len(indexes) > STRETCH:
            left = [indexes[at : at + STRETCH] for at in range(STRETCH, len(indexes), STRETCH)]
            indexes = indexes[:STRETCH]
    return Chosen(len(clip.times), indexes, left)


def _encoded(pixels: Pixels, suffix: str) -> bytes:
    from PIL import Image

    picture = Image.fromarray(pixels)
    data = io.BytesIO()
    if suffix == ".png":
        picture.save(data, "PNG")
    else:
        picture.save(data, "JPEG", quality=QUALITY)
    return data.getvalue()


@functools.lru_cache(maxsize=1)
def _store(control: str) -> Store:
    return _core.Store.open(control)
