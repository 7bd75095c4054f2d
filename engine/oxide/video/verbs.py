"""The verb about videos as a method: :class:`oxide.Repository` inherits it."""

from __future__ import annotations

import os
from collections.abc import Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oxide.repository import Repository
    from oxide.types import FramesResult, Progress

    PathLike = str | os.PathLike[str]


class VideoVerbs:
    """What is done with videos of a repository."""

    def frames(
        self,
        videos: PathLike | Sequence[PathLike],
        into: PathLike,
        choose: str = "first",
        number: float | None = None,
        *,
        format: str = "jpg",
        force: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> FramesResult:
        """Take frames out of every video at and below some paths, as pictures below the folder ``into``.

        ``choose``: ``first``, ``first-middle-last``, ``all``, ``count`` (``number`` at equal distances) or ``fps``
        (``number`` a second). The frame ``i``, counted from 0, of ``a/clip.mp4`` in a folder that is named becomes
        ``into/a/clip-00000i.jpg``, upright: JPEG of quality 95, or with ``format="png"`` exactly what is decoded. It is
        staged and written into the working copy; its item says which video it was taken from (``source_item``,
        ``frame_index``, ``frame_time`` in seconds); it has the video's metadata with the path as ``video``, and its
        annotations, of tracks the shape at that frame.

        Frames that are there already are left alone, those that a branch has are not decoded again. What is finished is
        staged every few seconds: a run that was interrupted goes on when it is repeated. ``force``: pictures take the
        place of other files with their names. ``dry_run``: nothing is decoded and changed.

        Raises:
            NotFound: a path is not tracked, or no video is there.
            InvalidInput: a file that is named is no video, or such frames cannot be chosen.
            AlreadyExists: another tracked file has the name of a frame.
            WouldOverwrite: such a file is there, and stored nowhere.
            MissingExtra: this needs the extra ``video``.
        """
        from oxide.video import extracting
        from oxide.video.choosing import Choice

        repository: Repository = self  # type: ignore[assignment]  # nothing else inherits this
        named = [videos] if isinstance(videos, (str, os.PathLike)) else videos
        return extracting.extract(
            repository,
            repository.to_paths(named),
            repository.to_path(into),
            Choice(choose, number),
            format=format,
            force=force,
            dry_run=dry_run,
            progress=progress,
        )
