"""Copying files with their annotations and metadata: in a repository, between its revisions, and between repositories.

A copy is a new item that remembers which one it was made of. Its labels are new annotations with the author and times
of those that they were copied from. What is copied is staged in the target, and lies in its working copy.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from oxide import _core, clock
from oxide.errors import AlreadyExists, InvalidInput, NotARepository, NotFound, Unsupported
from oxide.labels import ids, ontology_editing, reading
from oxide.labels import ontology as ontologies
from oxide.labels.changes import Changes
from oxide.labels.following import follow
from oxide.labels.items import with_items
from oxide.labels.ontology import Ontology
from oxide.labels.rows import annotation_row, keyframe_rows, moment
from oxide.transactions import expect_workspace, finish_interrupted, move_files, plan_files
from oxide.types import CopyResult, Progress, Skipped
from oxide.wording import count
from oxide.workspace import Tables, base_tables, file_roots, from_tables, read_state, tables_of, with_file_roots

if TYPE_CHECKING:
    from oxide._core import Record, Session, Store
    from oxide.labels.annotation import Annotation
    from oxide.repository import Repository

_ITEMS_AT_ONCE = 1_000
_IN_MEMORY = 8 * 1024**2
"""Contents up to this size are copied through memory, larger ones through a file without a name."""


class Place(NamedTuple):
    """Where copies go: a folder of a repository, ``""`` for the root."""

    repository: Repository
    folder: str


class Pair(NamedTuple):
    """A file's row at the source, and that of its copy."""

    source: Record
    copy: Record


def find_place(repository: Repository, target: str, here: str) -> Place:
    """Where ``FOLDER`` or ``REPOSITORY:FOLDER`` leads; both are relative to the folder ``here``.

    Raises:
        Unsupported: it is a URL.
        NotARepository: what stands before the colon is none.
    """
    if "://" in target:
        raise Unsupported(
            f"'{target}' is on another machine: copies go to repositories of this one",
            hint="name a folder, or REPOSITORY:FOLDER",
            path=target,
        )
    before, colon, folder = target.partition(":")
    place = os.path.join(here, before)
    if not colon or os.path.isdir(os.path.join(here, target)):
        return Place(repository, repository.to_path(os.path.join(here, target)))
    try:
        if not os.path.isdir(place):
            raise NotFound(f"there is no folder '{before}'")
        other = type(repository).open(place, settings=repository.settings)
    except (NotARepository, NotFound) as error:
        raise NotARepository(
            f"'{before}' is no Oxide repository of this machine, so nothing can be copied to '{target}'",
            hint="name a folder of this repository, or REPOSITORY:FOLDER",
            path=target,
        ) from error
    return Place(other, other.to_path(os.path.join(other.folder, folder.lstrip("/"))))


def copy(
    repository: Repository,
    paths: Sequence[str],
    place: Place,
    *,
    revision: str | None,
    annotations: bool,
    metadata: bool,
    force: bool,
    dry_run: bool,
    progress: Progress | None,
) -> CopyResult:
    """Copy files and folders into a folder, as one operation there."""
    target = place.repository
    with repository.store.hold(), target.store.begin() as session, target.working_copy.lock():
        state = read_state(target.store)
        finish_interrupted(target, state)
        source = (
            read_state(repository.store).pending
            if revision is None
            else tables_of(repository.store, repository.resolve_revision(revision))
        )
        names = _names(repository.store, source, paths, place.folder)
        replaced = _check_free(target, state.pending, names, force)
        pairs = _rows(repository, target, session, names, dry_run)
        work = _Work(repository, target, session, source, pairs)
        tables = work.files(state.pending)
        tables = follow(session, base_tables(target.store, state), state.pending, tables)
        if annotations:
            tables = work.annotations(tables)
        if metadata:
            tables = work.metadata(tables)
        moved_from, moved_to = state.pending["files"][1], tables["files"][1]
        failed: list[Skipped] = []
        if dry_run:
            session.flush()
            plan_files(target, "copy", before=moved_from, after=moved_to, force=force, progress=progress)
        else:

            def change(view: Record) -> None:
                expect_workspace(view, state)["pending"] = from_tables(tables)

            what = f"copy {count(len(pairs), 'file')} to {place.folder or '.'}"
            _, result = move_files(
                target,
                session,
                "copy",
                what,
                change,
                before=moved_from,
                after=moved_to,
                force=force,
                progress=progress,
            )
            failed = result.failed
    copied = sorted((pair.source["path"], pair.copy["path"]) for pair in pairs)
    return CopyResult(copied, replaced, work.annotated, work.described, sorted(work.labels), failed)


