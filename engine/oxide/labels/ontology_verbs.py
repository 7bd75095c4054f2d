"""The verbs about the ontology as methods: :class:`oxide.Repository` inherits them with all that are about labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from oxide.holding import holding
from oxide.workspace import read_state, tables_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oxide._core import Store
    from oxide.labels.impact import Conflict, LabelChange
    from oxide.labels.ontology import Label, Ontology
    from oxide.repository import Repository
    from oxide.types import Progress
    from oxide.workspace import Tables


class OntologyVerbs:
    """Which labels there are. A change of one changes whatever carries it, pending for the next commit."""

    store: Store

    def _repository(self) -> Repository:
        return self  # type: ignore[return-value]  # nothing else inherits this

    def state_at(self, revision: str | None) -> Tables:
        """The tables of a revision; of none, as the next commit would hold them."""
        repository = self._repository()
        if revision is None:
            return read_state(repository.store).pending
        return tables_of(repository.store, repository.resolve_revision(revision))

    @holding
    def ontology(self, at: str | None = None) -> Ontology:
        """The labels that there are, and whether others are refused."""
        from oxide.labels import ontology

        return ontology.read(self._repository().store, self.state_at(at))

    def add_labels(self, *labels: Label, message: str | None = None, dry_run: bool = False) -> LabelChange:
        """Define labels in the ontology.

        This and the other changes of labels are pending at once; with a ``message`` they are a commit at once, refused
        when other changes are pending; ``dry_run`` only reports.

        Raises:
            AlreadyExists: a label is there.
            NotFound: the label above one is not there.
            InvalidInput: a label is malformed, or other changes are pending.
        """
        from oxide.labels import label_changes

        return label_changes.add(self._repository(), labels, message=message, dry_run=dry_run)

    def edit_label(
        self, name: str, fields: Mapping[str, Any], *, message: str | None = None, dry_run: bool = False
    ) -> LabelChange:
        """Define a label anew in some respects; ``fields`` are those of :class:`oxide.Label`. Raises NotFound."""
        from oxide.labels import label_changes

        return label_changes.edit(self._repository(), name, fields, message=message, dry_run=dry_run)

    def rename_label(
        self,
        old: str,
        new: str,
        *,
        message: str | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> LabelChange:
        """Give a label another name, in the ontology and on every annotation.

        Raises:
            NotFound: neither ontology nor annotations have the label.
            AlreadyExists: the other name is a label too.
        """
        from oxide.labels import label_changes

        return label_changes.rename(self._repository(), old, new, message=message, dry_run=dry_run, progress=progress)

    def merge_labels(
        self,
        labels: Sequence[str],
        into: str,
        *,
        message: str | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> LabelChange:
        """Make several labels one. What does not fit the one is reported, and kept.

        Raises:
            NotFound: neither ontology nor annotations have one of the labels.
            InvalidInput: the ontology is closed and does not have ``into``.
        """
        from oxide.labels import label_changes

        names = [labels] if isinstance(labels, str) else labels
        return label_changes.merge(self._repository(), names, into, message=message, dry_run=dry_run, progress=progress)

    def split_label(
        self,
        label: str,
        by: str,
        names: Mapping[str, str] | None = None,
        *,
        message: str | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> LabelChange:
        """Make a label of each value of the attribute ``by``: ``label/value``, or as ``names`` says by value.

        The attribute goes, since the label says it then. Annotations without a single value keep the label.

        Raises:
            NotFound: no annotation with the label has the attribute.
        """
        from oxide.labels import label_changes

        return label_changes.split(
            self._repository(), label, by, names or {}, message=message, dry_run=dry_run, progress=progress
        )

    def remove_labels(
        self,
        labels: Sequence[str],
        *,
        into: str | None = None,
        force: bool = False,
        message: str | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> LabelChange:
        """Take labels out of the ontology. Annotations get the label ``into``, or with ``force`` keep theirs.

        Raises:
            InUse: annotations carry a label, and neither was given.
            NotFound: the ontology does not have a label.
        """
        from oxide.labels import label_changes

        names = [labels] if isinstance(labels, str) else labels
        how: dict[str, Any] = {"message": message, "dry_run": dry_run, "progress": progress}
        if into is not None:
            return label_changes.merge(self._repository(), names, into, **how)
        return label_changes.remove(self._repository(), names, force=force, **how)

    def close_ontology(self, closed: bool = True, *, message: str | None = None, dry_run: bool = False) -> LabelChange:
        """Refuse new annotations with labels that the ontology does not have; ``closed=False``: take them again."""
        from oxide.labels import label_changes

        return label_changes.set_closed(self._repository(), closed, message=message, dry_run=dry_run)

    @holding
    def check_labels(self, at: str | None = None, *, progress: Progress | None = None) -> list[Conflict]:
        """Labels in use that the ontology does not have, and annotations that break its rules."""
        from oxide.labels import label_changes

        return label_changes.check(self._repository().store, self.state_at(at), progress)

    @holding
    def used_labels(self, at: str | None = None, *, progress: Progress | None = None) -> dict[str, int]:
        """Number of annotations by label, the most frequent first."""
        from oxide.labels import label_changes

        used = label_changes.used_labels(self._repository().store, self.state_at(at), progress=progress)
        return dict(used.most_common())
