"""Labels against a model: random edits of labels, files and branches, compared after each step.

``OXIDE_TEST_PROFILE=long`` runs many more and longer histories, with new seeds.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from labels import label_model as model
from labels.label_model import FileConflict, FileKey, Rows, State
from labels.team import DEPENDENT, box, rows
from oxide import Repository, errors
from oxide.history import merge_bases
from oxide.labels.annotation import Keyframe
from oxide.moving import merge_states
from oxide.settings import Settings
from oxide.types import Conflict
from oxide.workspace import Tables, base_tables, read_state, tables_of
from support import AUTHOR, write

PATHS = ["a", "b", "d/x", "d/y", "n"]
BRANCHES = ["main", "left", "right"]
COMMON = [b"one", b"two"]
LABELS = ["cat", "dog", "cow"]
VALUES = [0, 1, 2]
NAMES = ["p", "q"]
EDITS = ["add", "label", "label", "attribute", "keyframe", "metadata", "unlabel", "remove", "write", "rename", "again"]
ENDS = ["base", "ours", "theirs", "abort", "hand", "carry"]
SIDES = ("base", "ours", "theirs")
T = TypeVar("T")
Method = TypeVar("Method", bound=Callable[..., None])
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

seen: Counter[str] = Counter()
"""Situations that were reached: a model that never reaches them proves nothing."""

MUST_BE_SEEN = {
    "annotate",
    "change",
    "remove",
    "metadata",
    "keyframes",
    "carried",
    "carry refused",
    "merged",
    "row conflict",
    "file conflict",
    "labelled conflict",
    "twins",
    "resolve ours",
    "resolve theirs",
    "resolve base",
    "abort",
    "stash push",
    "stash pop",
    "stash conflict",
    "restore staged",
    "restore source",
    "undo",
    "redo",
    "amend",
    "revert",
    "cherry-pick",
    "item came back",
    "decided by hand",
}


def rule(**choices: Sequence[Any]) -> Callable[[Method], Method]:
    """A step, with what each of its arguments is drawn from."""

    def mark(method: Method) -> Method:
        method.choices = choices  # type: ignore[attr-defined]
        return method

    return mark


def precondition(holds: Callable[[Any], Any]) -> Callable[[Method], Method]:
    """When the step may be taken."""

    def mark(method: Method) -> Method:
        method.holds = holds  # type: ignore[attr-defined]
        return method

    return mark


def file_key(conflict: Conflict) -> FileKey:
    """What tells a conflict of files from all others."""
    sides = (conflict.base, conflict.ours, conflict.theirs)
    return conflict.name, frozenset(str(row["item_id"]) for row in sides if row is not None)


class LabelMachine:
    """Each rule does one thing to the repository, and says what the rows must be then."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.root = Path(tempfile.mkdtemp(prefix="oxide-labels-", dir=MEMORY))
        self.repo = Repository.init(self.root, settings=Settings(None, dict(AUTHOR)))
        self.commits: dict[str, Rows] = {}
        self.state = State()
        self.past: list[State] = []
        self.future: list[State] = []
        self.stashed: list[str] = []
        self.fresh = 0

    def draw(self, choices: Sequence[T]) -> T:
        return self.random.choice(choices)

    def run(self, steps: int) -> None:
        """One history. Its steps are told when it fails: chance is in the ids too, so a seed does not always fail
        again.
        """
        told = []
        try:
            self.begin()
            for _ in range(steps):
                method = self.draw([each for each in RULES if getattr(each, "holds", lambda machine: True)(self)])
                arguments = {name: self.draw(choices) for name, choices in method.choices.items()}
                told.append(f"{method.__name__} {arguments}")
                method(self, **arguments)
        except BaseException as error:
            error.add_note("\n".join(told))
            raise
        finally:
            shutil.rmtree(self.root, ignore_errors=True)

    # -- what the engine says ------------------------------------------------------------------------------------------
    @property
    def number(self) -> int:
        return read_state(self.repo.store).number

    @property
    def tables(self) -> Tables:
        return read_state(self.repo.store).pending

    def files(self, tables: Tables) -> dict[str, dict[str, Any]]:
        return {row["path"]: row for row in self.repo.store.file_rows(tables["files"][1])}

    def items(self, tables: Tables) -> set[str]:
        return {row["item_id"] for row in self.files(tables).values()}

    def rows_of(self, tables: Tables) -> Rows:
        """All rows, and that each belongs to a file."""
        found: Rows = {}
        for table in DEPENDENT:
            for row in rows(self.repo, tables[table]) if table in tables else []:
                cells = {name: cell for name, cell in row.items() if name not in ("author", "created")}
                item, annotation, frame = cells.pop("item_id"), cells.pop("ann_id", ""), cells.pop("frame", "")
                found[table, item, f"{annotation}{frame}"] = cells
        known = {row["item_id"] for row in rows(self.repo, tables["items"])}
        assert len(self.items(tables)) == len(self.files(tables)), "an item is on two paths"
        strays = {item for _, item, _ in found} - (self.items(tables) & known)
        assert not strays, f"rows of no file: {strays}"
        assert not [key for key in found if model.is_stray(found, key)], "keyframes of no annotation"
        return found

    @property
    def base(self) -> Rows:
        base = read_state(self.repo.store).base
        return self.commits[base] if base else {}

    @property
    def in_conflict(self) -> bool:
        workspace = read_state(self.repo.store).workspace
        return bool(workspace["merging"] or workspace["conflicts"])

    # -- a step --------------------------------------------------------------------------------------------------------
    def expect(self, state: State, before: int) -> None:
        """The rows are as the model says; when an operation was published, undo goes back before it."""
        if self.number != before:
            self.past.append(self.state)
            self.future.clear()
        self.state = state
        self.check()

    def check(self) -> None:
        self.tidy_disk()
        found, expected_rows = self.rows_of(self.tables), self.state.pending
        different = {
            key: (expected_rows.get(key), found.get(key))
            for key in found.keys() | expected_rows.keys()
            if found.get(key) != expected_rows.get(key)
        }
        assert not different, f"expected and found: {different}"
        conflicts = self.repo.conflicts()
        assert {file_key(each) for each in conflicts if each.table == "files"} == self.state.files.keys()
        assert {(each.table, each.name) for each in conflicts if each.table != "files"} == {
            (table, item + self.key_rest(table, rest)) for table, item, rest in self.state.rows
        }
        new = {entry.commit.id for name in self.repo.branches() if name.head for entry in self.repo.log(name.head)}
        for commit in new - self.commits.keys():
            self.commits[commit] = self.rows_of(tables_of(self.repo.store, commit))

    def key_rest(self, table: str, rest: str) -> str:
        return rest[:24] + f"{(1 << 63) + int(rest[24:]):016x}" if table == "keyframes" else rest

    def after_files(self, change: Callable[[], object]) -> None:
        """A verb that moves files: rows follow."""
        before, number = self.items(self.tables), self.number
        change()
        after = self.items(self.tables)
        if after - before and model.of_items(self.base, after - before):
            seen["item came back"] += 1
        pending = model.follow(self.state.pending, self.base, before, after)
        open_rows = {key: sides for key, sides in self.state.rows.items() if key[1] in after}
        left = {file_key(conflict) for conflict in self.repo.conflicts() if conflict.table == "files"}
        open_files = {key: conflict for key, conflict in self.state.files.items() if key in left}
        self.expect(State(pending, open_files, open_rows), number)

    def tidy_disk(self) -> None:
        """No work is on disk that is stored nowhere: what verbs do about that is another machine's."""
        tracked = self.files(self.tables)
        for path in PATHS:
            place = self.root / path
            wanted = self.repo.store.content(tracked[path]["content_id"]) if path in tracked else None
            if wanted is None:
                place.unlink(missing_ok=True)
            elif not place.exists() or place.read_bytes() != wanted:
                write(self.root, path, wanted)

    def content(self) -> bytes:
        if self.draw([True, False, False, False]):
            return self.draw(COMMON)
        self.fresh += 1
        return f"content {self.fresh}".encode()

    def commit_all(self) -> None:
        """Nothing is pending afterwards."""
        number = self.number
        state = read_state(self.repo.store)
        if state.pending != base_tables(self.repo.store, state):
            made = self.repo.commit("a commit")
            self.commits[made.id] = self.rows_of(made.tables)
            assert self.commits[made.id] == self.state.pending
            self.expect(self.state, number)

    def begin(self) -> None:
        paths = self.random.sample(PATHS, self.draw([1, 2, 3, 4]))
        for path in paths:
            write(self.root, path, self.content())
        self.repo.add(["."])
        self.state, self.past = State(), []
        self.commit_all()
        for name in BRANCHES[1:]:
            self.repo.create_branch(name)
        self.past.clear()

    # -- labels --------------------------------------------------------------------------------------------------------
    def draw_path(self) -> str | None:
        paths = sorted(self.files(self.tables))
        return self.draw(paths) if paths else None

    def edited(self, item: str, call: Callable[[], object], table: str) -> None:
        """Rows of one item change, and no others; what they became was checked by the caller."""
        number = self.number
        noted = [conflict for conflict in self.state.files.values() if any(conflict.sides.values())]
        if any(item in conflict.items for conflict in noted):
            try:
                call()
            except errors.InConflict:
                return
            raise AssertionError("labels of a file that may go were changed")
        call()
        found = self.rows_of(self.tables)
        pending = {**model.without_items(self.state.pending, [item]), **model.of_items(found, [item])}
        assert all(found[key] == self.state.pending[key] for key in self.state.pending if key[0] not in table)
        left = {
            key: sides
            for key, sides in self.state.rows.items()
            if key[0] == "metadata"
            or (pending.get(key) == self.state.pending.get(key) and not model.is_stray(pending, key))
        }
        seen["decided by hand"] += len(left) < len(self.state.rows)
        self.expect(replace(self.state, pending=pending, rows=left), number)

    def annotation_to_change(self, path: str) -> Any:
        known = sorted(self.repo.annotations(path), key=lambda annotation: annotation.created or 0)
        return self.draw(known) if known else None

    @rule(label=LABELS, x=VALUES, tracked=[False, True])
    def annotate(self, label: str, x: int, tracked: bool) -> None:
        path = self.draw_path()
        if path is None:
            return
        item = self.files(self.tables)[path]["item_id"]
        frames = (Keyframe(0, (float(x), 0.0, 2.0, 2.0)), Keyframe(5, (1.0, 0.0, 2.0, 2.0)))
        seen["annotate"] += 1
        annotation = box(label, x, 1, 2, 2, keyframes=frames if tracked else ())
        self.edited(item, partial(self.repo.annotate, path, annotation), "annotations keyframes")

    @rule(what=["label", "box", "attributes", "score", "keyframes"], value=VALUES)
    def change_annotation(self, what: str, value: int) -> None:
        path = self.draw_path()
        old = self.annotation_to_change(path) if path is not None else None
        if path is None or old is None:
            return
        new: Any = {
            "label": ["cat", "dog", "cow"][value],
            "box": (float(value), 1.0, 2.0, 2.0),
            "attributes": {**old.attributes, self.draw(NAMES): value},
            "score": value / 2,
            "keyframes": tuple(replace(each, box=(float(value), 3.0, 2.0, 2.0)) for each in old.keyframes[: value + 1]),
        }[what]
        seen["change"] += 1
        seen["keyframes"] += what == "keyframes" and bool(old.keyframes)
        item = old.item_id
        changed = replace(old, updated=None, updated_by=None, **{what: new})
        self.edited(item, partial(self.repo.annotate, path, changed), "annotations keyframes")

    @rule()
    def remove_annotation(self) -> None:
        path = self.draw_path()
        old = self.annotation_to_change(path) if path is not None else None
        if old is not None:
            seen["remove"] += 1
            self.edited(old.item_id, partial(self.repo.remove_annotations, [old.id]), "annotations keyframes")

    @rule(name=NAMES, value=VALUES, unset=[False, True])
    def metadata(self, name: str, value: int, unset: bool) -> None:
        path = self.draw_path()
        if path is None:
            return
        item = self.files(self.tables)[path]["item_id"]
        old = self.repo.metadata(path)
        call = partial(self.repo.unset_metadata, [path], [name]) if unset else partial(
            self.repo.set_metadata, [path], {name: value}
        )  # fmt: skip
        seen["metadata"] += 1
        self.edited(item, call, "metadata")
        if not self.state.files:
            rest = {key: each for key, each in old.items() if key != name}
            assert self.repo.metadata(path) == (rest if unset else {**rest, name: value})

    # -- files ---------------------------------------------------------------------------------------------------------
    @rule(path=PATHS)
    def write_and_add(self, path: str) -> None:
        write(self.root, path, self.content())
        self.after_files(partial(self.repo.add, ["."]))

    @rule()
    def rename_and_add(self) -> None:
        known = sorted(self.files(self.tables))
        free = [path for path in PATHS if not (self.root / path).exists()]
        if known and free:
            old, new = self.draw(known), self.draw(free)
            (self.root / new).parent.mkdir(exist_ok=True)
            os.rename(self.root / old, self.root / new)
            self.after_files(partial(self.repo.add, ["."]))

    @rule()
    def move(self) -> None:
        known = sorted(self.files(self.tables))
        free = [path for path in PATHS if not (self.root / path).exists() and path not in known]
        if known and free and not self.in_conflict:
            old, new = self.draw(known), self.draw(free)
            (self.root / new).parent.mkdir(exist_ok=True)
            self.after_files(partial(self.repo.move, [old], new))

    @rule(cached=[False, True])
    def remove_file(self, cached: bool) -> None:
        path = self.draw_path()
        if path is not None:
            self.after_files(partial(self.repo.remove, [path], cached=cached, force=True))

    @precondition(lambda self: not self.in_conflict)
    @rule(how=["worktree", "staged", "source"], everything=[False, True])
    def restore(self, how: str, everything: bool) -> None:
        store, number = self.repo.store, self.number
        state = read_state(store)
        if how == "source":
            source = self.draw(list(self.commits))
            origin = tables_of(store, source)
            labels = self.commits[source]
        else:
            source, labels = None, self.base
            origin = base_tables(store, state) if how == "staged" else state.pending
        places = sorted(
            {*self.files(origin), *self.files(state.pending)} if source or how == "staged" else self.files(origin)
        )
        if not places:
            return
        path = "." if everything else self.draw(places)
        before = self.items(state.pending)
        seen[f"restore {how}"] += 1
        self.repo.restore([path], source=source, staged=how == "staged", force=True)
        now = self.files(self.tables)
        after = {row["item_id"] for row in now.values()}
        pending = model.follow(self.state.pending, self.base, before, after)
        origins = self.files(origin)
        for place, row in now.items():
            if everything or place == path:
                item = row["item_id"]
                first = origins[place]["item_id"] if place in origins else item
                taken = model.rekeyed(model.of_items(labels, [first]), {first: item})
                pending = {**model.without_items(pending, [item]), **taken}
        self.expect(State(pending), number)

    # -- history -------------------------------------------------------------------------------------------------------
    @rule()
    def commit(self) -> None:
        if self.repo.conflicts():
            return
        number = self.number
        try:
            made = self.repo.commit("a commit")
        except errors.NothingToDo:
            assert self.state.pending == self.base
            return
        self.commits[made.id] = self.rows_of(made.tables)
        self.expect(self.state, number)

    @precondition(lambda self: not self.in_conflict)
    @rule(chance=[0, 1, 2, 3, 4])
    def amend(self, chance: int) -> None:
        if chance == 0:
            seen["amend"] += 1
            number = self.number
            made = self.repo.commit("amended", amend=True)
            self.commits[made.id] = self.rows_of(made.tables)
            self.expect(self.state, number)

    @precondition(lambda self: not self.in_conflict)
    @rule(name=BRANCHES)
    def checkout(self, name: str) -> None:
        self.go(name)

    def go(self, name: str) -> None:
        store, number = self.repo.store, self.number
        state = read_state(store)
        base, target = base_tables(store, state), tables_of(store, state.view["branches"][name])
        from_rows, goal = self.base, self.commits[state.view["branches"][name]]
        try:
            self.repo.checkout(name)
        except errors.WouldOverwrite as error:
            assert self.number == number
            if base["files"] == state.pending["files"]:
                self.assert_contested(from_rows, goal, self.state.pending, base, target)
                seen["carry refused"] += 1
            assert error.paths
            self.check()
            return
        if state.pending in (base, target):
            expected = goal
        else:
            seen["carried"] += 1
            expected = self.carried(from_rows, goal, self.state.pending, (base, target, state.pending))
        self.expect(State(expected), number)

    def assert_contested(self, base: Rows, ours: Rows, theirs: Rows, base_at: Tables, ours_at: Tables) -> None:
        """The refusal had a reason: rows that both changed, or a file that is gone there while its rows changed."""
        _, conflicts = model.merge(base, ours, theirs)
        gone = self.items(base_at) - self.items(ours_at)
        assert conflicts or any(model.of_items(base, [item]) != model.of_items(theirs, [item]) for item in gone)

    def carried(self, base: Rows, ours: Rows, theirs: Rows, at: tuple[Tables, Tables, Tables]) -> Rows:
        """What a merge without conflicts leaves, in which items of ``theirs`` win where both added the same file."""
        now = self.files(self.tables)
        pairs = self.twins(*at, now)
        seen["twins"] += bool(pairs)
        merged, conflicts = model.merge(base, model.rekeyed(ours, pairs), model.rekeyed(theirs, pairs))
        items = {row["item_id"] for row in now.values()}
        assert not [key for key in conflicts if key[1] in items]
        return model.of_items(merged, items)

    def twins(self, base: Tables, ours: Tables, theirs: Tables, now: dict[str, dict[str, Any]]) -> dict[str, str]:
        """Items of files that both sides added as different items: to the one that stayed."""
        known = self.items(base)
        one, other = self.files(ours), self.files(theirs)
        pairs = {}
        for path in one.keys() & other.keys() & now.keys():
            here, there, kept = one[path]["item_id"], other[path]["item_id"], now[path]["item_id"]
            new = not known & {here, there}
            if new and here != there and kept in (here, there) and one[path]["content_id"] == other[path]["content_id"]:
                pairs[there if kept == here else here] = kept
        return pairs

    # -- merging -------------------------------------------------------------------------------------------------------
    @precondition(lambda self: not self.in_conflict)
    @rule(name=BRANCHES)
    def merge(self, name: str) -> None:
        self.commit_all()
        state = read_state(self.repo.store)
        theirs = state.view["branches"][name]
        bases = merge_bases(self.repo.store, state.base, theirs)
        self.replay(partial(self.repo.merge, name), bases, theirs)

    @precondition(lambda self: not self.in_conflict)
    @rule(ours=EDITS, theirs=EDITS, same=[False, True])
    def contest(self, ours: str, theirs: str, same: bool) -> None:
        """Both sides do something, mostly to one picture: conflicts come sooner than by chance."""
        self.commit_all()
        here = self.repo.current_branch()
        other = self.draw([name for name in BRANCHES if name != here])
        path = self.draw_path()
        if path is None or here is None:
            return
        self.edit(ours, path)
        self.commit_all()
        self.go(other)
        there = self.files(self.tables)
        if not same or path not in there:
            path = self.draw(sorted(there)) if there else None
        if path is not None:
            self.edit(theirs, path)
            self.commit_all()
        self.merge(here)

    @precondition(lambda self: not self.in_conflict)
    @rule(what=["label", "attribute", "metadata", "twin"], end=ENDS)
    def contest_one_field(self, what: str, end: str) -> None:
        """Both sides change the same of what both have; then one way out of it."""
        self.commit_all()
        here, path = self.repo.current_branch(), self.draw_path()
        others = [name for name in BRANCHES if name != here]
        if here is None or path is None:
            return
        self.edit("add", path)
        self.commit_all()
        self.go(others[0])
        self.merge(here)
        if self.in_conflict or path not in self.files(self.tables):
            return
        self.edit(what, path)
        self.commit_all()
        self.go(here)
        self.edit(what, path)
        if end == "carry":
            self.go(others[0])
            return
        self.commit_all()
        self.merge(others[0])
        if end == "abort" and self.in_conflict:
            self.give_up()
        elif end == "hand" and self.state.rows:
            self.edit("unlabel", path)
        elif end in SIDES and (self.state.files or self.state.rows):
            self.resolve(side=end, everything=True)

    def edit(self, what: str, path: str) -> None:
        annotations = sorted(self.repo.annotations(path), key=lambda annotation: str(annotation.created))
        item = self.files(self.tables)[path]["item_id"]
        both = "annotations keyframes"
        if what == "add" or (not annotations and what in ("label", "attribute", "keyframe", "unlabel")):
            label = self.draw(LABELS)
            frames = (Keyframe(0, (0.0, 0.0, 2.0, 2.0)), Keyframe(5, (1.0, 0.0, 2.0, 2.0)))
            self.edited(item, partial(self.repo.annotate, path, box(label, keyframes=frames)), both)
        elif what == "metadata":
            values = {self.draw(NAMES): self.draw(VALUES)}
            self.edited(item, partial(self.repo.set_metadata, [path], values), "metadata")
        elif what == "unlabel":
            self.edited(item, partial(self.repo.remove_annotations, [annotations[0].id or ""]), both)
        elif what == "remove":
            self.after_files(partial(self.repo.remove, [path], force=True))
        elif what == "write":
            write(self.root, path, self.content())
            self.after_files(partial(self.repo.add, ["."]))
        elif what == "rename":
            free = [place for place in PATHS if not (self.root / place).exists()]
            if free:
                new = self.draw(free)
                (self.root / new).parent.mkdir(exist_ok=True)
                self.after_files(partial(self.repo.move, [path], new))
        elif what == "twin":
            write(self.root, PATHS[-1], b"twin")
            self.after_files(partial(self.repo.add, ["."]))
            item = self.files(self.tables)[PATHS[-1]]["item_id"]
            self.edited(item, partial(self.repo.annotate, PATHS[-1], box(self.draw(LABELS))), both)
        elif what == "again":  # the same file as another item
            content = (self.root / path).read_bytes()
            self.after_files(partial(self.repo.remove, [path], force=True))
            self.commit_all()
            write(self.root, path, content)
            self.after_files(partial(self.repo.add, ["."]))
        else:
            old, value = annotations[0], self.draw(VALUES)
            new: dict[str, Any] = {
                "label": {"label": ["cat", "dog", "cow"][value]},
                "attribute": {"attributes": {**old.attributes, self.draw(NAMES): value}},
                "keyframe": {
                    "keyframes": tuple(replace(each, box=(float(value), 3.0, 2.0, 2.0)) for each in old.keyframes)
                },
            }[what]
            changed = replace(old, updated=None, updated_by=None, **new)
            self.edited(item, partial(self.repo.annotate, path, changed), both)

    @precondition(lambda self: not self.in_conflict)
    @rule(kind=["revert", "cherry-pick"])
    def again(self, kind: str) -> None:
        self.commit_all()
        kept = {entry.commit.id for branch in BRANCHES for entry in self.repo.log(branch)}
        single = [each for each in self.commits if each in kept and len(self.repo.read_commit(each).parents) == 1]
        if not single:
            return
        commit = self.draw(single)
        parent = self.repo.read_commit(commit).parents[0]
        seen[kind] += 1
        if kind == "revert":
            self.replay(partial(self.repo.revert, commit), [commit], parent)
        else:
            self.replay(partial(self.repo.cherry_pick, commit), [parent], commit)

    def replay(self, call: Callable[[], Any], bases: list[str], theirs: str) -> None:
        store, number = self.repo.store, self.number
        ours_at, theirs_at = self.tables, tables_of(store, theirs)
        before = self.state.pending
        try:
            result = call()
        except errors.NothingToDo:
            assert self.number == number
            return
        if result.kind == "up-to-date":
            return
        if result.commit is not None:
            self.commits[result.commit.id] = self.rows_of(result.commit.tables)
        if result.kind == "fast-forward":
            self.expect(State(self.commits[theirs]), number)
            return
        if len(bases) != 1:  # what the bases merge to is not modelled: no row is stray, and both ways are the same
            self.resync()
            return
        base_at = tables_of(store, bases[0])
        self.both_ways(base_at, ours_at, theirs_at)
        self.expect(
            self.merged(self.commits[bases[0]], before, self.commits[theirs], (base_at, ours_at, theirs_at), result),
            number,
        )

    def both_ways(self, base: Tables, ours: Tables, theirs: Tables) -> None:
        with self.repo.store.begin() as session:
            one, conflicts = merge_states(session, base, ours, theirs)
            other, mirrored = merge_states(session, base, theirs, ours)
            assert {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)} == set(), conflicts
            assert {(c["table"], c["name"]) for c in conflicts if c["table"] != "files"} == {
                (c["table"], c["name"]) for c in mirrored if c["table"] != "files"
            }

    def merged(self, base: Rows, ours: Rows, theirs: Rows, at: tuple[Tables, Tables, Tables], result: Any) -> State:
        """Rows and conflicts after a merge, files and items being as the engine says."""
        now = self.files(self.tables)
        pairs = self.twins(*at, now)
        seen["twins"] += bool(pairs)
        ours, theirs = model.rekeyed(ours, pairs), model.rekeyed(theirs, pairs)
        sides = {"base": base, "ours": ours, "theirs": theirs}
        files: dict[FileKey, FileConflict] = {}
        labelled: set[str] = set()
        for conflict in result.conflicts:
            if conflict.table == "files":
                seen["labelled conflict" if conflict.reason == "labelled" else "file conflict"] += 1
                three = [getattr(conflict, side) for side in SIDES]
                items = frozenset(str(row["item_id"]) for row in three if row is not None)
                whole = None in three or len(items) > 1
                of = {
                    side: model.of_items(sides[side], [row["item_id"]] if row is not None and whole else [])
                    for side, row in zip(SIDES, three, strict=True)
                }
                files[file_key(conflict)] = FileConflict(items if whole else frozenset(), of)
                labelled |= items if whole else set()
        items = {row["item_id"] for row in now.values()}
        pending, conflicts = model.merge(base, ours, theirs)
        pending = model.of_items(model.without_items(pending, labelled), items)
        pending.update(model.of_items(model.of_items(ours, labelled), items))
        rows = {key: three for key, three in conflicts.items() if key[1] in items - labelled}
        seen["row conflict"] += len(rows)
        seen["merged"] += not result.conflicts
        return State(pending, files, rows)

    def resync(self) -> None:
        """Take over what the engine says: only that no row is stray was checked."""
        if self.repo.conflicts():
            self.repo.merge_abort(force=True)
        self.past.clear()
        self.future.clear()
        self.state = State(self.rows_of(self.tables))
        self.check()

    @precondition(lambda self: self.state.files or self.state.rows)
    @rule(side=SIDES, everything=[False, True])
    def resolve(self, side: str, everything: bool) -> None:
        conflicts = sorted(self.repo.conflicts(), key=lambda conflict: (str(conflict.path), conflict.table))
        chosen = conflicts if everything else [self.draw(conflicts)]
        number, before = self.number, self.items(self.tables)
        self.repo.resolve(["."] if everything else [chosen[0].name], side, force=True)
        seen[f"resolve {side}"] += 1
        left = {file_key(conflict) for conflict in self.repo.conflicts() if conflict.table == "files"}
        gone = self.state.files.keys() - left
        after = self.items(self.tables)
        pending = model.of_items(self.state.pending, before & after)
        for key in gone:
            conflict = self.state.files[key]
            if any(conflict.sides.values()):  # else it was told nothing about rows, and those of now stay
                pending = model.without_items(pending, conflict.items)
        for key in gone:
            conflict = self.state.files[key]
            if conflict.items:
                pending.update(model.of_items(conflict.sides[side], after))
        for key, three in sorted(self.state.rows.items(), key=lambda entry: entry[0]):
            if key[1] + self.key_rest(key[0], key[2]) in {c.name for c in chosen} and key[1] in after:
                pending = model.resolved(pending, key, three, side)
        rows = {
            key: three
            for key, three in self.state.rows.items()
            if key[1] + self.key_rest(key[0], key[2]) not in {c.name for c in chosen}
            and key[1] in after
            and not model.is_stray(pending, key)
        }
        files = {key: conflict for key, conflict in self.state.files.items() if key not in gone}
        self.expect(State(pending, files, rows), number)

    @precondition(lambda self: self.in_conflict)
    @rule(chance=[0, 1, 2])
    def abort(self, chance: int) -> None:
        if chance == 0:
            self.give_up()

    def give_up(self) -> None:
        number = self.number
        seen["abort"] += 1
        self.repo.merge_abort(force=True)
        self.expect(State(self.base), number)

    # -- shelving ------------------------------------------------------------------------------------------------------
    @precondition(lambda self: not self.in_conflict)
    @rule()
    def stash_push(self) -> None:
        number = self.number
        try:
            entry = self.repo.stash_push()
        except errors.NothingToDo:
            assert self.state.pending == self.base
            return
        seen["stash push"] += 1
        self.commits[entry.commit] = self.rows_of(tables_of(self.repo.store, entry.commit))
        assert self.commits[entry.commit] == self.state.pending
        self.expect(State(self.base), number)

    @precondition(lambda self: not self.in_conflict)
    @rule()
    def stash_pop(self) -> None:
        entries = self.repo.stash_list()
        if not entries:
            return
        store, number = self.repo.store, self.number
        ours_at, theirs_at = self.tables, tables_of(store, entries[0].commit)
        parent = self.repo.read_commit(entries[0].commit).parents[0]
        before = self.state.pending
        try:
            result = self.repo.stash_pop()
        except errors.WouldOverwrite:
            return
        seen["stash pop"] += 1
        seen["stash conflict"] += result.kind == "conflicts"
        at = (tables_of(store, parent), ours_at, theirs_at)
        state = self.merged(self.commits[parent], before, self.commits[entries[0].commit], at, result)
        self.expect(state, number)

    # -- going back ----------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.past)
    @rule()
    def undo(self) -> None:
        self.repo.undo(force=True)
        seen["undo"] += 1
        self.future.append(self.state)
        self.state = self.past.pop()
        self.check()

    @precondition(lambda self: self.future)
    @rule()
    def redo(self) -> None:
        self.repo.redo(force=True)
        seen["redo"] += 1
        self.past.append(self.state)
        self.state = self.future.pop()
        self.check()


RULES: list[Any] = [each for each in vars(LabelMachine).values() if hasattr(each, "choices")]
LONG = os.environ.get("OXIDE_TEST_PROFILE") == "long"


def test_labels_follow_the_model() -> None:
    seen.clear()
    first = Random().getrandbits(32) if LONG else 0
    for seed in range(first, first + (1500 if LONG else 60)):
        LabelMachine(seed).run(60 if LONG else 25)
    assert {name for name, times in seen.items() if times} >= MUST_BE_SEEN, MUST_BE_SEEN - seen.keys()