def _names(store: Store, source: Tables, paths: Sequence[str], folder: str) -> list[tuple[Record, str]]:
    """The source's rows, each with the path of its copy: a folder is copied by its name, the root by what is in it.

    Raises:
        NotFound: a path is not there.
        InvalidInput: two files would get one name.
    """
    found: dict[str, Record] = {}
    for path in paths:
        rows = store.file_rows(source["files"][1], [path] if path else [])
        if not rows:
            raise NotFound(f"'{path}' is not tracked, so it cannot be copied", hint="see `oxide ls -r`", path=path)
        above = len(posixpath.dirname(path)) + 1 if "/" in path else 0
        for row in rows:
            name = posixpath.join(folder, row["path"][above:])
            if found.setdefault(name, row)["path"] != row["path"]:
                raise InvalidInput(
                    f"'{found[name]['path']}' and '{row['path']}' would both become '{name}'",
                    hint="copy them into different folders",
                    path=name,
                )
    return [(row, name) for name, row in found.items()]


def _check_free(target: Repository, tables: Tables, names: list[tuple[Record, str]], force: bool) -> list[str]:
    """The files that copies take the place of. Raises AlreadyExists for those unless ``force``, and for folders."""
    store, files = target.store, tables["files"][1]
    replaced = []
    for _, name in names:
        taken = store.file_row(files, name) is not None
        if taken and not force:
            raise AlreadyExists(f"'{name}' is there already", hint="copy to another folder, or --force", path=name)
        if taken:
            replaced.append(name)
        in_the_way = [above for above in _above(name) if store.file_row(files, above) is not None]
        if store.has_folder(files, name) or in_the_way:
            where = in_the_way[0] if in_the_way else name
            raise AlreadyExists(
                f"'{name}' cannot be a file: '{where}' is a {'file' if in_the_way else 'folder'}",
                hint="copy to another folder",
                path=name,
            )
    return sorted(replaced)


def _above(path: str) -> Iterator[str]:
    while "/" in path:
        path = posixpath.dirname(path)
        yield path


def _rows(
    repository: Repository, target: Repository, session: Session, names: list[tuple[Record, str]], dry_run: bool
) -> list[Pair]:
    """Rows of ``files`` for the copies, whose contents are stored with the target."""
    new_ids = ids.new_ids()
    now, creator = clock.now(), str(target.settings.author())
    elsewhere = repository.folder != target.folder
    pairs = []
    for row, name in names:
        if elsewhere and not dry_run:
            _store_content(repository.store, session, target, row, name)
        pairs.append(Pair(row, {**row, "path": name, "item_id": next(new_ids), "created": now, "creator": creator}))
    return pairs


def _store_content(source: Store, session: Session, target: Repository, row: Record, name: str) -> None:
    if row["type"] == "reference":
        raise Unsupported(
            f"'{row['path']}' is a reference to a file outside the tree, which is not copied to another repository",
            hint="add it there: oxide add --reference",
            path=row["path"],
        )
    if target.store.has_content(row["content_id"]):
        return
    if row["size"] <= _IN_MEMORY:
        session.put_content(source.content(row["content_id"]), name)
        return
    descriptor = _core.nameless_file(os.fspath(target.control))
    with contextlib.closing(os.fdopen(descriptor, "w+b")) as stream:
        source.copy_content(row["content_id"], descriptor)
        stream.seek(0)
        session.put_file(f"/dev/fd/{descriptor}", name)


