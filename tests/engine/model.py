"""What a repository must do, in dicts: the oracle of the state machine.

A snapshot maps a path to an :class:`Entry`; the disk maps a path to a :class:`Node`. Folders are never written down:
they
exist because of what is in them. Nothing here knows how the engine works; each function is a rule of the contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations, count
from typing import NamedTuple, TypeVar


class Node(NamedTuple):
    """A file or a link; a link's content is its target."""

    kind: str
    content: bytes
    executable: bool


class Entry(NamedTuple):
    """A versioned node. ``item`` numbers what is followed through renames."""

    node: Node
    item: int


Disk = dict[str, Node]
Files = dict[str, Entry]
T = TypeVar("T")


class Conflicted(NamedTuple):
    """The three sides of a path that a merge could not decide."""

    base: Entry | None
    ours: Entry | None
    theirs: Entry | None


@dataclass(frozen=True)
class Commit:
    """A commit of the model."""

    parents: tuple[str, ...]
    files: Files


@dataclass(frozen=True)
class Stash:
    """What a stash entry holds: the files as they were, over the commit they were changed on."""

    base: Files
    files: Files


@dataclass(frozen=True)
class View:
    """All that one operation replaces by another. Never changed in place, so undo is taking an old one."""

    branch: str | None = "main"
    base: str | None = None
    staged: Files = field(default_factory=dict)
    branches: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    stashes: tuple[Stash, ...] = ()
    conflicts: Mapping[str, Conflicted] = field(default_factory=dict)
    concluding: str | None = None
    """``merge``, ``revert``, ``cherry-pick`` or ``stash`` from a conflict until the commit that ends it."""
    other: str | None = None
    """The second parent of the merge to conclude."""


class Operation(NamedTuple):
    """A step that undo can take back. ``moves``: whether files move with it; ``brings_back``: what undo then puts
    on disk."""

    before: View
    after: View
    moves: bool
    brings_back: Files


# -- paths -------------------------------------------------------------------------------------------------------------
def parents_of(path: str) -> list[str]:
    """``a/b/c`` -> ``a``, ``a/b``."""
    parts = path.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))]


def is_below(path: str, folder: str) -> bool:
    """Strictly below."""
    return path.startswith(folder + "/")


def clashes(paths: Iterable[str]) -> set[str]:
    """Paths that would have to be a file and a folder at once."""
    known = set(paths)
    return {parent for path in known for parent in parents_of(path) if parent in known}


def nodes(files: Files) -> dict[str, Node]:
    """A snapshot as it looks on disk."""
    return {path: entry.node for path, entry in files.items()}


# -- comparing ---------------------------------------------------------------------------------------------------------
class Changes(NamedTuple):
    """Paths that differ between two snapshots."""

    added: set[str]
    modified: set[str]
    removed: set[str]


def compare(before: Mapping[str, Node], after: Mapping[str, Node]) -> Changes:
    """By path alone: renames show as removed and added."""
    return Changes(
        {path for path in after if path not in before},
        {path for path in after if path in before and before[path] != after[path]},
        {path for path in before if path not in after},
    )


def untracked(disk: Disk, staged: Files) -> list[tuple[str, int]]:
    """Untracked files; of a folder without tracked files only the topmost, with the number of files in it."""
    tracked_folders = {parent for path in staged for parent in parents_of(path)}
    found: dict[str, int] = {}
    for path in disk:
        if path not in staged:
            topmost = next((folder + "/" for folder in parents_of(path) if folder not in tracked_folders), path)
            found[topmost] = found.get(topmost, 0) + 1
    return sorted(found.items())


# -- moving the disk ---------------------------------------------------------------------------------------------------
def plan(
    disk: Disk, before: Mapping[str, Node], after: Mapping[str, Node], changed: Iterable[str] | None = None
) -> set[str]:
    """Paths whose work would be lost if the paths that differ between ``before`` and ``after`` moved.

    Work is a file that is not as ``before`` has it and not already as ``after`` wants it. A file that is missing is
    no work.
    """
    blocked = set()
    for path in differing(before, after) if changed is None else changed:
        here, wanted = disk.get(path), after.get(path)
        if here is not None and here not in (wanted, before.get(path)):
            blocked.add(path)
        if wanted is not None:
            in_the_way = [other for other in disk if is_below(other, path) or is_below(path, other)]
            blocked.update(other for other in in_the_way if disk[other] != before.get(other) or other in after)
    return blocked


