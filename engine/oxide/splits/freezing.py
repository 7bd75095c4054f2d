"""Frozen splits: held-out files that no commit on any branch may have anywhere else.

The view names each with a list of its items and contents, like a tag. Whatever moves a branch is looked at: rows that
changed may hold a held-out content, or a frame of a held-out video, in the held-out items alone, and those stay in
their split.
"""

from __future__ import annotations

from oxide import _core
from oxide.errors import HeldOut
from oxide.wording import count
from oxide.workspace import is_within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NamedTuple

    from oxide._core import Record, Session, Store
    from oxide.splits.candidates import Item
    from oxide.workspace import Tables
else:
    from oxide.tuples import NamedTuple

_LISTED = 20


class Held(NamedTuple):
    """Everything that is held out: item to split, content to split, and to split the pictures that are known as frames
    of held-out videos.
    """

    items: dict[str, str]
    contents: dict[str, str]
    frames: dict[str, str]

    def split_of(self, item: Item) -> str | None:
        """The frozen split that an item's content belongs to, or the video that it was taken from."""
        return next((self.contents[each] for each in item.contents if each in self.contents), self.frame_of(item))

    def frame_of(self, item: Item) -> str | None:
        """The frozen split with a video that an item is a frame of. What says that it is one of another video is:
        dark frames of two videos can be equal.
        """
        if item.source is not None:
            return self.contents.get(item.source)
        return self.frames.get(item.row["content_id"])


class Offence(NamedTuple):
    """A file that has what is held out: its path, the split, and what it has to do with it."""

    path: str
    split: str
    reason: str


def held(store: Store, view: Record) -> Held:
    """What the view holds out."""
    found = Held({}, {}, {})
    for name, frozen in view["frozen"].items():
        for entry in store.read_record("list", frozen["list"])["items"]:
            found.items[entry["item"]] = name
            found.contents.update(dict.fromkeys(entry["contents"], name))
            found.frames.update(dict.fromkeys(entry.get("frames", ()), name))
    return found


def freeze(session: Session, view: Record, name: str, entries: Sequence[Record]) -> None:
    """Hold out ``{item, contents, frames}``; the contents are that of the file and, of a frame, that of its video;
    ``frames``, where there are any, are those of pictures that were taken from the file.
    """
    view["frozen"][name] = {"list": session.write_record("list", {"items": list(entries)})}


def refuse(store: Store, view: Record, before: Tables, after: Tables) -> None:
    """Raise HeldOut when changed rows have what is held out. Both states are flushed."""
    if not view["frozen"]:
        return
    _raise(
        offences(store, held(store, view), before, after),
        "unstage them with `oxide restore --staged PATH`; `oxide split thaw NAME` gives a hold-out up",
    )


def refuse_in(
    store: Store, view: Record, tables: Tables, paths: Sequence[str], among: frozenset[str] | None = None
) -> None:
    """Raise HeldOut when files of a state that leave the repository, at and below some paths (none: all), have what is
    held out, or are held out and in no split: where they go nobody would know that, and formats put them into training.

    ``among``: only these items are looked at.
    """
    if not view["frozen"]:
        return
    from oxide.splits.candidates import items_of

    out = held(store, view)
    items = (item for item in items_of(store, tables) if is_within(item.row["path"], paths))
    items = (item for item in items if among is None or item.row["item_id"] in among)
    found = [offence(out, item) or _unmarked(out, item) for item in items]
    _raise(
        [each for each in found if each is not None],
        "leave them out with --where, or merge the branch with the split; `oxide split thaw NAME` gives a hold-out up",
    )


def _unmarked(out: Held, item: Item) -> Offence | None:
    own = out.items.get(item.row["item_id"])
    if own is None or item.split == own:
        return None
    return Offence(item.row["path"], own, "it is held out, and in no split here")


def _raise(found: Sequence[Offence], hint: str) -> None:
    if not found:
        return
    listed = "; ".join(f"{each.path}: {each.reason}" for each in found[:_LISTED])
    more = f"; and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    raise HeldOut(
        f"{count(len(found), 'file')} would use what the frozen split '{found[0].split}' holds out: {listed}{more}",
        hint=hint,
        paths=[each.path for each in found],
    )


def offences(store: Store, out: Held, before: Tables, after: Tables) -> list[Offence]:
    """Changed files that have what is held out, by path."""
    from oxide.labels.reading import metadata_of
    from oxide.splits.candidates import Item

    changes = store.diff_files(before["files"][1], after["files"][1])
    paths = {*changes["added"], *changes["modified"], *(new for _, new in changes["renamed"])}
    rows = {row["item_id"]: row for row in store.file_rows(after["files"][1], sorted(paths))} if paths else {}
    if held_moved := sorted(_moved(store, out, before, after) - rows.keys()):
        found = _core.files_of(store, after["files"][1], held_moved)
        rows.update({row["item_id"]: row for row in found if row is not None})
    was, now = ({} if "metadata" not in each else metadata_of(store, each, sorted(rows)) for each in (before, after))
    judged = (
        offence(out, Item(row, now.get(item) or {}), Item(row, was.get(item) or {})) for item, row in rows.items()
    )
    return sorted(each for each in judged if each is not None)


def _moved(store: Store, out: Held, before: Tables, after: Tables) -> set[str]:
    """Held-out items whose metadata may differ. A state without any metadata has no table of it."""
    if "metadata" in before and "metadata" in after:
        changed = _core.changed_items(store, before["metadata"][1], after["metadata"][1])
        return {item for item in changed if item in out.items}
    return set(out.items) if "metadata" in before or "metadata" in after else set()


def offence(out: Held, item: Item, was: Item | None = None) -> Offence | None:
    """What is wrong with an item, as it is now and as it ``was``. A branch may be older than the split: held-out
    items are in none there, which they may stay.
    """
    path, own = item.row["path"], out.items.get(item.row["item_id"])
    if own is not None:
        left = item.split is None and was is not None and was.split == own
        if left or item.split not in (own, None):
            return Offence(path, own, f"it is held out, and may not move to {item.split or 'no split'}")
        return None
    split = out.contents.get(item.row["content_id"])
    if split is not None:
        return Offence(path, split, "it has the content of a held-out file")
    split = out.frame_of(item)
    return None if split is None else Offence(path, split, "it is a frame of a held-out video")
