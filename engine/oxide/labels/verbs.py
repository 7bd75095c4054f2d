"""The verbs about labels and metadata as methods: :class:`oxide.Repository` inherits them."""

from __future__ import annotations

from collections.abc import Sequence

from oxide.holding import holding
from oxide.workspace import read_state, tables_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any

    from oxide._core import Store
    from oxide.labels.annotation import Annotation
    from oxide.labels.comparing import AnnotationChange
    from oxide.labels.history import AnnotationBlame, Version
    from oxide.labels.ontology import Ontology
    from oxide.labels.rendering import Drawn
    from oxide.labels.runs import Run
    from oxide.repository import Repository
    from oxide.types import MergeResult, Progress
    from oxide.workspace import Tables

    PathLike = str | os.PathLike[str]


class LabelVerbs:
    """Labels and metadata of a repository. What changes is pending in the workspace at once, for the next commit."""

    store: Store

    def _repository(self) -> Repository:
        return self  # type: ignore[return-value]  # nothing else inherits this

    def state_at(self, revision: str | None) -> Tables:
        """The tables of a revision; of none, as the next commit would hold them."""
        repository = self._repository()
        if revision is None:
            return read_state(repository.store).pending
        return tables_of(repository.store, repository.resolve_revision(revision))

    def annotate(self, path: PathLike, *annotations: Annotation) -> list[str]:
        """Add annotations to a file, or replace those whose id is given. Returns their ids.

        Raises:
            NotFound: the file is not tracked, or has no annotation with that id.
            InvalidInput: a shape is malformed, or the ontology forbids it.
        """
        from oxide.labels import editing

        repository = self._repository()
        made = editing.annotate(repository, repository.to_path(path), annotations)
        return [annotation.id for annotation in made if annotation.id is not None]

    def remove_annotations(self, ids: Sequence[str]) -> int:
        """Remove annotations by their ids. Returns how many. Raises NotFound."""
        from oxide.labels import editing

        return editing.remove(self._repository(), [ids] if isinstance(ids, str) else ids)

    @holding
    def annotations(self, path: PathLike, at: str | None = None) -> list[Annotation]:
        """The annotations of a file, by id. Raises NotFound."""
        from oxide.labels import reading

        repository = self._repository()
        tables = self.state_at(at)
        item = reading.item_of(repository.store, tables, repository.to_path(path))
        return reading.annotations_of(repository.store, tables, [item])

    @holding
    def diff_annotations(
        self, a: str | None = None, b: str | None = None, paths: Sequence[PathLike] = ()
    ) -> list[AnnotationChange]:
        """Annotations that differ between two revisions, by path and id. No ``a``: HEAD; no ``b``: what is pending.

        By id, and where ids are new by the place: see :class:`oxide.labels.comparing.AnnotationChange`.
        """
        from oxide.labels import comparing

        repository = self._repository()
        before, after = repository.two_states(a, b)
        return list(comparing.compare(repository.store, before, after, repository.path_filter(paths)))

    @holding
    def render_diff(
        self,
        folder: PathLike,
        a: str | None = None,
        b: str | None = None,
        paths: Sequence[PathLike] = (),
        *,
        progress: Progress | None = None,
    ) -> Drawn:
        """Draw annotations that differ, as in :meth:`diff_annotations`, into a new folder: one picture a file.

        Raises AlreadyExists, and MissingExtra without the extra ``vision``.
        """
        import os

        from oxide.labels import rendering

        repository = self._repository()
        before, after = repository.two_states(a, b)
        within = repository.path_filter(paths)
        return rendering.render(repository, os.fspath(folder), before, after, within, progress)

    @holding
    def blame_annotation(self, annotation_id: str, revision: str = "HEAD") -> AnnotationBlame:
        """The commit that an annotation came with, and those that last changed each of its fields. Raises NotFound."""
        from oxide.labels import history

        repository = self._repository()
        return history.blame_annotation(repository.store, repository.resolve_revision(revision), annotation_id)

    @holding
    def annotation_history(self, annotation_id: str, revision: str = "HEAD") -> list[Version]:
        """Every version of an annotation up to a revision, newest first. Raises NotFound."""
        from oxide.labels import history

        repository = self._repository()
        return history.annotation_history(repository.store, repository.resolve_revision(revision), annotation_id)

    def revert_import(self, run_id: str, *, progress: Progress | None = None) -> MergeResult:
        """A new commit that takes back what an import did to labels and metadata; later edits stay. Raises NotFound."""
        from oxide.labels import reverting

        return reverting.revert_import(self._repository(), run_id, progress=progress)

    def revert_author(self, author: str, *, progress: Progress | None = None) -> MergeResult:
        """A new commit that takes back what an author did to labels and metadata; edits of others stay.

        ``author`` is a name or an address. Raises NotFound.
        """
        from oxide.labels import reverting

        return reverting.revert_author(self._repository(), author, progress=progress)

    @holding
    def runs(self, at: str | None = None) -> list[Run]:
        """Imports and model runs that brought annotations, oldest first."""
        from oxide.labels import runs

        return runs.read(self._repository().store, self.state_at(at))

    def set_metadata(self, paths: Sequence[PathLike], values: dict[str, Any]) -> int:
        """Set metadata of every file at and below some paths. Returns how many files changed.

        ``values`` maps dotted keys to JSON values: ``{"camera.lens": 35}``.

        Raises:
            NotFound: a path is not tracked.
            InvalidInput: a key is reserved or leads through something that is no object; a value is no JSON.
        """
        from oxide.labels import editing

        repository = self._repository()
        return editing.set_metadata(repository, repository.to_paths(paths), values)

    def unset_metadata(self, paths: Sequence[PathLike], keys: Sequence[str]) -> int:
        """Remove dotted keys from the metadata of every file at and below some paths. Returns how many changed."""
        from oxide.labels import editing

        repository = self._repository()
        return editing.unset_metadata(repository, repository.to_paths(paths), [keys] if isinstance(keys, str) else keys)

    @holding
    def metadata(self, path: PathLike, at: str | None = None) -> dict[str, Any]:
        """The metadata of a file; empty where it has none. Raises NotFound."""
        from oxide.labels import reading

        repository = self._repository()
        tables = self.state_at(at)
        item = reading.item_of(repository.store, tables, repository.to_path(path))
        found: dict[str, Any] = reading.metadata_of(repository.store, tables, [item]).get(item, {})
        return found

    @holding
    def ontology(self, at: str | None = None) -> Ontology:
        """The labels that there are, and whether others are refused."""
        from oxide.labels import ontology

        return ontology.read(self._repository().store, self.state_at(at))
