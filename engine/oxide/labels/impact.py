"""What a change of labels did or would do: how much carries them, where it came from, and what does not fit after."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oxide.labels.annotation import Annotation

if TYPE_CHECKING:
    import pyarrow

    from oxide.labels.ontology import Ontology

EXAMPLES = 5
"""How many ids of annotations a report keeps of each kind of conflict."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Annotations with a label that do not fit it, and why. ``examples`` are ids of some of them."""

    label: str
    problem: str
    annotations: int
    examples: tuple[str, ...]


@dataclass(slots=True)
class LabelChange:
    """The impact of one change of labels.

    ``labels`` maps (old, new) label to the number of annotations; ``items`` counts the files that these belong to,
    ``sources`` the annotations by ``human``, ``model``, ``import``. ``left`` are annotations that carry the label of a
    split and stay as they are, or that keep a label that was removed. ``added``, ``changed`` and ``removed`` are names
    in the ontology. ``commit`` is the commit that was made at once.
    """

    labels: Counter[tuple[str, str]] = field(default_factory=Counter)
    keyframes: int = 0
    items: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    left: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    closed: bool | None = None
    commit: str | None = None

    @property
    def annotations(self) -> int:
        """Number of annotations with another label than before."""
        return sum(self.labels.values())


class Fitting:
    """Annotations held against an ontology, batch by batch: those that look alike are looked at once."""

    def __init__(self, ontology: Ontology, *, strange_attributes: bool) -> None:
        self._ontology = ontology
        self._strange_attributes = strange_attributes
        self._found: dict[tuple[str, str], tuple[int, list[str]]] = {}

    def look(self, batch: pyarrow.RecordBatch) -> None:
        """Take a batch with the columns ``ann_id``, ``type``, ``label``, ``attributes``."""
        import pyarrow

        table = pyarrow.table(
            [*(batch.column(name) for name in ("label", "type", "attributes")), pyarrow.array(range(len(batch)))],
            ["label", "type", "attributes", "at"],
        )
        alike = table.group_by(["label", "type", "attributes"]).aggregate([("at", "count"), ("at", "min")])
        for row in alike.to_pylist():
            if row["label"] is None:
                continue
            attributes = json.loads(row["attributes"]) if row["attributes"] else {}
            for problem in self._problems(row["label"], row["type"], attributes):
                number, examples = self._found.get((row["label"], problem), (0, []))
                if len(examples) < EXAMPLES:
                    examples.append(batch.column("ann_id")[row["at_min"]].as_py().hex())
                self._found[row["label"], problem] = number + row["at_count"], examples

    def conflicts(self) -> list[Conflict]:
        """What did not fit, by label."""
        return [
            Conflict(label, problem, number, tuple(examples))
            for (label, problem), (number, examples) in sorted(self._found.items())
        ]

    def _problems(self, label: str, kind: str, attributes: dict[str, Any]) -> list[str]:
        defined = self._ontology.labels.get(label)
        if defined is None and self._ontology.closed:
            return [f"the label '{label}' is not in the ontology"]  # which may be open where labels are only checked
        broken = self._ontology.problems(Annotation(kind, label, attributes=attributes))
        problems = [problem.message for problem in broken]
        if self._strange_attributes and defined is not None:
            strange = sorted(set(attributes) - set(defined.attributes))
            problems += [f"'{label}' does not know the attribute '{name}'" for name in strange]
        return problems
