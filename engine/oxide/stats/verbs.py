"""The verb about numbers as methods: :class:`oxide.Repository` inherits them."""

from __future__ import annotations

import os
from collections.abc import Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oxide.repository import Repository
    from oxide.stats.counting import Stats

    PathLike = str | os.PathLike[str]


class StatsVerbs:
    """Distributions of a repository."""

    def _with_stats(self) -> Repository:
        return self  # type: ignore[return-value]  # nothing else inherits this

    def stats(self, at: str | None = None) -> Stats:
        """Count files, sizes, durations, labels, boxes and splits of a revision; of none: of what is pending.

        What was counted is kept in the cache: asking again for the same tables costs nothing.
        """
        from oxide.stats import counting

        repository = self._with_stats()
        return counting.count(repository, at, repository.state_at(at), at or "pending")

    def plot_stats(self, path: PathLike, revisions: Sequence[str | None] = (None,)) -> None:
        """Draw the distributions of a revision, or of several side by side, as PNG.

        Raises:
            AlreadyExists: the file is there.
            InvalidInput: its name does not end in .png.
            MissingExtra: drawing needs the extra ``vision``.
        """
        from oxide.stats import plotting, showing

        states = [self.stats(revision) for revision in revisions]
        plotting.plot(showing.panels(states), [stats.revision for stats in states], path)
