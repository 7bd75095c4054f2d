"""Taking frames out of videos as pictures that remember where they come from and inherit the labels.

Clips are decoded in parallel; a long one is cut into stretches. What is finished is staged every few seconds, and when
Ctrl-C is pressed, so that an interrupted run goes on where it was.
"""

from __future__ import annotations

import contextlib
import posixpath
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

from oxide.errors import InvalidInput, NotFound
from oxide.extras import import_extra
from oxide.formats.files import is_video
from oxide.splits.freezing import held
from oxide.transactions import finish_before_reading
from oxide.types import FramesResult, Progress, Skipped
from oxide.video.choosing import Choice
from oxide.video.crew import Crew
from oxide.video.decoding import Broken, Chosen, Picture, Task
from oxide.video.known import Frame, frames_of
from oxide.video.staging import Staging
from oxide.workspace import State, tables_of

if TYPE_CHECKING:
    from oxide._core import Record, Session
    from oxide.repository import Repository

FORMATS = ("jpg", "png")
STAGED_EVERY = 20.0
"""Seconds."""
AT_ONCE = 2048
"""Stretches that are given out in advance, so that decoding goes on while others are staged, which takes seconds. Their
pictures go into the store at once; what waits for staging is a row each.
"""


@dataclass(slots=True)
class Video:
    """A clip: its row of ``files``, what the paths of its frames begin with, and what is known of it."""

    row: Record
    prefix: str
    suffix: str
    known: dict[int, Frame] = field(default_factory=dict)
    """Frames of its content in the wanted format, by index: anywhere."""
    here: dict[str, Frame] = field(default_factory=dict)
    """Frames of this content that are staged, by path."""

    def path_of(self, index: int) -> str:
        """Where a frame goes."""
        return f"{self.prefix}-{index:06d}{self.suffix}"


class Taken(NamedTuple):
    """What a thread brings back: frames with rows to be staged, and stretches that are left to do."""

    video: Video
    frames: list[Frame]
    there: int
    reused: int
    left: list[Sequence[int]]
    broken: str | None = None


def extract(
    repository: Repository,
    paths: Sequence[str],
    into: str,
    choice: Choice,
    *,
    format: str,
    force: bool,
    dry_run: bool,
    progress: Progress | None,
) -> FramesResult:
    """Take frames out of every video at and below some paths; see :meth:`oxide.Repository.frames`."""
    import_extra("av", "video")
    import_extra("PIL", "video")
    if format not in FORMATS:
        raise InvalidInput(f"frames are not written as {format}", hint=f"use one of {', '.join(FORMATS)}")
    state = finish_before_reading(repository)
    videos = _videos(repository, state, paths, into, f".{format}")
    out = held(repository.store, state.view)
    held_out = sorted(video.row["path"] for video in videos if video.row["content_id"] in out.contents)
    videos = [video for video in videos if video.row["content_id"] not in out.contents]
    _find_known(repository, state, videos)
    with repository.store.begin() as session:
        work = _Work(repository, session, videos, choice, force=force, dry_run=dry_run, progress=progress)
        work.run()
    return work.result(held_out)


def _videos(repository: Repository, state: State, paths: Sequence[str], into: str, suffix: str) -> list[Video]:
    """The clips at and below some paths. The frames of those in a folder go into folders of the same names.

    Raises:
        NotFound: a path is not tracked, or no clip is there.
        InvalidInput: a file that is named is no clip.
    """
    store, root = repository.store, state.pending["files"][1]
    found: dict[str, tuple[Record, str]] = {}
    for path in paths:
        rows = store.file_rows(root, [path] if path else [])
        if not rows:
            raise NotFound(f"'{path}' is not tracked", hint=f"add it first: oxide add {path}", path=path)
        if rows[0]["path"] == path and not _is_clip(rows[0]):
            raise InvalidInput(f"'{path}' is no video", hint="name a video, or a folder with some", path=path)
        above = len(posixpath.dirname(path)) + 1 if rows[0]["path"] == path and "/" in path else 0
        if rows[0]["path"] != path and path:
            above = len(path) + 1
        clips = filter(_is_clip, rows)
        found.update((row["path"], (row, posixpath.join(into, row["path"][above:]))) for row in clips)
    if not found:
        raise NotFound("there is no video below what was named", hint="see `oxide ls -r`")
    stems = Counter(posixpath.splitext(name)[0] for _, name in found.values())
    videos = []
    for row, name in found.values():
        stem = posixpath.splitext(name)[0]
        videos.append(Video(row, name if stems[stem] > 1 else stem, suffix))
    return videos


def _is_clip(row: Record) -> bool:
    """Whether a file is a clip. One that is named so and has only sound counts: it is said why it gives none."""
    only_sound = (row["media"] or "").startswith("audio") and is_video(row["path"], None)
    return row["type"] != "link" and (only_sound or is_video(row["path"], row["media"]))


