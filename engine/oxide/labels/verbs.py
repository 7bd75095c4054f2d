"""The verbs about labels and metadata as methods: :class:`oxide.Repository` inherits them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from oxide.holding import holding
from oxide.labels.ontology_verbs import OntologyVerbs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oxide.labels.annotation import Annotation
    from oxide.labels.comparing import AnnotationChange
    from oxide.labels.history import AnnotationBlame, Version
    from oxide.labels.parquet_export import ParquetReport
    from oxide.labels.rendering import Drawn
    from oxide.labels.reports import ExportReport, ImportReport
    from oxide.labels.runs import Run
    from oxide.repository import Repository
    from oxide.types import CopyResult, MergeResult, Progress

    PathLike = str | os.PathLike[str]


class LabelVerbs(OntologyVerbs):
    """Labels and metadata of a repository. What changes is pending in the workspace at once, for the next commit."""

    def annotate(self, path: PathLike, *annotations: Annotation, progress: Progress | None = None) -> list[str]:
        """Add annotations to a file, or replace those whose id is given. Returns their ids.

        Raises:
            NotFound: the file is not tracked, or has no annotation with that id.
            InvalidInput: a shape is malformed, or the ontology forbids it.
        """
        from oxide.labels import editing

        repository = self._repository()
        made = editing.annotate(repository, repository.to_path(path), annotations, progress)
        return [annotation.id for annotation in made if annotation.id is not None]

    def remove_annotations(self, ids: Sequence[str], *, progress: Progress | None = None) -> int:
        """Remove annotations by their ids. Returns how many. Raises NotFound."""
        from oxide.labels import editing

        return editing.remove(self._repository(), [ids] if isinstance(ids, str) else ids, progress)

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

    def set_metadata(
        self, paths: Sequence[PathLike], values: dict[str, Any], *, progress: Progress | None = None
    ) -> int:
        """Set metadata of every file at and below some paths. Returns how many files changed.

        ``values`` maps dotted keys to JSON values: ``{"camera.lens": 35}``.

        Raises:
            NotFound: a path is not tracked.
            InvalidInput: a key is reserved or leads through something that is no object; a value is no JSON.
        """
        from oxide.labels import editing

        repository = self._repository()
        return editing.set_metadata(repository, repository.to_paths(paths), values, progress)

    def unset_metadata(
        self, paths: Sequence[PathLike], keys: Sequence[str], *, progress: Progress | None = None
    ) -> int:
        """Remove dotted keys from the metadata of every file at and below some paths. Returns how many changed."""
        from oxide.labels import editing

        repository = self._repository()
        names = [keys] if isinstance(keys, str) else keys
        return editing.unset_metadata(repository, repository.to_paths(paths), names, progress)

    def import_metadata(
        self,
        source: PathLike,
        *,
        key: str = "path",
        match: str = "path",
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> int:
        """Set metadata of many files out of a JSONL or CSV file (UTF-8), as one operation. Returns how many files.

        Each record names its file in the field ``key``: by ``match`` its path, its base name (``name``) or its SHA-256
        in hex (``content``). Its other fields are set, nested or by dotted keys; other metadata stays. Cells of a CSV
        file are JSON or else text; empty ones set nothing.

        Raises:
            NotFound: there is no such source.
            InvalidInput: a record is malformed, names no tracked file, or one that another record named; nothing was
                imported then, and the message names the line.
        """
        from oxide.labels import metadata_import

        return metadata_import.import_metadata(
            self._repository(), os.fspath(source), key, match, dry_run=dry_run, progress=progress
        )

    @holding
    def metadata(self, path: PathLike, at: str | None = None) -> dict[str, Any]:
        """The metadata of a file; empty where it has none. Raises NotFound."""
        from oxide.labels import reading

        repository = self._repository()
        tables = self.state_at(at)
        item = reading.item_of(repository.store, tables, repository.to_path(path))
        found: dict[str, Any] = reading.metadata_of(repository.store, tables, [item]).get(item, {})
        return found

    def copy(
        self,
        paths: Sequence[PathLike],
        target: PathLike | Repository,
        *,
        revision: str | None = None,
        annotations: bool = True,
        metadata: bool = True,
        force: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> CopyResult:
        """Copy files and folders into a folder, with their annotations and metadata.

        ``target`` is a folder of this repository, ``REPOSITORY:FOLDER`` (relative to this one's root) or a repository.
        Copied is what is staged, or what ``revision`` holds. The copies are new items with new annotations, staged in
        the target and written into its working copy; the labels in use are added to its ontology. ``force``: they
        take the place of files with the same names. ``dry_run``: returns or raises the same, and changes nothing.

        Raises:
            NotFound: a path is not there.
            AlreadyExists: a file with the name of a copy is.
            WouldOverwrite: such a file is there, and stored nowhere.
            InvalidInput: the target's ontology forbids an annotation.
            Unsupported: the target is on another machine.
        """
        from oxide.labels import copying

        repository = self._repository()
        if isinstance(target, LabelVerbs):
            place = copying.Place(target._repository(), "")
        else:
            place = copying.find_place(repository, os.fspath(target), repository.folder)
        return copying.copy(
            repository,
            repository.to_paths(paths),
            place,
            revision=revision,
            annotations=annotations,
            metadata=metadata,
            force=force,
            dry_run=dry_run,
            progress=progress,
        )

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
        where: Any = None,
        images: bool = False,
        progress: Progress | None = None,
    ) -> ExportReport:
        """Write the labels of a revision, or of what is pending, in a format. The report says what it could not hold.

        ``target`` is a file or folder that does not exist yet or is empty, relative to the current folder. ``paths``
        restrict what is exported to files at and below them, ``where`` to what a query finds (see
        :meth:`oxide.Repository.query`); of a query about annotations only these annotations. ``images``: the files
        themselves are written too, below the target, or beside a target that is a file into the folder ``images``.

        Raises:
            AlreadyExists: the target is there.
            NotFound: a path is not tracked.
            UnknownRevision: there is no such revision.
            HeldOut: a file has what a frozen split holds out.
            MissingExtra: writing the format needs a package that is not installed.
        """
        from oxide.labels import exporting
        from oxide.query.choosing import choose

        repository = self._repository()
        return exporting.export_labels(
            repository,
            self.state_at(at),
            format,
            target,
            paths=repository.to_paths(paths),
            images=images,
            chosen=None if where is None else choose(repository, where, at),
            progress=progress,
        )

    @holding
    def export_parquet(
        self, target: PathLike, *, at: str | None = None, where: Any = None, progress: Progress | None = None
    ) -> ParquetReport:
        """Write every table of a revision, or of what is pending, as Parquet into a new folder: one file a table,
        also of those without rows.

        Ids and hashes are hex, JSON is text, times are in UTC, so that any engine reads them. ``where``: only rows of
        the items that a query finds; tables that are not about items are whole.

        Raises:
            AlreadyExists: the target is there.
            QueryError: the query is not understood.
            HeldOut: a file has what a frozen split holds out.
        """
        from oxide.labels import parquet_export
        from oxide.query.choosing import choose

        repository = self._repository()
        chosen = None if where is None else choose(repository, where, at)
        return parquet_export.export_parquet(repository, self.state_at(at), target, chosen, progress)
