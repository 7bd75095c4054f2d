"""What an import and an export say that they did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oxide.formats.base import Fidelity


@dataclass(frozen=True, slots=True)
class Remark:
    """Something worth knowing: what, how often, and a few of the places."""

    what: str
    count: int
    examples: Sequence[str]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did; of a dry run: would have done.

    ``pictures``: how many the source names. ``files_added``: paths that were not tracked before. ``labels_added``:
    names that are new in the ontology. ``metadata``: number of files of which metadata or facts changed. ``run_id``:
    the run that its annotations have, ``None`` where nothing changed.
    """

    format: str
    source: str
    run_id: str | None
    pictures: int
    files_added: Sequence[str]
    added: int
    updated: int
    unchanged: int
    removed: int
    metadata: int
    labels_added: Sequence[str]
    warnings: Sequence[Remark] = field(default_factory=tuple)

    @property
    def changed(self) -> bool:
        """Whether there was anything to do."""
        return self.run_id is not None


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote; ``annotations`` that were left out are not counted. ``losses``: what the format could not
    hold, most frequent first.
    """

    format: str
    target: str
    pictures: int
    annotations: int
    images: int
    losses: Sequence[Remark] = field(default_factory=tuple)


def remarks(found: Fidelity) -> list[Remark]:
    """Kinds of loss, or of what is odd, the most frequent first."""
    return [Remark(what, number, found.examples[what]) for what, number in found.losses.most_common()]
