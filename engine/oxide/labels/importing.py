"""Import: what a format reads from a source becomes labels, metadata and files of one operation, or nothing does."""

from __future__ import annotations

import gc
import os
from array import array
from collections.abc import Hashable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxide import clock
from oxide.errors import InvalidInput, NotFound, RefMoved
from oxide.formats.base import EXAMPLES, AsksForPictures, Fidelity, Labelled, Picture, find_format, wrong
from oxide.labels import facts, fitting, ids, matching, ontology, runs
from oxide.labels.annotation import SOURCES
from oxide.labels.changes import publish_edit, refuse_undecided
from oxide.labels.following import root_of, schema_of, with_root
from oxide.labels.incoming import ADD, BATCH, REPLACE, UPDATE, Annotations, Gathered, set_metadata
from oxide.labels.ontology import Label
from oxide.labels.reports import ImportReport, remarks
from oxide.labels.runs import OTHER_RUNS, Run
from oxide.labels.sizes import Sizes
from oxide.transactions import expect_workspace, finish_before_reading, finish_interrupted, move_files
from oxide.wording import count
from oxide.workspace import Tables, from_tables, read_state

if TYPE_CHECKING:
    from oxide._core import Record, Session
    from oxide.formats.base import Format
    from oxide.labels.arriving import Arriving
    from oxide.repository import Repository
    from oxide.types import Progress
    from oxide.workspace import State

PROGRESS_EVERY = 5_000
COLLECT_EVERY = 200_000
"""Objects that are made before Python looks for cycles among them."""
_COMPLETED = ("color", "parent", "skeleton")
_OURS = ("annotations", "keyframes", "metadata", "ontology", "runs")


def import_labels(
    repository: Repository,
    format: str,
    source: str | os.PathLike[str],
    *,
    images: str | os.PathLike[str] | None,
    match: str,
    into: str,
    replace: bool,
    update: bool,
    dry_run: bool,
    progress: Progress | None,
) -> ImportReport:
    """See :meth:`oxide.Repository.import_labels`."""
    from oxide.labels.arriving import Arriving

    if replace and update:
        raise InvalidInput("an import either replaces or updates", hint="give --replace or --update")
    mode = REPLACE if replace else UPDATE if update else ADD
    chosen = find_format(format)
    arriving = None if images is None else Arriving(repository, images, into, by_name=match == "name")
    prefix = into if arriving is None else arriving.prefix
    with ExitStack() as stack:
        session = stack.enter_context(repository.store.begin())
        if arriving is not None and arriving.moves_files:
            stack.enter_context(repository.working_copy.lock())
            finish_interrupted(repository, read_state(repository.store))
        elif arriving is not None:
            finish_before_reading(repository)
        state = read_state(repository.store)
        images_of = None if arriving is None else arriving.images
        matcher = matching.make(match, repository.store, state.pending, prefix, images_of)
        if isinstance(chosen, AsksForPictures):
            chosen.find = Sizes(repository.folder, matcher, images_of)
        run = _Import(repository, session, state, chosen, Path(source), matcher, mode, progress)
        if arriving is not None:
            run.take_files(arriving)
        with _seldom_collecting():
            run.read()
        report = run.finish({"match": match, "into": prefix, "mode": mode})
        if report.changed and not dry_run:
            _publish(repository, session, state, run, arriving, report, progress)
    return report


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Have Python look for cycles less often: an import makes millions of objects, and none of them is in one."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_EVERY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _publish(
    repository: Repository,
    session: Session,
    state: State,
    run: _Import,
    arriving: Arriving | None,
    report: ImportReport,
    progress: Progress | None,
) -> None:
    name = Path(report.source).name
    changed = report.added + report.updated + report.removed
    what = f"import {report.format} {name}: {count(changed, 'annotation')} of {count(report.pictures, 'file')}"
    if arriving is not None and arriving.moves_files and report.files_added:

        def change(view: Record) -> None:
            expect_workspace(view, state)["pending"] = from_tables(run.tables)

        before, after = state.pending["files"][1], run.tables["files"][1]
        move_files(repository, session, "import", what, change, before=before, after=after, progress=progress)
        return

    def edit(tables: Tables) -> Tables:
        if tables == state.pending:
            return run.tables
        with_files = arriving.apply(session, tables) if arriving is not None else tables
        return _on_top(session, state.pending, with_files, run.tables)

    staged = arriving.staged if arriving is not None else None
    publish_edit(repository, session, state, "import", what, edit, staged=staged)


