"""Leaks between splits: files of different ones that are one thing."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from oxide.extras import import_extra
from oxide.formats.files import is_video, open_picture
from oxide.reading import open_content
from oxide.splits.candidates import Item, items_of
from oxide.splits.freezing import held, offence
from oxide.types import Leak, Progress

if TYPE_CHECKING:
    from oxide._core import Record, Store
    from oxide.workspace import Tables

NEAR = 3
"""Bits of 64 in which the hashes of pictures that look alike differ at most."""
_BAND = 16
"""Of hashes that differ in no more than three bits, one of the four parts of so many bits is equal."""


def leaks(store: Store, tables: Tables, view: Record, *, near: bool, progress: Progress | None) -> list[Leak]:
    """What leaks in a state: uses of what is held out, then equal contents, then one video, then pictures that look
    alike where ``near`` says so (reading every picture that is in a split).

    Raises MissingExtra: pictures are compared with the extra ``vision``.
    """
    items = items_of(store, tables)
    out = held(store, view)
    wrong = ((item, offence(out, item)) for item in items)
    found = [Leak("held-out", [(item.row["path"], item.split)]) for item, said in wrong if said is not None]
    placed = [item for item in items if item.split is not None]
    found += _across("content", ((item.row["content_id"], item) for item in placed))
    by_video = ((content, item) for item in placed for content in _videos(item))
    equal = {frozenset(leak.files) for leak in found}
    found += [leak for leak in _across("video", by_video) if frozenset(leak.files) not in equal]
    if near:
        found += _look_alike(store, placed, progress)
    return found


def _videos(item: Item) -> list[str]:
    """The video that an item is, or is a frame of."""
    if item.source is not None:
        return [item.source]
    return [item.row["content_id"]] if is_video(item.row["path"], item.row["media"]) else []


def _across(kind: str, named: Iterable[tuple[str, Item]]) -> Iterator[Leak]:
    """Things that items of different splits have in common."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for name, item in named:
        groups[name].append(item)
    for group in groups.values():
        if len({item.split for item in group}) > 1:
            yield Leak(kind, sorted((item.row["path"], item.split) for item in group))


def _look_alike(store: Store, placed: Sequence[Item], progress: Progress | None) -> Iterator[Leak]:
    import_extra("PIL", "vision")
    pictures = [item for item in placed if not is_video(item.row["path"], item.row["media"])]
    hashes: list[tuple[int, Item]] = []
    for number, item in enumerate(pictures):
        if progress is not None:
            progress("comparing pictures", number, len(pictures), 0, 0)
        value = _hash(store, item.row)
        if value is not None:
            hashes.append((value, item))
    by_hash: dict[int, list[Item]] = defaultdict(list)
    for value, item in hashes:
        by_hash[value].append(item)
    groups = [[item for value in values for item in by_hash[value]] for values in _near(by_hash)]
    # What has equal contents alone is told as that.
    apart = [group for group in groups if len({item.row["content_id"] for item in group}) > 1]
    yield from sorted(Leak("near", sorted((item.row["path"], item.split) for item in group)) for group in apart)


def _near(by_hash: Mapping[int, Sequence[Item]]) -> Iterator[list[int]]:
    """Hashes whose items are in several splits, together with those near them where the splits differ."""
    splits = {value: frozenset(item.split for item in items) for value, items in by_hash.items()}
    bands: dict[tuple[int, int], list[int]] = defaultdict(list)
    for value in by_hash:
        for band in range(64 // _BAND):
            bands[band, value >> band * _BAND & (1 << _BAND) - 1].append(value)
    leader = {value: value for value in by_hash}

    def find(value: int) -> int:
        while leader[value] != value:
            leader[value] = leader[leader[value]]
            value = leader[value]
        return value

    for group in bands.values():
        for value, other in combinations(group, 2):
            if (value ^ other).bit_count() <= NEAR and (splits[value] != splits[other] or len(splits[value]) > 1):
                leader[find(value)] = find(other)
    together: dict[int, list[int]] = defaultdict(list)
    for value in by_hash:
        together[find(value)].append(value)
    for values in together.values():
        if len(frozenset[str | None]().union(*(splits[value] for value in values))) > 1:
            yield values


def _hash(store: Store, row: Record) -> int | None:
    """The difference hash of a picture: of 9 by 8 grey cells, whether each is darker than its right neighbour. None of
    a file that cannot be read, and of one without any edge, which is like every other such.
    """
    from PIL import Image, ImageOps

    with open_content(store, row["content_id"], row["size"]) as stream:
        try:
            with open_picture(io.BytesIO(stream.read())) as picture:
                picture.draft("L", (64, 64))
                small = ImageOps.exif_transpose(picture).convert("L").resize((9, 8), Image.Resampling.BOX)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None
    cells = small.tobytes()
    value = 0
    for line in range(8):
        for column in range(8):
            at = line * 9 + column
            value = value << 1 | (cells[at] < cells[at + 1])
    return value or None