def _find_known(repository: Repository, state: State, videos: list[Video]) -> None:
    """Look for frames of these contents in what is staged, and at the head of every branch."""
    items = {video.row["item_id"] for video in videos}
    by_content: dict[str, list[Video]] = {}
    for video in videos:
        by_content.setdefault(video.row["content_id"], []).append(video)
    store, pending = repository.store, state.pending
    heads = {head for head in state.view["branches"].values() if head is not None}
    for tables in (pending, *(tables_of(store, head) for head in sorted(heads))):
        for frame in frames_of(store, tables, items):
            for video in by_content.get(frame.content, ()):
                if frame.suffix == video.suffix:
                    video.known.setdefault(frame.number, frame)
                    if tables is pending and frame.row["path"] == video.path_of(frame.number):
                        video.here[frame.row["path"]] = frame


class _Work:
    def __init__(
        self,
        repository: Repository,
        session: Session,
        videos: list[Video],
        choice: Choice,
        *,
        force: bool,
        dry_run: bool,
        progress: Progress | None,
    ) -> None:
        self._repository = repository
        self._session = session
        self._choice = choice
        self._dry_run = dry_run
        self._progress = progress
        self._staging = Staging(repository, session, str(choice), force=force, progress=progress)
        self._videos = videos
        self._queue: deque[tuple[Video, Sequence[int] | None]] = deque((video, None) for video in videos)
        self._there = self._reused = self._read = 0
        self._would_make: list[str] = []
        self._broken: list[Skipped] = []

    def run(self) -> None:
        """Decode and stage everything."""
        last = time.monotonic()
        with Crew() as crew, ThreadPoolExecutor(crew.size, "frames") as pool:
            try:
                for taken in self._results(pool, crew):
                    self._take(taken)
                    if time.monotonic() - last > STAGED_EVERY:
                        self._staging.stage()
                        last = time.monotonic()
            except BaseException as error:
                pool.shutdown(wait=False, cancel_futures=True)
                crew.abandon()
                if isinstance(error, KeyboardInterrupt):
                    self._staging.stage()
                raise
        self._staging.stage()

    def result(self, held_out: list[str]) -> FramesResult:
        """What was done, beside the clips that were left out."""
        made = self._would_make if self._dry_run else self._staging.made
        return FramesResult(
            sorted(made),
            self._there,
            self._reused,
            held_out,
            len(self._videos),
            self._staging.annotations,
            sorted(self._broken),
            self._staging.failed,
        )

    def _results(self, pool: ThreadPoolExecutor, crew: Crew) -> Iterator[Taken]:
        """What the threads bring, as it comes; little more than they are busy with is in memory."""
        finished: SimpleQueue[Future[Taken]] = SimpleQueue()
        running = 0
        while self._queue or running:
            while self._queue and running < AT_ONCE:
                pool.submit(self._take_out, crew, *self._queue.popleft()).add_done_callback(finished.put)
                running += 1
            if self._progress is not None:
                self._progress("taking frames", self._read, len(self._videos), 0, 0)
            with contextlib.suppress(Empty):
                done = finished.get(timeout=0.2)
                running -= 1
                yield done.result()

    def _take(self, taken: Taken) -> None:
        self._there += taken.there
        self._reused += taken.reused
        if taken.broken is not None:
            self._broken.append(Skipped(taken.video.row["path"], taken.broken))
        self._queue.extendleft((taken.video, stretch) for stretch in reversed(taken.left))
        self._read += not taken.left
        if self._dry_run:
            self._would_make += [frame.row["path"] for frame in taken.frames]
        else:
            self._staging.add(taken.video.row, taken.frames)

    def _take_out(self, crew: Crew, video: Video, indexes: Sequence[int] | None) -> Taken:
        """In a thread: the frames of a stretch, or of a clip that nothing is known of how many it has."""
        total = next((frame.total for frame in video.known.values()), None)
        if indexes is None and total is not None and self._choice.kind != "fps":
            wanted = self._choice.indexes(range(total))
            if all(index in video.known for index in wanted):
                return self._known(video, wanted, [])
        content = video.row["content_id"]
        task = Task(
            self._repository.store.control,
            content,
            video.row["size"],
            self._choice,
            indexes,
            frozenset(video.known),
            video.suffix,
            self._dry_run,
        )
        taken, total = Taken(video, [], 0, 0, []), 0
        for part in crew.take(task):
            match part:
                case Broken(reason):
                    taken = Taken(video, [], 0, 0, [], reason)
                case Chosen(total, chosen, left):
                    taken = self._known(video, [index for index in chosen if index in video.known], left)
                case Picture(index, moment, data):
                    taken.frames.append(Frame(content, index, moment, total, self._store(video, index, data)))
        return taken

    def _known(self, video: Video, wanted: Sequence[int], left: list[Sequence[int]]) -> Taken:
        """Frames that need no decoding."""
        there = [index for index in wanted if video.path_of(index) in video.here]
        elsewhere = [video.known[index] for index in wanted if video.path_of(index) not in video.here]
        moved = [frame._replace(row={**frame.row, "path": video.path_of(frame.number)}) for frame in elsewhere]
        return Taken(video, moved, len(there), len(moved), left)

    def _store(self, video: Video, index: int, data: bytes) -> Record:
        """The row of a picture that the store has from now on."""
        path = video.path_of(index)
        if self._dry_run:
            return {"path": path}
        stored = self._session.put_content(data, path)
        return {
            "path": path,
            "content_id": stored["content_id"],
            "sha256": stored["sha256"],
            "size": stored["size"],
            "type": "file",
            "executable": False,
        }
