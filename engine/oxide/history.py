"""Walking commits: log, ancestors, merge bases, blame."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from oxide.errors import NotFound
from oxide.types import BlameEntry, Commit, LogEntry
from oxide.workspace import State, read_commit, tables_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oxide._core import Store


def walk(store: Store, start: Sequence[str]) -> Iterator[Commit]:
    """Every commit reachable from ``start``, newest first."""
    seen = set(start)
    heap = [_by_age(read_commit(store, commit_id)) for commit_id in sorted(seen)]
    heapq.heapify(heap)
    while heap:
        commit = heapq.heappop(heap)[-1]
        yield commit
        for parent in commit.parents:
            if parent not in seen:
                seen.add(parent)
                heapq.heappush(heap, _by_age(read_commit(store, parent)))


def _by_age(commit: Commit) -> tuple[float, int, str, Commit]:
    return (-commit.time.timestamp(), -commit.generation, commit.id, commit)


def log(store: Store, state: State, start: str, paths: Sequence[str], limit: int | None) -> Iterator[LogEntry]:
    """Commits reachable from ``start`` that change something under ``paths`` (empty: all), newest first."""
    names = _names(state)
    shown = 0
    for commit in walk(store, [start]):
        if limit is not None and shown >= limit:
            return
        if not paths or changes_paths(store, commit, paths):
            shown += 1
            branches, tags = names.get(commit.id, ([], []))
            yield LogEntry(commit, branches, tags)


def entry(state: State, commit: Commit) -> LogEntry:
    """A commit with the names that point at it."""
    branches, tags = _names(state).get(commit.id, ([], []))
    return LogEntry(commit, branches, tags)


def _names(state: State) -> dict[str, tuple[list[str], list[str]]]:
    names: dict[str, tuple[list[str], list[str]]] = {}
    for name in sorted(state.view["branches"]):
        names.setdefault(state.view["branches"][name], ([], []))[0].append(name)
    for remote in sorted(state.view["remotes"]):
        for name, commit in sorted(state.view["remotes"][remote].items()):
            names.setdefault(commit, ([], []))[0].append(f"{remote}/{name}")
    for name in sorted(state.view["tags"]):
        names.setdefault(state.view["tags"][name]["commit"], ([], []))[1].append(name)
    return names


def changes_paths(store: Store, commit: Commit, paths: Sequence[str]) -> bool:
    """Whether a commit differs from each of its parents somewhere under ``paths``."""
    files = commit.tables["files"][1]
    parents = commit.parents or (None,)
    for parent in parents:
        before = tables_of(store, parent)["files"][1]
        if before == files:
            return False
        changes = store.diff_files(before, files, paths)
        if not any(changes[how] for how in ("added", "modified", "removed", "renamed")):
            return False
    return True


def ancestors(store: Store, commit_id: str) -> set[str]:
    """A commit and everything before it."""
    return {commit.id for commit in walk(store, [commit_id])}


def is_ancestor(store: Store, older: str, newer: str) -> bool:
    """Whether ``older`` is ``newer`` or comes before it. Stops at the generation of ``older``."""
    floor = read_commit(store, older).generation
    pending, seen = [newer], {newer}
    while pending:
        commit_id = pending.pop()
        if commit_id == older:
            return True
        commit = read_commit(store, commit_id)
        if commit.generation > floor:
            fresh = [parent for parent in commit.parents if parent not in seen]
            seen.update(fresh)
            pending += fresh
    return False


def count_between(store: Store, base: str, tip: str) -> int:
    """Commits that ``tip`` has and ``base`` has not."""
    if base == tip:
        return 0
    return len(ancestors(store, tip) - ancestors(store, base))


def merge_bases(store: Store, one: str, other: str) -> list[str]:
    """The best common ancestors, none of them an ancestor of another; sorted. Empty for unrelated histories.

    Walks from both tips by falling generation, marking who reaches what, as git's paint-down does.
    """
    first, second, stale = 1, 2, 4
    marks: dict[str, int] = {}
    heap: list[tuple[int, str]] = []

    def mark(commit_id: str, flags: int) -> None:
        known = marks.get(commit_id, 0)
        if known | flags != known:
            marks[commit_id] = known | flags
            heapq.heappush(heap, (-read_commit(store, commit_id).generation, commit_id))

    mark(one, first)
    mark(other, second)
    found: set[str] = set()
    while any(not marks[commit_id] & stale for _, commit_id in heap):
        _, commit_id = heapq.heappop(heap)
        flags = marks[commit_id]
        if flags & (first | second) == first | second:
            if not flags & stale:
                found.add(commit_id)
            flags |= stale
        for parent in read_commit(store, commit_id).parents:
            mark(parent, flags)
    return sorted(commit_id for commit_id in found if not marks[commit_id] & stale)


def blame(store: Store, start: str, path: str) -> list[BlameEntry]:
    """For each file at or below ``path``, the commit that last changed it. Raises NotFound."""
    rows = store.file_rows(tables_of(store, start)["files"][1], [path] if path else [])
    if not rows:
        raise NotFound(f"'{path}' is not in {start[:16]}", hint="see `oxide ls -r`", path=path)
    wanted: dict[str, set[str]] = {start: {row["path"] for row in rows}}
    found: dict[str, BlameEntry] = {}
    for commit in walk(store, [start]):
        paths = wanted.pop(commit.id, set()) - found.keys()
        if not paths:
            continue
        files = commit.tables["files"][1]
        changed_in_all = paths
        how: dict[str, str] = {}
        for parent in commit.parents or (None,):
            changes = _changes_by_path(store, tables_of(store, parent)["files"][1], files, paths)
            how.update(changes)
            same = paths - changes.keys()
            if parent is not None:
                wanted.setdefault(parent, set()).update(same & changed_in_all)
            changed_in_all = changed_in_all & changes.keys()
        found.update({name: BlameEntry(name, commit, how[name]) for name in changed_in_all})
    return [found[name] for name in sorted(found)]


def _changes_by_path(store: Store, before: str, after: str, paths: set[str]) -> dict[str, str]:
    changes = store.diff_files(before, after)  # of all paths: a rename is seen only with both of its names
    how = dict.fromkeys(changes["added"], "added")
    how.update({new: "renamed" for _, new in changes["renamed"]})
    how.update(dict.fromkeys(changes["modified"], "modified"))
    return {path: kind for path, kind in how.items() if path in paths}