def differing(before: Mapping[str, T], after: Mapping[str, T]) -> set[str]:
    """Keys whose values differ."""
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def moved(
    disk: Disk, before: Mapping[str, Node], after: Mapping[str, Node], changed: Iterable[str] | None = None
) -> Disk:
    """The disk after the paths that differ were brought to ``after``, whatever stood there."""
    paths = sorted(differing(before, after) if changed is None else changed)
    result = dict(disk)
    for path in paths:
        if path not in after:
            result.pop(path, None)
    for path in paths:
        if path in after:
            for other in [other for other in result if is_below(other, path) or is_below(path, other)]:
                del result[other]
            result[path] = after[path]
    return result


# -- items and merges --------------------------------------------------------------------------------------------------
class Items:
    """Which entries may be one item, seen conservatively.

    The engine finds renames by content. Instead of repeating how, the model only keeps classes of items that *may*
    have been taken
    for one another: everything that ever held the same content. Merges that need to know more are not generated.
    """

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}
        self._holder: dict[bytes, int] = {}
        self._numbers = count()

    def new(self) -> int:
        """A number for a new item."""
        item = next(self._numbers)
        self._parents[item] = item
        return item

    def replaced(self, files: Files, source: Files, path: str) -> Files:
        """``files`` with what is at and below ``path`` as in ``source``.

        No item comes to be on two paths: where one may live on elsewhere, what came back may be a new one.
        """

        def within(other: str) -> bool:
            return other == path or is_below(other, path)

        result = {other: entry for other, entry in files.items() if not within(other)}
        taken = {self.family(entry.item) for entry in result.values()}
        for other, entry in source.items():
            if within(other):
                item = entry.item
                if self.family(item) in taken:
                    item = self.new()
                    self._parents[item] = self.family(entry.item)
                result[other] = self.holds(Entry(entry.node, item))
        return result

    def family(self, item: int) -> int:
        """The class of an item."""
        while self._parents[item] != item:
            item = self._parents[item]
        return item

    def holds(self, entry: Entry) -> Entry:
        """Note that an item held a content. Empty files are never taken for renamed ones."""
        if entry.node.content:
            holder = self._holder.setdefault(entry.node.content, entry.item)
            self._parents[self.family(holder)] = self.family(entry.item)
        return entry

    def one_place_each(self, sides: list[Files]) -> bool:
        """Whether, among the paths on which the sides differ, every item stayed on one path and every path with one
        item.

        A path that is not in the first side (the base) may hold two new items. Entries with one number are one item
        for sure;
        entries of two families are two for sure.
        """
        paths = {path for other in sides[1:] for path in differing(sides[0], other)} | differing(sides[1], sides[2])
        families: dict[int, set[str]] = {}
        for side in sides:
            for path, entry in side.items():
                families.setdefault(self.family(entry.item), set()).add(path)
        for path in paths:
            held = {side[path].item for side in sides if path in side}
            if any(len(families[self.family(item)]) > 1 for item in held) or (path in sides[0] and len(held) > 1):
                return False
        return True

    def carry_is_by_path(self, base: Files, staged: Files, target: Files) -> bool:
        """Whether no rename, staged or on the way to ``target``, meets a change on the other side."""
        ours, theirs = differing(nodes(base), nodes(staged)), differing(nodes(base), nodes(target))
        sides = (base, staged, target)
        families = {self.family(side[path].item) for side in sides for path in ours if path in side}
        for family in families:
            homes = {path for side in sides for path, entry in side.items() if self.family(entry.item) == family}
            if len(homes) > 1 and homes & theirs:
                return False
        return all(len({side[path].item for side in sides if path in side}) == 1 for path in ours & base.keys())