def _on_top(session: Session, planned: Tables, ours: Tables, imported: Tables) -> Tables:
    """What was imported into ``planned``, put into what another process made of that meanwhile."""
    names = [
        *_OURS,
        *(["items"] if planned["items"] != imported["items"] and ours["items"] != imported["items"] else []),
    ]
    for name in names:
        if root_of(imported, name) == root_of(planned, name):
            continue
        schema = schema_of(name, imported, planned, ours)
        root, conflicts = session.merge_table(
            schema, root_of(planned, name), root_of(ours, name), root_of(imported, name)
        )
        if conflicts:
            raise RefMoved(
                "another process changed the same labels meanwhile; nothing was changed here",
                hint="run the same command again",
            )
        ours = with_root(ours, name, schema, root)
    return ours


class _Pictures:
    """The pictures of a source: which item each is, and its size; compact, as there are many."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._items = bytearray()
        self._sizes = array("d")
        self.used: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._numbers

    def add(self, key: Hashable, item: str | None, width: float | None, height: float | None) -> None:
        """Note a picture; one without an item is only counted."""
        self._numbers[key] = len(self._numbers)
        self._items += bytes.fromhex(item) if item is not None else bytes(ids.LENGTH)
        self._sizes.extend((width or 0, height or 0))

    def find(self, key: Hashable) -> tuple[str | None, float, float]:
        """(item, width, height). Raises KeyError. A size of 0 is unknown."""
        number = self._numbers[key]
        item = bytes(self._items[number * ids.LENGTH : (number + 1) * ids.LENGTH])
        width, height = self._sizes[2 * number], self._sizes[2 * number + 1]
        return (item.hex() if any(item) else None), width, height


class _Import:
    """One import under way."""

    def __init__(
        self,
        repository: Repository,
        session: Session,
        state: State,
        format: Format,
        source: Path,
        matcher: matching.Matcher,
        mode: str,
        progress: Progress | None,
    ) -> None:
        self._repository = repository
        self._session = session
        self._state = state
        self._format = format
        self._source = source
        self._matcher = matcher
        self._progress = progress
        self._author, self._now = str(repository.settings.author()), clock.to_datetime(clock.now())
        self._run = next(ids.new_ids())
        self._rules = ontology.read(repository.store, state.pending)
        self._pictures = _Pictures()
        self._missing: list[str] = []
        self._missing_count = 0
        self._likely_folder: str | None = None
        self._remarks = Fidelity()
        self._labels: dict[str, Label] = {}
        self._runs: dict[str, Run] = {}
        self._metadata: list[tuple[str, dict[str, Any]]] = []
        self._facts: list[tuple[str, Picture]] = []
        self._metadata_changed = 0
        self._arrived: dict[Hashable, matching.Found] = {}
        self._into = Gathered(session, state.pending)
        self._annotations = Annotations(
            repository.store, state.pending, self._into, mode, format.name, self._run, self._author, self._now
        )

    @property
    def tables(self) -> Tables:
        """The tables with what was imported."""
        return self._into.tables

    # -- files -----------------------------------------------------------------------------------------------------

    def take_files(self, arriving: Arriving) -> None:
        """Read the source for its pictures, and take in those that are not tracked."""
        for entry in self._entries():
            if isinstance(entry, Picture) and self._matcher.find(entry) is None and not arriving.wants(entry):
                self._miss(entry)
        self._refuse_missing("they are neither tracked nor in the folder of --images", "--images or --match")
        self._into.tables, self._arrived = arriving.take(self._session, self._state, self._progress)

    def _miss(self, picture: Picture) -> None:
        self._missing_count += 1
        if self._missing_count == 1 and isinstance(self._matcher, matching.ByPath):
            self._likely_folder = self._matcher.folder_with(picture)
        if len(self._missing) < EXAMPLES:
            self._missing.append(f"'{picture.path}' ({picture.place})")

    def _refuse_missing(self, why: str, options: str) -> None:
        if self._missing_count:
            more = self._missing_count - len(self._missing)
            listed = ", ".join(self._missing) + (f" and {more} more" if more else "")
            likely = f"try --into {self._likely_folder}, or " if self._likely_folder else ""
            raise NotFound(
                f"{count(self._missing_count, 'picture')} of '{self._source}' cannot be found, {why}: {listed}",
                hint=f"{likely}see {options}; nothing was imported",
            )

    # -- entries ---------------------------------------------------------------------------------------------------

    def _entries(self) -> Iterator[Picture | Labelled | Label | Run]:
        number = 0
        for number, entry in enumerate(self._format.read(self._source)):
            if self._progress is not None and number % PROGRESS_EVERY == 0:
                self._progress("reading labels", number, 0, 0, 0)
            yield entry
        if self._progress is not None:
            self._progress("reading labels", number, number, 0, 0)

    def read(self) -> None:
        """Read the source into the tables."""
        for entry in self._entries():
            if isinstance(entry, Labelled):
                self._take_annotation(entry)
            elif isinstance(entry, Picture):
                self._take_picture(entry)
            elif isinstance(entry, Label):
                self._labels[entry.name] = entry
            else:
                self._runs[entry.id] = entry
        self._refuse_missing("they are not tracked", "--images, --into and --match")
        self._annotations.settle()
        self._settle_pictures()
        self._refuse_repeated()

    def _take_picture(self, picture: Picture) -> None:
        if picture.key in self._pictures:
            raise wrong(self._source, picture.place, f"the picture {picture.key!r} is there already")
        found = self._arrived.get(picture.key) or self._matcher.find(picture)
        if found is None:
            self._miss(picture)
            self._pictures.add(picture.key, None, None, None)
            return
        item = found.item.hex()
        if found.item in self._pictures.used:
            raise wrong(self._source, picture.place, f"'{found.path}' is named twice")
        self._pictures.used.add(found.item)
        width, height = found.width or picture.width, found.height or picture.height
        if (picture.width or width, picture.height or height) != (width, height):
            said = f"'{found.path}' ({picture.place}): {picture.width} x {picture.height}, is {width} x {height}"
            self._remarks.lose("pictures of another size than the source says", said)
        self._pictures.add(picture.key, item, width, height)
        self._annotations.names_item(item)
        if picture.metadata:
            self._metadata.append((item, picture.metadata))
        if facts.of(picture):
            self._facts.append((item, picture))
        if len(self._metadata) + len(self._facts) >= BATCH:
            self._settle_pictures()

    def _settle_pictures(self) -> None:
        store, before = self._repository.store, self._state.pending
        changed = set_metadata(store, before, self._into, self._metadata, self._author, self._now)
        self._into.tables, others = facts.set(store, self._session, self._into.tables, self._facts)
        self._metadata_changed += changed + others
        self._metadata.clear()
        self._facts.clear()

    def _take_annotation(self, entry: Labelled) -> None:
        try:
            item, width, height = self._pictures.find(entry.key)
        except KeyError:
            raise wrong(self._source, entry.place, f"there is no picture {entry.key!r}") from None
        if item is None:
            return
        try:
            annotation = entry.annotation
            if entry.measured:
                annotation.check_fields()
            else:
                annotation = annotation.checked()
            self._rules.check(annotation)
            if annotation.id is not None:
                annotation = replace(annotation, id=ids.checked(annotation.id, "an annotation"))
            if annotation.run_id is not None:
                run = ids.checked(annotation.run_id, "a run")
                annotation = replace(annotation, run_id=run if run in self._runs else None)
            if not fitting.check(annotation, width, height):
                self._remarks.lose("shapes that leave their picture", entry.place)
            by = annotation.source if annotation.source != SOURCES[0] or entry.by_hand else SOURCES[2]
            self._annotations.add(item, annotation, by)
        except InvalidInput as error:
            raise wrong(self._source, entry.place, error.message, error.hint) from error

    def _refuse_repeated(self) -> None:
        """Refuse ids that came twice; the source is read again to say where."""
        own, foreign = self._annotations.seen.repeated()
        if not own and not foreign:
            return
        places: dict[Hashable, str] = {}
        for entry in self._format.read(self._source):
            if not isinstance(entry, Labelled):
                continue
            other = entry.annotation.foreign.get(self._format.name)
            found = (entry.annotation.id, other.get("id") if isinstance(other, dict) else None)
            for kind, value, hashes in zip(("own", "foreign"), found, (own, foreign), strict=True):
                if value is None or hash(value) not in hashes:
                    continue
                if (kind, value) in places:
                    why = f"the id {value!r} is that of another annotation, {places[kind, value]}"
                    raise wrong(self._source, entry.place, why)
                places[kind, value] = entry.place

    # -- the end ---------------------------------------------------------------------------------------------------

    def _new_labels(self) -> list[Label]:
        """Labels that the source defines and the ontology has not; a closed one takes none."""
        if self._rules.closed:
            return []
        known = self._rules.labels
        first = max((label.position or 0 for label in known.values()), default=-1) + 1
        missing = [label for name, label in self._labels.items() if name not in known]
        return [
            replace(label, position=first + at) if label.position is not None and known else label
            for at, label in enumerate(missing)
        ]

    def _completed_labels(self) -> list[Label]:
        """Labels that the ontology has without colour, parent or skeleton, which the source knows."""
        completed = []
        for name, label in self._rules.labels.items():
            said = self._labels.get(name)
            if said is None or self._rules.closed:
                continue
            missing = {field: getattr(said, field) for field in _COMPLETED if not getattr(label, field)}
            if any(missing.values()):
                completed.append(replace(label, **missing))
        return completed

    def finish(self, configuration: dict[str, Any]) -> ImportReport:
        """Put the rest into the tables, and say what was done."""
        labels, annotations = self._new_labels(), self._annotations
        self._into.set("ontology", [ontology.label_row(label) for label in [*labels, *self._completed_labels()]])
        self._into.settle()
        refuse_undecided(self._repository, self._state, [item.hex() for item in self._pictures.used])
        changed = self._into.tables != self._state.pending
        counts = {
            "pictures": len(self._pictures),
            "added": annotations.added,
            "updated": annotations.updated,
            "removed": annotations.removed,
        }
        if changed:
            others = sorted(annotations.other_runs)
            if others:
                configuration = {**configuration, OTHER_RUNS: others}
            name, origin = self._format.name, self._source.name
            run = Run(self._run, "import", name, origin, self._author, self._now, configuration, counts)
            known = {run.id for run in runs.read(self._repository.store, self._state.pending)}
            made = [run, *(self._runs[other] for other in others if other not in known)]
            self._into.set("runs", list(map(runs.row_of, made)))
            self._into.settle()
        return ImportReport(
            self._format.name,
            str(self._source),
            self._run if changed else None,
            len(self._pictures),
            sorted(found.path for found in self._arrived.values()),
            annotations.added,
            annotations.updated,
            annotations.unchanged,
            annotations.removed,
            self._metadata_changed,
            [label.name for label in labels],
            remarks(self._remarks),
        )
