"""The engine against the model: random verbs on random trees, compared after each step.

``OXIDE_TEST_PROFILE=long`` runs many more and longer histories, with new seeds.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from engine.model import (
    Commit,
    Conflicted,
    Disk,
    Entry,
    Files,
    History,
    Items,
    Node,
    Operation,
    Stash,
    View,
    carry,
    clashes,
    compare,
    differing,
    is_below,
    merge_files,
    mixes_kinds,
    moved,
    nodes,
    nodes_equal,
    parents_of,
    plan,
    same_look_other_item,
    untracked,
    with_branch,
)
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from oxide import Repository, errors
from oxide.settings import Settings
from support import AUTHOR, tree

PATHS = ["a", "b c", "ünï.jpg", "line\nbreak", "dir", "dir/x", "dir/y.png", "dir/sub/z"]
NAMES = ["main", "left", "right/side"]
TAGS = ["v1", "v2"]
COMMON = [b"", b"one", b"two"]
"""Contents that several paths may have; all others are made once."""

RARELY = st.integers(0, 3).map(lambda number: number == 3)
"""Draws true for a step that would otherwise crowd out the others."""

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Flushing costs nothing here, which makes room for more steps."""

seen: Counter[str] = Counter()
"""Situations that were reached: a model that never reaches them proves nothing."""

MUST_BE_SEEN = {
    "checkout refused",
    "checkout carried a staged change",
    "checkout forced",
    "merge fast-forward",
    "merge merged",
    "merge conflicts",
    "merge refused",
    "resolve ours",
    "resolve theirs",
    "resolve base",
    "merge concluded",
    "merge aborted",
    "revert merged",
    "cherry-pick merged",
    "commit refused in conflict",
    "amend",
    "stash push",
    "stash pop",
    "undo",
    "redo",
    "undo moved files",
    "restore refused",
    "restore worktree",
    "restore staged",
    "rm refused",
    "rm",
    "mv",
    "gc",
    "folder and file changed places",
}