def merge_files(base: Files, ours: Files, theirs: Files) -> tuple[Files, dict[str, Conflicted]]:
    """Three-way merge by path; content and executable bit are cells of their own. Conflicts keep our version."""
    merged: Files = {}
    conflicts: dict[str, Conflicted] = {}
    for path in base.keys() | ours.keys() | theirs.keys():
        b, o, t = base.get(path), ours.get(path), theirs.get(path)
        decided, entry = merge_entry(b, o, t)
        if not decided:
            conflicts[path] = Conflicted(b, o, t)
        if entry is not None:
            merged[path] = entry
    return merged, conflicts


def merge_entry(base: Entry | None, ours: Entry | None, theirs: Entry | None) -> tuple[bool, Entry | None]:
    """(whether it is decided, what stands in the tree)."""
    b, o, t = (side.node if side else None for side in (base, ours, theirs))
    if t in (b, o):
        return True, ours
    if o == b:
        return True, theirs
    if b is None or o is None or t is None or ours is None:
        return False, ours
    if o.content != t.content and b.content not in (o.content, t.content):
        return False, ours
    content = t.content if o.content == b.content else o.content
    executable = t.executable if o.executable == b.executable else o.executable
    return True, Entry(Node(o.kind, content, executable), ours.item)


def mixes_kinds(base: Files, ours: Files, theirs: Files) -> bool:
    """Whether both sides changed a path that is a link on one side and a file on another: what cells make of it is
    not modelled."""
    return any(
        len({side[path].node.kind for side in (base, ours, theirs) if path in side}) > 1
        for path in differing(base, ours) & differing(base, theirs)
    )


# -- history -----------------------------------------------------------------------------------------------------------
class History:
    """All commits that the model has seen."""

    def __init__(self) -> None:
        self.commits: dict[str, Commit] = {}

    def files(self, commit: str | None) -> Files:
        """A commit's files; none before the first."""
        return self.commits[commit].files if commit else {}

    def ancestors(self, commit: str | None) -> set[str]:
        """A commit and all before it."""
        found: set[str] = set()
        waiting = [commit] if commit else []
        while waiting:
            here = waiting.pop()
            if here not in found:
                found.add(here)
                waiting.extend(self.commits[here].parents)
        return found

    def merge_bases(self, one: str, other: str) -> set[str]:
        """The common ancestors that are not ancestors of another one."""
        common = self.ancestors(one) & self.ancestors(other)
        return {here for here in common if not any(here in self.ancestors(there) for there in common - {here})}

    def reachable(self, view: View) -> set[str]:
        """Commits that branches, tags and the workspace lead to."""
        starts = {*view.branches.values(), *view.tags.values(), view.base, view.other}
        return set().union(*(self.ancestors(start) for start in starts if start))


# -- checkout ----------------------------------------------------------------------------------------------------------
def carry(base: Files, staged: Files, target: Files) -> tuple[Files, set[str]]:
    """What is staged after a checkout of ``target``, and the staged changes that have no place there.

    A staged change is carried over when base and target agree on its path, or when the target already has it.
    """
    result, lost = dict(target), set()
    for path in differing(nodes(base), nodes(staged)):
        if nodes_equal(base, target, path):
            if path in staged:
                result[path] = staged[path]
            else:
                result.pop(path, None)
        elif not nodes_equal(staged, target, path):
            lost.add(path)
    return result, lost | clashes(result)


def nodes_equal(one: Files, other: Files, path: str) -> bool:
    """Whether a path looks the same in both, be it that it is in neither."""
    a, b = one.get(path), other.get(path)
    return (a and a.node) == (b and b.node)


def same_look_other_item(*sides: Files) -> set[str]:
    """Paths that look the same in two snapshots but may be another item: how far that is a change is not modelled."""
    return {
        path
        for one, other in combinations(sides, 2)
        for path in one.keys() & other.keys()
        if one[path].node == other[path].node and one[path].item != other[path].item
    }


def with_branch(view: View, commit: str) -> View:
    """The view after the current branch (or the detached head) moved to ``commit``."""
    branches = {**view.branches, view.branch: commit} if view.branch else view.branches
    return replace(view, base=commit, branches=branches)