class _Work:
    """What belongs to the copied files on its way into the target's tables."""

    def __init__(
        self, repository: Repository, target: Repository, session: Session, source: Tables, pairs: list[Pair]
    ) -> None:
        self._repository = repository
        self._target = target
        self._session = session
        self._source = source
        self._pairs = pairs
        self.annotated = 0
        self.described = 0
        self.labels: set[str] = set()

    def files(self, tables: Tables) -> Tables:
        """The tables with the files and their items, which say what they were copied from."""
        roots = self._session.set_files(file_roots(tables), [], [pair.copy for pair in self._pairs])
        tables = with_file_roots(tables, roots)
        for some in self._some():
            before = self._items_of(some)
            rows = [_item_row(pair, before.get(pair.source["item_id"], {})) for pair in some]
            tables = with_items(self._target.store, self._session, tables, rows)
        return tables

    def _items_of(self, some: list[Pair]) -> dict[str, Record]:
        wanted = sorted({pair.source["item_id"] for pair in some})
        rows = _core.item_rows(self._repository.store, self._source["items"], wanted)
        return {row["item_id"]: row for row in rows}

    def annotations(self, tables: Tables) -> Tables:
        """The tables with copies of the annotations, of the runs that made them and of the labels that they have."""
        theirs = ontologies.read(self._repository.store, self._source)
        before = ontologies.read(self._target.store, tables)
        new_ids, changes, runs = ids.new_ids(), Changes(self._session), set()
        ours = before
        for some in self._some():
            copies: dict[str, list[Record]] = defaultdict(list)
            for pair in some:
                copies[pair.source["item_id"]].append(pair.copy)
            for annotation in reading.annotations_of(self._repository.store, self._source, sorted(copies)):
                runs.update([annotation.run_id] if annotation.run_id else [])
                for row in copies[str(annotation.item_id)]:
                    ours = self._with_labels(ours, theirs, annotation, row["path"])
                    copy = replace(annotation, id=next(new_ids), item_id=row["item_id"])
                    changes.upsert("annotations", [annotation_row(copy)])
                    changes.upsert("keyframes", keyframe_rows(copy))
                    self.annotated += 1
            tables = changes.apply(tables)
            changes.clear()
        tables = self._with_runs(tables, sorted(runs))
        return ontology_editing.write(self._session, tables, before, ours)

    def _with_labels(self, ours: Ontology, theirs: Ontology, annotation: Annotation, path: str) -> Ontology:
        """Our ontology with the labels of an annotation, and those above them, as the source defines them."""
        said = {annotation.label, *(keyframe.label for keyframe in annotation.keyframes)} - {None}
        for name in sorted(map(str, said)):
            line = [name, *ontology_editing.above(theirs, name)]
            missing = [each for each in line if each in theirs.labels and each not in ours.labels]
            if missing and not ours.closed:
                copies = [replace(theirs.labels[each], position=None) for each in reversed(missing)]
                known = {*ours.labels, *missing}
                sound = [each if each.parent in known else replace(each, parent=None) for each in copies]
                ours = ontology_editing.with_labels(ours, sound)
                self.labels.update(missing)
        try:
            ours.check(annotation)
        except InvalidInput as error:
            raise InvalidInput(f"'{path}': {error.message}", hint=error.hint, path=path) from error
        return ours

    def _with_runs(self, tables: Tables, runs: list[str]) -> Tables:
        if "runs" not in self._source or not runs or self._source["runs"] == tables.get("runs"):
            return tables
        rows = [row for row in self._repository.store.get_rows(self._source["runs"], runs) if row is not None]
        known = self._target.store.get_rows(tables["runs"], runs) if "runs" in tables else []
        there = {row["run_id"] for row in known if row is not None}
        changes = Changes(self._session)
        missing = [row for row in rows if row["run_id"] not in there]
        changes.upsert("runs", [{**row, "created": moment(row["created"])} for row in missing])
        return changes.apply(tables)

    def metadata(self, tables: Tables) -> Tables:
        """The tables with copies of the metadata."""
        changes = Changes(self._session)
        author, now = str(self._target.settings.author()), clock.to_datetime(clock.now())
        for some in self._some():
            wanted = sorted({pair.source["item_id"] for pair in some})
            known = reading.metadata_of(self._repository.store, self._source, wanted)
            rows = [
                {"item_id": pair.copy["item_id"], "value": value, "updated": now, "updated_by": author}
                for pair in some
                if (value := known.get(pair.source["item_id"])) is not None
            ]
            self.described += len(rows)
            changes.upsert("metadata", rows)
            tables = changes.apply(tables)
            changes.clear()
        return tables

    def _some(self) -> Iterator[list[Pair]]:
        for first in range(0, len(self._pairs), _ITEMS_AT_ONCE):
            yield self._pairs[first : first + _ITEMS_AT_ONCE]


def _item_row(pair: Pair, before: Record) -> Record:
    return {
        **{name: before.get(name) for name in ("hidden", "source_id", "frame_index", "frame_time")},
        "item_id": pair.copy["item_id"],
        "created": pair.copy["created"],
        "creator": pair.copy["creator"],
        "source_item": pair.source["item_id"],
    }