class RepositoryMachine(RuleBasedStateMachine):
    """Each rule does one thing to the repository or the disk, and the same to the model."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="oxide-model-", dir=MEMORY))
        self.settings = Settings(None, dict(AUTHOR))
        self.repo = Repository.init(self.root, settings=self.settings)
        self.disk: Disk = {}
        self.view = View()
        self.history = History()
        self.items = Items()
        self.done: list[Operation] = []
        self.undone: list[Operation] = []
        self.fresh = 0
        self.number = self.newest_operation()

    # -- the model's side of a step ------------------------------------------------------------------------------------
    @property
    def base(self) -> Files:
        return self.history.files(self.view.base)

    @property
    def nothing_staged(self) -> bool:
        return nodes(self.base) == nodes(self.view.staged)

    @property
    def items_are_plain(self) -> bool:
        """Nothing looks unchanged while its item changed."""
        return not same_look_other_item(self.base, self.view.staged)

    def newest_operation(self) -> int:
        return next((operation.number for operation in self.repo.operations(limit=1)), 0)

    def publish(self, after: View, *, moves: bool = False, shelved: Files | None = None) -> None:
        """A verb succeeded: one operation at most, and exactly one when the view differs in more than its items."""
        number = self.newest_operation()
        looks = [
            replace(view, staged={path: Entry(node, 0) for path, node in nodes(view.staged).items()})
            for view in (self.view, after)
        ]
        assert number - self.number in ((1,) if looks[0] != looks[1] else (0, 1))
        if number > self.number:
            self.done.append(Operation(self.view, after, moves, self.view.staged if shelved is None else shelved))
            self.undone.clear()
        self.view, self.number = after, number

    def refused(self, call: Callable[[], Any], error: type[errors.OxideError]) -> Any:
        """The verb must fail; the invariants then show that nothing happened."""
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value)
        assert self.newest_operation() == self.number
        if isinstance(caught.value, (errors.WouldOverwrite, errors.InConflict)):
            assert caught.value.paths, "the message lists what it is about"
        return caught.value

    def tracked_now(self, scope: str = "", *, new_files: bool) -> Files:
        """What is staged after `add` of a scope (or, without new files, as `commit -a` takes it)."""
        staged = dict(self.view.staged)

        def within(path: str) -> bool:
            return not scope or path == scope or is_below(path, scope)

        for path in filter(within, list(staged)):
            if path not in self.disk:
                del staged[path]
            elif self.disk[path] != staged[path].node:
                staged[path] = self.items.holds(Entry(self.disk[path], staged[path].item))
        if new_files:
            for path in sorted(filter(within, self.disk)):
                if path not in staged:
                    for parent in parents_of(path):  # a file that has become a folder cannot stay beside what is in it
                        staged.pop(parent, None)
                    before = self.base.get(path)
                    taken = {self.items.family(entry.item) for entry in staged.values()}
                    item = before.item if before and self.items.family(before.item) not in taken else self.items.new()
                    staged[path] = self.items.holds(Entry(self.disk[path], item))
        if self.view.staged.keys() - staged.keys():  # a file added before may now turn out to be one of these, renamed
            for path in staged.keys() & self.view.staged.keys() - self.base.keys():
                if staged[path].node.content:
                    staged[path] = self.items.holds(Entry(staged[path].node, self.items.new()))
        return staged

    def reachable(self) -> list[str]:
        """In the order they were made: ids differ from run to run, and hypothesis must be able to repeat a run."""
        found = self.history.reachable(self.view)
        return [commit for commit in self.history.commits if commit in found]

    # -- the user at work ----------------------------------------------------------------------------------------------
    def put(self, path: str, node: Node) -> None:
        """Write a node to disk as a user would: whatever is in the way goes first."""
        for other in [other for other in self.disk if is_below(other, path) or is_below(path, other)]:
            seen["folder and file changed places"] += 1
            self.discard(other)
        if path in self.disk and "link" in (node.kind, self.disk[path].kind):
            self.discard(path)  # a file is written in place, as editors do: same inode, often the same size and time
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if node.kind == "link":
            os.symlink(node.content, os.fsencode(place))
        else:
            place.write_bytes(node.content)
            place.chmod(0o755 if node.executable else 0o644)
        self.disk[path] = node

    def discard(self, path: str) -> None:
        """Delete a file as a user would, with the folders that it leaves empty (empty folders have a test of their
        own)."""
        (self.root / path).unlink()
        del self.disk[path]
        for folder in reversed(parents_of(path)):
            if not any(is_below(other, folder) for other in self.disk):
                (self.root / folder).rmdir()

    def new_node(self, data: st.DataObject) -> Node:
        common = data.draw(st.integers(0, 3)) == 0
        self.fresh += 1
        content = data.draw(st.sampled_from(COMMON)) if common else b"content %d" % self.fresh
        if data.draw(st.integers(0, 7)) == 0:
            return Node("link", content or b"nowhere", False)
        return Node("file", content, data.draw(st.booleans()))

    def editable(self) -> list[str]:
        """Paths a user works on: what is in conflict is left to `resolve`."""
        near = {
            path
            for path in PATHS
            for held in self.view.conflicts
            if path == held or is_below(path, held) or is_below(held, path)
        }
        return [path for path in PATHS if path not in near]

    @initialize(
        data=st.data(),
        paths=st.lists(st.sampled_from([path for path in PATHS if path != "dir"]), min_size=1, max_size=5, unique=True),
    )
    def begin_with_a_commit(self, data: st.DataObject, paths: list[str]) -> None:
        for path in paths:
            self.put(path, self.new_node(data))
        self.stage("")
        self.commit()

    @rule(data=st.data())
    def write_file(self, data: st.DataObject) -> None:
        paths = self.editable()
        if paths:
            self.put(data.draw(st.sampled_from(paths)), self.new_node(data))

    @rule(data=st.data())
    def delete_file(self, data: st.DataObject) -> None:
        paths = sorted(set(self.editable()) & self.disk.keys())
        if paths:
            self.discard(data.draw(st.sampled_from(paths)))

    @rule(data=st.data())
    def toggle_executable(self, data: st.DataObject) -> None:
        paths = [path for path in sorted(set(self.editable()) & self.disk.keys()) if self.disk[path].kind == "file"]
        if paths:
            path = data.draw(st.sampled_from(paths))
            node = self.disk[path]
            self.disk[path] = node._replace(executable=not node.executable)
            (self.root / path).chmod(0o644 if node.executable else 0o755)

    @rule(data=st.data())
    def rename_file(self, data: st.DataObject) -> None:
        sources = sorted(set(self.editable()) & self.disk.keys())
        free = [
            path
            for path in self.editable()
            if not any(path == other or is_below(path, other) or is_below(other, path) for other in self.disk)
        ]
        if sources and free:
            source, target = data.draw(st.sampled_from(sources)), data.draw(st.sampled_from(free))
            node = self.disk[source]
            (self.root / target).parent.mkdir(parents=True, exist_ok=True)
            os.rename(self.root / source, self.root / target)
            self.disk[target] = node
            place = self.root / source
            place.touch()  # so that `discard` finds what it removes
            self.discard(source)

    # -- staging and committing ----------------------------------------------------------------------------------------
    def stage(self, scope: str) -> None:
        after = self.tracked_now(scope, new_files=True)
        before = set(self.view.staged)
        result = self.repo.add([scope or "."])
        # A rename may have its other half in an earlier `add` or `rm`.
        old, new = ({pair[half] for pair in result.renamed} for half in (0, 1))
        assert set(result.added) <= after.keys() - before <= set(result.added) | new <= after.keys()
        assert set(result.removed) <= before - after.keys() <= set(result.removed) | old
        assert not old & after.keys() and not new & self.base.keys()
        assert not result.skipped
        self.publish(replace(self.view, staged=after))

    @precondition(lambda self: not self.view.concluding)
    @rule(data=st.data())
    def add(self, data: st.DataObject) -> None:
        known = {*self.disk, *self.view.staged}
        folders = {parent for path in known for parent in parents_of(path)}
        self.stage(data.draw(st.sampled_from(["", *sorted(known | folders)])))

    def commit(self, *, all_tracked: bool = False) -> None:
        view = self.view
        if all_tracked:
            view = replace(view, staged=self.tracked_now(new_files=False))
        call = partial(self.repo.commit, "a commit", all=all_tracked)
        if self.view.conflicts:
            seen["commit refused in conflict"] += 1
            self.refused(call, errors.InConflict)
        elif nodes(self.base) == nodes(view.staged) and view.concluding != "merge":
            if not view.concluding and not same_look_other_item(self.base, view.staged):
                self.refused(call, errors.NothingToDo)
        else:
            made = call()
            parents = tuple(parent for parent in (view.base, view.other) if parent)
            assert made.parents == parents
            if view.concluding == "merge":
                seen["merge concluded"] += 1
            self.history.commits[made.id] = Commit(parents, view.staged)
            self.publish(with_branch(replace(view, concluding=None, other=None), made.id))

    @rule(all_tracked=st.booleans())
    def commit_what_is_there(self, all_tracked: bool) -> None:
        if not (all_tracked and self.view.concluding):  # what -a takes during a merge is not modelled
            self.commit(all_tracked=all_tracked)

    @precondition(lambda self: not self.view.concluding)
    @rule(data=st.data())
    def change_and_commit(self, data: st.DataObject) -> None:
        """Makes history grow faster than single steps would."""
        self.put(data.draw(st.sampled_from(PATHS)), self.new_node(data))
        self.stage("")
        self.commit()

    @precondition(lambda self: self.view.base and not self.view.concluding)
    @rule(chance=RARELY)
    def amend(self, chance: bool) -> None:
        if not chance:
            return
        seen["amend"] += 1
        old = self.history.commits[self.view.base]
        made = self.repo.commit("amended", amend=True)
        assert made.parents == old.parents
        self.history.commits[made.id] = Commit(old.parents, self.view.staged)
        self.publish(with_branch(self.view, made.id))

    @precondition(lambda self: self.view.staged and not self.view.concluding)
    @rule(data=st.data(), force=st.booleans())
    def remove(self, data: st.DataObject, force: bool) -> None:
        path = data.draw(st.sampled_from(sorted(self.view.staged)))
        if data.draw(st.booleans()):
            self.put(path, self.new_node(data))
        if not force and not nodes_equal(self.base, self.view.staged, path):
            return  # whether what is only staged counts as work is shown in test_overwrite.py
        call = partial(self.repo.remove, [path], force=force)
        if not force and self.disk.get(path) not in (None, self.view.staged[path].node):
            seen["rm refused"] += 1
            assert path in self.refused(call, errors.WouldOverwrite).paths
        else:
            seen["rm"] += 1
            assert call() == [path]
            self.disk.pop(path, None)
            self.publish(
                replace(self.view, staged={other: entry for other, entry in self.view.staged.items() if other != path}),
                moves=True,
            )

    @precondition(lambda self: self.view.staged and not self.view.concluding)
    @rule(data=st.data())
    def remove_cached(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(sorted(self.view.staged)))
        if nodes_equal(self.base, self.view.staged, path):
            self.repo.remove([path], cached=True)
            self.publish(
                replace(self.view, staged={other: entry for other, entry in self.view.staged.items() if other != path})
            )

    @precondition(lambda self: self.view.staged and not self.view.concluding)
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        taken = {*self.disk, *self.view.staged, *self.base}
        folders = {parent for path in self.disk for parent in parents_of(path)}
        sources = [path for path, entry in self.view.staged.items() if self.disk.get(path) == entry.node]
        free = [
            path
            for path in PATHS
            if not any(path == other or is_below(path, other) or is_below(other, path) for other in taken)
        ]
        free = [path for path in free if all(parent in folders for parent in parents_of(path))]
        if sources and free:
            seen["mv"] += 1
            source, target = data.draw(st.sampled_from(sorted(sources))), data.draw(st.sampled_from(free))
            assert self.repo.move([source], target) == [(source, target)]
            staged = dict(self.view.staged)
            staged[target] = staged.pop(source)
            self.disk[target] = self.disk.pop(source)
            self.publish(replace(self.view, staged=staged), moves=True)

    # -- branches and tags ---------------------------------------------------------------------------------------------
    @precondition(lambda self: self.view.base)
    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def create_branch(self, data: st.DataObject, name: str) -> None:
        commit = data.draw(st.sampled_from(self.reachable()))
        if name in self.view.branches:
            self.refused(partial(self.repo.create_branch, name, commit), errors.AlreadyExists)
        else:
            self.repo.create_branch(name, commit)
            self.publish(replace(self.view, branches={**self.view.branches, name: commit}))

    @rule(name=st.sampled_from(NAMES), chance=RARELY)
    def delete_branch(self, name: str, chance: bool) -> None:
        if not chance:
            return
        if name not in self.view.branches or name == self.view.branch:
            self.refused(partial(self.repo.delete_branch, name), errors.OxideError)
        else:
            self.repo.delete_branch(name)
            self.publish(
                replace(
                    self.view, branches={other: commit for other, commit in self.view.branches.items() if other != name}
                )
            )

    @precondition(lambda self: self.view.base)
    @rule(data=st.data(), name=st.sampled_from(TAGS))
    def tag(self, data: st.DataObject, name: str) -> None:
        if name in self.view.tags:
            self.repo.delete_tag(name)
            self.publish(
                replace(self.view, tags={other: commit for other, commit in self.view.tags.items() if other != name})
            )
        else:
            commit = data.draw(st.sampled_from(self.reachable()))
            self.repo.create_tag(name, commit)
            self.publish(replace(self.view, tags={**self.view.tags, name: commit}))

    # -- moving the working copy ---------------------------------------------------------------------------------------
    @precondition(lambda self: self.view.base and not self.view.concluding)
    @rule(name=st.sampled_from(NAMES))
    def checkout_new_branch(self, name: str) -> None:
        if name not in self.view.branches:
            self.repo.checkout(name, create=True)
            self.publish(replace(self.view, branch=name, branches={**self.view.branches, name: self.view.base}))

    @precondition(lambda self: self.view.base and not self.view.concluding)
    @rule(data=st.data(), force=st.sampled_from([False, False, False, True]))
    def checkout(self, data: st.DataObject, force: bool) -> None:
        self.go(data.draw(st.sampled_from(sorted(self.view.branches) * 3 + self.reachable())), force)

    @precondition(lambda self: self.view.base and not self.view.concluding)
    @rule(data=st.data(), force=st.sampled_from([False, False, False, True]))
    def edit_and_checkout(self, data: st.DataObject, force: bool) -> None:
        """Local work on the way to another branch: staged, unsaved or both. Mostly where the branch differs."""
        others = [name for name in sorted(self.view.branches) if self.view.branches[name] != self.view.base]
        if not others:
            return
        name = data.draw(st.sampled_from(others))
        contested = differing(nodes(self.base), nodes(self.history.files(self.view.branches[name])))
        for _ in range(data.draw(st.integers(1, 2))):
            self.put(data.draw(st.sampled_from(PATHS + sorted(contested) * 3)), self.new_node(data))
            if data.draw(st.booleans()):
                self.stage("")
        self.go(name, force)

    def checkout_somewhere_else(self, data: st.DataObject, force: bool = False) -> None:
        others = sorted(name for name, commit in self.view.branches.items() if commit != self.view.base)
        if others:
            self.go(data.draw(st.sampled_from(others)), force)

    def go(self, name: str, force: bool = False) -> None:
        branch = name if name in self.view.branches else None
        commit = self.view.branches[name] if branch else name
        target = self.history.files(commit)
        changed = differing(nodes(self.base), nodes(self.view.staged))
        if not self.items_are_plain or (
            changed and not self.items.carry_is_by_path(self.base, self.view.staged, target)
        ):
            return
        staged, lost = carry(self.base, self.view.staged, target)
        lost |= plan(self.disk, nodes(self.view.staged), nodes(staged))
        if force:
            unsaved = compare(nodes(self.view.staged), self.disk)
            if not changed | unsaved.modified | unsaved.removed <= lost:
                return  # what force does to changes that could stay is not modelled
            staged = target
        call = partial(self.repo.checkout, name, force=force)
        if lost and not force:
            seen["checkout refused"] += 1
            self.refused(call, errors.WouldOverwrite)
            return
        seen["checkout forced"] += bool(lost)
        seen["checkout carried a staged change"] += bool(changed) and commit != self.view.base
        result = call()
        assert (result.branch, result.head, result.failed) == (branch, commit, [])
        self.disk = moved(self.disk, nodes(self.view.staged), nodes(staged))
        self.publish(replace(self.view, branch=branch, base=commit, staged=staged), moves=True)

    @precondition(lambda self: self.view.staged and not self.view.concluding)
    @rule(data=st.data(), force=st.booleans(), use_source=st.booleans())
    def restore_worktree(self, data: st.DataObject, force: bool, use_source: bool) -> None:
        source = data.draw(st.sampled_from(self.reachable())) if use_source and self.view.base else None
        before = nodes(self.view.staged)
        after = nodes(self.history.files(source)) if source else before
        path = data.draw(st.sampled_from(sorted(before.keys() | after.keys())))
        if any(is_below(other, path) for other in before.keys() | after.keys()):
            return  # a file here and a folder there: the verb would mean both
        if path not in after and not nodes_equal(self.base, self.view.staged, path):
            return  # a staged addition that the source lacks: git removes it, but it is safer left to the user
        call = partial(self.repo.restore, [path], source=source, force=force)
        # Only this path moves: its neighbours count as they stand on disk.
        lost = plan(self.disk, before, {path: after[path]} if path in after else {}, changed={path})
        if path in after and any(is_below(other, path) or is_below(path, other) for other in self.disk):
            return  # replacing a tracked folder by one restored file is not modelled
        staged = self.items.replaced(self.view.staged, self.history.files(source), path) if source else self.view.staged
        if clashes(staged):
            return
        if lost and not force:
            seen["restore refused"] += 1
            assert path in self.refused(call, errors.WouldOverwrite).paths
        else:
            seen["restore worktree"] += 1
            call()
            self.disk = moved(self.disk, before, after, changed={path})
            self.publish(replace(self.view, staged=staged), moves=True)

    @precondition(lambda self: self.view.base and not self.view.concluding)
    @rule(data=st.data(), use_source=st.booleans())
    def restore_staged(self, data: st.DataObject, use_source: bool) -> None:
        source = data.draw(st.sampled_from(self.reachable())) if use_source else None
        files = self.history.files(source or self.view.base)
        paths = sorted(files.keys() | self.view.staged.keys())
        if not paths:
            return
        path = data.draw(st.sampled_from(paths))
        staged = self.items.replaced(self.view.staged, files, path)
        if not clashes(staged):
            seen["restore staged"] += 1
            self.repo.restore([path], source=source, staged=True)
            self.publish(replace(self.view, staged=staged))

    # -- merging -------------------------------------------------------------------------------------------------------
    def can_model(
        self, base: Files, ours: Files, theirs: Files, merged: Files, conflicts: dict[str, Conflicted]
    ) -> bool:
        """Renames, links against files and folders against files are shown in test_merge.py; the model leaves them
        out."""
        return (
            self.items.one_place_each([base, ours, theirs])
            and not mixes_kinds(base, ours, theirs)
            and not clashes(merged.keys() | conflicts.keys())
            and all(self.disk.get(path) == (ours[path].node if path in ours else None) for path in conflicts)
            and not any(is_below(other, path) or is_below(path, other) for path in conflicts for other in self.disk)
        )

    def take_merge(
        self, verb: str, call: Callable[[], Any], base: Files, theirs: Files, finish: Callable[[View, Any], View]
    ) -> None:
        """The part that merge, revert, cherry-pick and stash pop share."""
        ours = self.view.staged
        merged, conflicts = merge_files(base, ours, theirs)
        if not self.can_model(base, ours, theirs, merged, conflicts):
            return
        if verb in ("revert", "cherry-pick") and not conflicts and nodes(merged) == nodes(ours):
            return  # a change that is there already: kept for test_merge.py
        if plan(self.disk, nodes(ours), nodes(merged)):
            seen[f"{verb} refused"] += 1
            self.refused(call, errors.WouldOverwrite)
            return
        for path in merged.keys() & ours.keys() & theirs.keys() - base.keys() if verb != "stash" else ():
            if ours[path].item != theirs[path].item:  # one item for both, but which is not modelled
                merged[path] = Entry(merged[path].node, self.items.new())
        result = call()
        assert sorted(conflict.name for conflict in result.conflicts) == sorted(conflicts)
        self.disk = moved(self.disk, nodes(ours), nodes(merged))
        for entry in merged.values():
            self.items.holds(entry)
        if conflicts:
            seen[f"{verb} conflicts"] += 1
            assert result.kind == "conflicts"
            after = replace(self.view, staged=merged, conflicts=conflicts, concluding=verb)
        else:
            seen[f"{verb} merged"] += 1
            after = replace(self.view, staged=merged)
        self.publish(finish(after, result), moves=True)

    @precondition(lambda self: self.view.base and not self.view.concluding)
    @rule(data=st.data(), no_ff=st.booleans())
    def merge(self, data: st.DataObject, no_ff: bool) -> None:
        self.merge_with(data.draw(st.sampled_from(sorted(self.view.branches) * 3 + self.reachable())), no_ff)

    @precondition(lambda self: self.view.branch and self.view.base and not self.view.concluding)
    @rule(data=st.data(), other=st.sampled_from(NAMES))
    def diverge_and_merge(self, data: st.DataObject, other: str) -> None:
        """Two branches that each went on, brought together: single steps get there too rarely."""
        here = self.view.branch
        if here is None or other == here:
            return
        self.stage("")
        if not self.nothing_staged:
            self.commit()
        if other not in self.view.branches:
            assert self.view.base
            self.repo.create_branch(other, self.view.base)
            self.publish(replace(self.view, branches={**self.view.branches, other: self.view.base}))
        # Mostly paths that are there: those are what two sides can disagree on.
        known = sorted(self.base) or PATHS
        for branch in (here, other):
            self.go(branch)
            for path in data.draw(st.lists(st.sampled_from(known * 2 + PATHS), min_size=1, max_size=2)):
                if path in self.disk and data.draw(st.integers(0, 3)) == 0:
                    self.discard(path)
                else:
                    self.put(path, self.new_node(data))
            self.stage("")
            if not self.nothing_staged:
                self.commit()
            if data.draw(st.integers(0, 3)) == 0:
                break  # only one side went on: a fast-forward, or nothing to do
        self.go(other)
        self.merge_with(here, no_ff=data.draw(st.booleans()))
        if self.view.conflicts and data.draw(st.integers(0, 3)):
            self.resolve_all_and_commit(data)

    def merge_with(self, name: str, no_ff: bool) -> None:
        other = self.view.branches.get(name, name)
        call = partial(self.repo.merge, name, no_ff=no_ff)
        if not self.items_are_plain:
            return
        if other in self.history.ancestors(self.view.base):
            if self.nothing_staged:
                assert call().kind == "up-to-date"
                self.publish(self.view)
        elif not self.nothing_staged:
            seen["merge refused"] += 1
            self.refused(call, errors.WouldOverwrite)
        elif self.view.base in self.history.ancestors(other) and not no_ff:
            self.fast_forward(call, other)
        else:
            bases = self.history.merge_bases(self.view.base, other)
            if len(bases) == 1:  # criss-cross and unrelated histories: test_merge.py
                self.take_merge(
                    "merge",
                    call,
                    self.history.files(bases.pop()),
                    self.history.files(other),
                    self.conclude_merge(other),
                )

    def fast_forward(self, call: Callable[[], Any], other: str) -> None:
        before, target = nodes(self.view.staged), self.history.files(other)
        if plan(self.disk, before, nodes(target)):
            seen["merge refused"] += 1
            self.refused(call, errors.WouldOverwrite)
        else:
            seen["merge fast-forward"] += 1
            assert call().kind == "fast-forward"
            self.disk = moved(self.disk, before, nodes(target))
            self.publish(with_branch(replace(self.view, staged=target), other), moves=True)

    def conclude_merge(self, other: str) -> Callable[[View, Any], View]:
        def finish(view: View, result: Any) -> View:
            if view.conflicts:
                return replace(view, other=other)
            assert result.kind == "merged" and result.commit.parents == (view.base, other)
            return self.committed(view, result.commit)

        return finish

    def committed(self, view: View, commit: Any) -> View:
        self.history.commits[commit.id] = Commit(commit.parents, view.staged)
        return with_branch(view, commit.id)

    @precondition(lambda self: self.view.base and not self.view.concluding)
    @rule(data=st.data(), verb=st.sampled_from(["revert", "cherry-pick"]))
    def take_one_commit(self, data: st.DataObject, verb: str) -> None:
        if not self.nothing_staged:
            self.commit()
        assert self.view.base
        here = self.history.ancestors(self.view.base)
        elsewhere = [commit for commit in self.reachable() if commit not in here]
        chosen = data.draw(st.sampled_from(self.reachable() + (elsewhere * 5 if verb == "cherry-pick" else [])))
        call = partial(self.repo.revert if verb == "revert" else self.repo.cherry_pick, chosen)
        commit = self.history.commits[chosen]
        if not (self.nothing_staged and self.items_are_plain):
            return
        if len(commit.parents) > 1:
            self.refused(call, errors.OxideError)
            return
        before, after = self.history.files(commit.parents[0] if commit.parents else None), commit.files
        base, theirs = (after, before) if verb == "revert" else (before, after)

        def finish(view: View, result: Any) -> View:
            if view.conflicts:
                return view
            assert result.commit.parents == (view.base,)
            return self.committed(view, result.commit)

        self.take_merge(verb, call, base, theirs, finish)

    @precondition(lambda self: self.view.conflicts)
    @rule(data=st.data(), side=st.sampled_from(["ours", "theirs", "base"]))
    def resolve_one(self, data: st.DataObject, side: str) -> None:
        self.resolve(data, side)

    @precondition(lambda self: self.view.conflicts)
    @rule(data=st.data())
    def resolve_all_and_commit(self, data: st.DataObject) -> None:
        for _ in range(len(self.view.conflicts)):
            self.resolve(data, data.draw(st.sampled_from(["theirs", "ours", "base"])))
        self.commit()

    def resolve(self, data: st.DataObject, side: str) -> None:
        path = data.draw(st.sampled_from(sorted(self.view.conflicts)))
        chosen: Entry | None = getattr(self.view.conflicts[path], side)
        staged = {other: entry for other, entry in self.view.staged.items() if other != path}
        if chosen:
            staged[path] = chosen
        before, after = nodes(self.view.staged), nodes(staged)
        if clashes(staged) or plan(self.disk, before, after):
            return
        seen[f"resolve {side}"] += 1
        left = {other: conflict for other, conflict in self.view.conflicts.items() if other != path}
        assert sorted(conflict.name for conflict in self.repo.resolve([path], side)) == sorted(left)
        self.disk = moved(self.disk, before, after)
        ended = self.view.concluding == "stash" and not left
        self.publish(
            replace(self.view, staged=staged, conflicts=left, concluding=None if ended else self.view.concluding),
            moves=True,
        )

    @precondition(lambda self: self.view.concluding == "merge")
    @rule()
    def merge_abort(self) -> None:
        if not self.items_are_plain:
            return
        before, after = nodes(self.view.staged), nodes(self.base)
        touched = differing(before, after) | self.view.conflicts.keys()  # what the user did to a conflict goes back too
        if plan(self.disk, before, after, touched):
            self.refused(self.repo.merge_abort, errors.WouldOverwrite)
        else:
            seen["merge aborted"] += 1
            self.repo.merge_abort()
            self.disk = moved(self.disk, before, after, touched)
            self.publish(replace(self.view, staged=self.base, conflicts={}, concluding=None, other=None), moves=True)

    # -- stash ---------------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.view.base and not self.view.concluding)
    @rule()
    def stash_push(self) -> None:
        files = self.tracked_now(new_files=False)
        if not self.items_are_plain or same_look_other_item(self.base, files):
            return
        if nodes(files) == nodes(self.base):
            self.refused(self.repo.stash_push, errors.NothingToDo)
            return
        loose = self.disk.keys() - files.keys()
        if clashes(loose | self.base.keys()) or loose & self.base.keys():
            return  # an untracked file where the commit has one: shown in test_overwrite.py
        seen["stash push"] += 1
        self.repo.stash_push("shelved")
        self.disk = moved(self.disk, nodes(files), nodes(self.base))
        stashes = (Stash(self.base, files), *self.view.stashes)
        self.publish(replace(self.view, staged=self.base, stashes=stashes), moves=True, shelved=files)

    @precondition(lambda self: self.view.base and not self.view.concluding)
    @rule(data=st.data(), change_place=st.booleans())
    def stash_and_pop(self, data: st.DataObject, change_place: bool) -> None:
        """Work shelved and taken up again, here or on another branch."""
        self.put(data.draw(st.sampled_from(sorted(self.view.staged) + PATHS)), self.new_node(data))
        if data.draw(st.booleans()):
            self.stage("")
        self.stash_push()
        if change_place:
            self.checkout_somewhere_else(data)
        if self.view.stashes:
            self.stash_pop(data)

    @precondition(lambda self: self.view.stashes and not self.view.concluding)
    @rule(data=st.data())
    def stash_pop(self, data: st.DataObject) -> None:
        if not (self.nothing_staged and self.items_are_plain):
            return
        index = data.draw(st.integers(0, len(self.view.stashes) - 1))
        stash = self.view.stashes[index]

        def finish(view: View, result: Any) -> View:
            if view.conflicts:
                return view
            seen["stash pop"] += 1
            return replace(view, stashes=view.stashes[:index] + view.stashes[index + 1 :])

        self.take_merge("stash", partial(self.repo.stash_pop, index), stash.base, stash.files, finish)

    @precondition(lambda self: self.view.stashes)
    @rule(data=st.data())
    def stash_drop(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.view.stashes) - 1))
        self.repo.stash_drop(index)
        self.publish(replace(self.view, stashes=self.view.stashes[:index] + self.view.stashes[index + 1 :]))

    # -- undo and care -------------------------------------------------------------------------------------------------
    @rule(data=st.data())
    def undo_and_redo(self, data: st.DataObject) -> None:
        for _ in range(data.draw(st.integers(1, 3))):
            self.undo()
        for _ in range(data.draw(st.integers(0, 3))):
            self.redo()

    @rule()
    def undo(self) -> None:
        if not self.done:
            self.refused(self.repo.undo, errors.NothingToDo)
            return
        step = self.done[-1]
        self.turn(self.repo.undo, step, step.before, step.brings_back, self.done, self.undone)

    @rule()
    def redo(self) -> None:
        if self.undone:
            step = self.undone[-1]
            self.turn(self.repo.redo, step, step.after, step.after.staged, self.undone, self.done)
        else:
            self.refused(self.repo.redo, errors.NothingToDo)

    def turn(
        self,
        verb: Callable[[], Any],
        step: Operation,
        to: View,
        files: Files,
        source: list[Operation],
        target: list[Operation],
    ) -> None:
        before, after = nodes(self.view.staged), nodes(files)
        if step.moves and plan(self.disk, before, after):
            self.refused(verb, errors.WouldOverwrite)
            return
        seen[verb.__name__] += 1
        seen["undo moved files"] += step.moves and before != after and verb.__name__ == "undo"
        verb()
        if step.moves:
            self.disk = moved(self.disk, before, after)
        target.append(source.pop())
        self.view = to
        number = self.newest_operation()
        assert number == self.number + 1
        self.number = number

    @rule(chance=RARELY)
    def gc(self, chance: bool) -> None:
        if not chance:
            return
        seen["gc"] += 1
        self.repo.gc(keep=0, now=True)
        self.done.clear()
        self.undone.clear()
        self.number = self.newest_operation()
        assert self.repo.fsck().ok

    @rule()
    def reopen(self) -> None:
        self.repo = Repository.open(self.root, settings=self.settings)

    # -- what must hold after each step --------------------------------------------------------------------------------
    @invariant()
    def count(self) -> None:
        seen["steps"] += 1

    @invariant()
    def the_disk_is_as_the_model_says(self) -> None:
        found = {
            path: Node(node.kind, node.content or node.target, node.executable)
            for path, node in tree(self.root).items()
        }
        assert found == self.disk

    @invariant()
    def status_is_as_the_model_says(self) -> None:
        status = self.repo.status()
        unsaved = compare(
            nodes(self.view.staged), {path: node for path, node in self.disk.items() if path in self.view.staged}
        )
        assert (status.branch, status.head) == (self.view.branch, self.view.base)
        assert status.modified == sorted(unsaved.modified)
        assert status.removed == sorted(unsaved.removed)
        assert [tuple(entry) for entry in status.untracked] == untracked(self.disk, self.view.staged)
        assert sorted(conflict.name for conflict in status.conflicts) == sorted(self.view.conflicts)
        assert (status.skipped, status.empty_folders) == ([], [])
        if self.view.concluding == "merge":
            assert status.merging == [self.view.other]
        expected, said = compare(nodes(self.base), nodes(self.view.staged)), status.staged
        listed_freely = {path for pair in said.renamed for path in pair} | same_look_other_item(
            self.base, self.view.staged
        )
        assert all(old in self.base and new in self.view.staged for old, new in said.renamed)
        for listed, wanted in zip((said.added, said.modified, said.removed), expected, strict=True):
            assert listed == sorted(listed)
            assert set(listed) ^ wanted <= listed_freely, "what differs is listed, be it as a rename"

    @invariant()
    def names_are_as_the_model_says(self) -> None:
        assert {branch.name: branch.head for branch in self.repo.branches() if branch.head} == self.view.branches
        assert {tag.name: tag.commit for tag in self.repo.tags()} == self.view.tags
        assert len(self.repo.stash_list()) == len(self.view.stashes)

    def teardown(self) -> None:
        try:
            if self.view.base:
                logged = [entry.commit.id for entry in self.repo.log()]
                assert sorted(logged) == sorted(self.history.ancestors(self.view.base))
                places = {commit: place for place, commit in enumerate(logged)}
                assert all(
                    places[commit] < places[parent]
                    for commit in logged
                    for parent in self.history.commits[commit].parents
                )
            for commit in self.reachable():
                found = {
                    entry.path: Node(
                        entry.type, self.repo.store.content(entry.content_id), entry.executable and entry.type == "file"
                    )
                    for entry in self.repo.ls(commit, recursive=True)
                    if entry.content_id
                }
                assert found == nodes(self.history.files(commit))
            assert self.repo.fsck(data=True).problems == []
        finally:
            shutil.rmtree(self.root, ignore_errors=True)


def test_the_engine_agrees_with_the_model_at_every_step() -> None:
    long = os.environ.get("OXIDE_TEST_PROFILE") == "long"
    seen.clear()
    run_state_machine_as_test(
        RepositoryMachine,
        settings=settings(
            max_examples=5000 if long else 800,
            stateful_step_count=100 if long else 50,
            derandomize=not long,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    print(dict(seen.most_common()))
    assert seen["steps"] > 2000
    assert not MUST_BE_SEEN - {situation for situation, times in seen.items() if times}
