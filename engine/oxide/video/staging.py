"""Staging frames: their files, the items that say where they come from, the labels and metadata of their videos."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from oxide import _core, clock
from oxide.errors import AlreadyExists
from oxide.labels import ids, reading
from oxide.labels.changes import Changes
from oxide.labels.following import follow
from oxide.labels.items import with_items
from oxide.labels.rows import annotation_row, keyframe_rows
from oxide.labels.tracks import at_frame
from oxide.transactions import expect_workspace, finish_interrupted, move_files
from oxide.types import Progress, Skipped
from oxide.video.known import SYSTEM_KEY, Frame
from oxide.wording import count
from oxide.workspace import Tables, base_tables, file_roots, from_tables, read_state, with_file_roots

if TYPE_CHECKING:
    from oxide._core import Record, Session
    from oxide.labels.annotation import Annotation
    from oxide.repository import Repository
    from oxide.workspace import State

_ITEMS_AT_ONCE = 10_000


class Staging:
    """Gathers frames and stages them, as one operation whenever it is told to."""

    def __init__(
        self, repository: Repository, session: Session, choice: str, *, force: bool, progress: Progress | None
    ) -> None:
        self._repository = repository
        self._session = session
        self._choice = choice
        self._force = force
        self._progress = progress
        self._waiting: list[tuple[Record, Frame]] = []
        self._ids = ids.new_ids()
        self.made: list[str] = []
        self.annotations = 0
        self.failed: list[Skipped] = []

    def add(self, video: Record, frames: Iterable[Frame]) -> None:
        """Frames of a video, whose row of ``files`` this is."""
        self._waiting += [(video, frame) for frame in frames]

    def stage(self) -> None:
        """Stage what was gathered, and write it into the working copy.

        Raises:
            AlreadyExists: another file has the name of a frame.
            WouldOverwrite: such a file is there, and stored nowhere.
        """
        if not self._waiting:
            return
        with self._repository.working_copy.lock():
            state = read_state(self._repository.store)
            finish_interrupted(self._repository, state)
            tables = self._tables(state)

            def change(view: Record) -> None:
                expect_workspace(view, state)["pending"] = from_tables(tables)

            videos = len({video["path"] for video, _ in self._waiting})
            what = f"{count(len(self._waiting), 'frame')} of {count(videos, 'video')} ({self._choice})"
            _, moved = move_files(
                self._repository,
                self._session,
                "frames",
                what,
                change,
                before=state.pending["files"][1],
                after=tables["files"][1],
                force=self._force,
                progress=self._progress,
            )
        self.failed += moved.failed
        self.made += [frame.row["path"] for _, frame in self._waiting]
        self._waiting = []

    def _tables(self, state: State) -> Tables:
        before = state.pending
        self._refuse_others(before)
        now, creator = clock.now(), str(self._repository.settings.author())
        rows = [
            {**frame.row, "item_id": next(self._ids), "created": now, "creator": creator} for _, frame in self._waiting
        ]
        files, all_items = self._session.set_files(file_roots(before), [], rows)
        self._session.flush()  # facts are read from what is stored
        scanned = self._session.scan(files, [row["path"] for row in rows])
        tables = with_file_roots(before, (scanned.apply(self._session, files), all_items))
        items = [
            {
                "item_id": row["item_id"],
                "created": now,
                "creator": creator,
                "source_item": video["item_id"],
                "frame_index": frame.number,
                "frame_time": frame.time,
            }
            for (video, frame), row in zip(self._waiting, rows, strict=True)
        ]
        tables = with_items(self._repository.store, self._session, tables, items)
        tables = follow(self._session, base_tables(self._repository.store, state), before, tables)
        return self._inherited(tables, [row["item_id"] for row in rows])

    def _refuse_others(self, tables: Tables) -> None:
        """Raise AlreadyExists where a tracked file that is no frame of the same video has the name of one."""
        if self._force:
            return
        paths = {frame.row["path"]: video for video, frame in self._waiting}
        there = self._repository.store.file_rows(tables["files"][1], sorted(paths))
        taken = {row["item_id"]: row["path"] for row in there}
        rows = _core.item_rows(self._repository.store, tables["items"], sorted(taken))
        sources = {row["item_id"]: row["source_item"] for row in rows}
        for item, path in sorted(taken.items(), key=lambda each: each[1]):
            video = paths.get(path)
            if video is None or sources.get(item) != video["item_id"]:
                raise AlreadyExists(
                    f"'{path}' is there already", hint="take the frames into another folder, or --force", path=path
                )

    def _inherited(self, tables: Tables, items: list[str]) -> Tables:
        """The tables with the labels and metadata that the frames have from their videos."""
        store = self._repository.store
        author, now = str(self._repository.settings.author()), clock.to_datetime(clock.now())
        changes = Changes(self._session)
        for first in range(0, len(items), _ITEMS_AT_ONCE):
            some = list(zip(self._waiting, items, strict=True))[first : first + _ITEMS_AT_ONCE]
            videos = sorted({video["item_id"] for (video, _), _ in some})
            annotations: dict[str, list[Annotation]] = defaultdict(list)
            for annotation in reading.annotations_of(store, tables, videos):
                annotations[str(annotation.item_id)].append(annotation)
            metadata = reading.metadata_of(store, tables, videos)
            for (video, frame), item in some:
                said = _metadata(video, frame, metadata.get(video["item_id"]))
                changes.upsert("metadata", [{"item_id": item, "value": said, "updated": now, "updated_by": author}])
                for annotation in annotations[video["item_id"]]:
                    self._inherit(changes, annotation, frame, item)
            tables = changes.apply(tables)
            changes.clear()
        return tables

    def _inherit(self, changes: Changes, annotation: Annotation, frame: Frame, item: str) -> None:
        said = at_frame(annotation, frame.number, frame.time)
        if said is None:
            return
        copy = replace(said, id=next(self._ids), item_id=item)
        changes.upsert("annotations", [annotation_row(copy)])
        changes.upsert("keyframes", keyframe_rows(copy))
        self.annotations += 1


def _metadata(video: Record, frame: Frame, said: dict[str, Any] | None) -> dict[str, Any]:
    """A frame has the metadata of its video, the path of it, and what it was taken from."""
    inherited = {name: value for name, value in (said or {}).items() if name != "system"}
    taken = {"content": frame.content, "frames": frame.total}
    return {**inherited, "video": video["path"], "system": {SYSTEM_KEY: taken}}
