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
    from oxide.labels.ontology import Ontology
    from oxide.labels.reports import ExportReport, ImportReport
    from oxide.repository import Repository
    from oxide.types import Progress
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

    def import_labels(
        self,
        format: str,
        source: PathLike,
        *,
        images: PathLike | None = None,
        match: str = "path",
        into: PathLike = "",
        replace: bool = False,
        update: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> ImportReport:
        """Import labels of a format as one operation, pending for the next commit.

        ``source`` is a file or folder of the format. Its pictures are matched with tracked files by ``path`` (relative
        to the repository's root, or below ``into``), by ``name`` (the last one of the path), or by ``content``. Those
        that are not tracked are taken from the folder ``images`` where it is given: they are added where they lie in
        the working copy, or copied below ``into`` from elsewhere. ``source`` and ``images`` are relative to the current
        folder.

        Annotations are added; ``update`` changes those that are there already, by id; ``replace`` removes all others of
        the pictures that the source names. ``dry_run``: only say what would be done.

        Raises:
            InvalidInput: the source is not as its format says; the message names the file and line or pointer. A name
                is that of several files. A closed ontology has no such label.
            NotFound: there is no such source; pictures are not tracked and not in ``images``.
            AlreadyExists: an annotation has the id of one that is there, and neither ``update`` nor ``replace``.
            RefMoved: another process changed the same labels meanwhile.
            MissingExtra: reading the format needs a package that is not installed.
        """
        from oxide.labels import importing

        repository = self._repository()
        return importing.import_labels(
            repository,
            format,
            source,
            images=images,
            match=match,
            into=repository.to_path(into) if into else "",
            replace=replace,
            update=update,
            dry_run=dry_run,
            progress=progress,
        )

    @holding
    def export_labels(
        self,
        format: str,
        target: PathLike,
        *,
        at: str | None = None,
        paths: Sequence[PathLike] = (),
        images: bool = False,
        progress: Progress | None = None,
    ) -> ExportReport:
        """Write the labels of a revision, or of what is pending, in a format. The report says what it could not hold.

        ``target`` is a file or folder that does not exist yet or is empty, relative to the current folder. ``paths``
        restrict what is exported to files at and below them. ``images``: the files themselves are written too, below
        the target, or beside a target that is a file into the folder ``images``.

        Raises:
            AlreadyExists: the target is there.
            NotFound: a path is not tracked.
            UnknownRevision: there is no such revision.
            MissingExtra: writing the format needs a package that is not installed.
        """
        from oxide.labels import exporting

        repository = self._repository()
        return exporting.export_labels(
            repository,
            self.state_at(at),
            format,
            target,
            paths=repository.to_paths(paths),
            images=images,
            progress=progress,
        )
