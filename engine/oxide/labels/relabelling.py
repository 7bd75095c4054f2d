"""Giving annotations other labels, as many as there are: tables are read and edited as Arrow batches of bounded size.

Only rows that carry one of the labels are set again. Whoever changes a label by this, on a keyframe too, becomes the
annotation's last author.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from oxide.errors import AlreadyExists
from oxide.labels.advancing import Advance
from oxide.labels.following import with_root
from oxide.labels.impact import Fitting, LabelChange

if TYPE_CHECKING:
    import pyarrow

    from oxide._core import Session, Store
    from oxide.types import Progress
    from oxide.workspace import Tables

ANNOTATION_DIGITS = 48
"""How many hex digits of a keyframe's key name the annotation."""


class Stamp(NamedTuple):
    """Who changes labels, and when."""

    author: str
    now: datetime


class Rule(Protocol):
    """Which label takes the place of which."""

    @property
    def old(self) -> frozenset[str]:
        """The labels that it is about."""
        ...

    @property
    def free(self) -> frozenset[str]:
        """Labels that no annotation may have before."""
        ...

    def renamed(self, batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
        """Annotations with one of those labels, with their new ``label`` (null: none) and ``attributes``."""
        ...

    def renamed_keyframes(self, store: Store, tables: Tables, batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
        """Those of some keyframes that change, changed."""
        ...


class Into(NamedTuple):
    """One label for every one of some others."""

    old: frozenset[str]
    new: str
    free: frozenset[str] = frozenset()

    def renamed(self, batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
        """The annotations with the new label."""
        return _with_column(batch, "label", [self.new] * len(batch))

    def renamed_keyframes(self, store: Store, tables: Tables, batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
        """The keyframes that say a label of their own."""
        return self.renamed(_with_label(batch, self.old))


class Split(NamedTuple):
    """A label for each value of an attribute; the attribute goes, since the label says it now.

    ``names``: label by value. ``default``: the value of an annotation that does not have the attribute. ``found``
    collects the labels by value that were given.
    """

    label: str
    attribute: str
    names: Mapping[str, str]
    default: Any
    found: dict[str, str]

    @property
    def old(self) -> frozenset[str]:
        return frozenset([self.label])

    @property
    def free(self) -> frozenset[str]:
        return frozenset()

    def renamed(self, batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
        """The annotations by their attribute; a null label where it has no value to go by."""
        import pyarrow

        encoded = batch.column("attributes").dictionary_encode()
        texts = [*encoded.dictionary.to_pylist(), None]
        parted = [self.parted(json.loads(text) if text else {}) for text in texts]
        at = encoded.indices.fill_null(len(texts) - 1)
        labels = pyarrow.array([label for label, _ in parted], pyarrow.string()).take(at)
        attributes = pyarrow.array([_to_text(rest) for _, rest in parted], pyarrow.string()).take(at)
        return _with_column(_with_column(batch, "label", labels), "attributes", attributes)

    def parted(self, attributes: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
        """The label by some attributes, and the other ones."""
        value = attributes.get(self.attribute, self.default)
        name = self.name_of(value)
        if name is None:
            return None, attributes
        return name, {key: other for key, other in attributes.items() if key != self.attribute}

    def name_of(self, value: Any) -> str | None:
        """The label for a value; ``None`` for what is no single value."""
        if value is None or isinstance(value, (list, dict)):
            return None
        text = value if isinstance(value, str) else json.dumps(value)
        name = self.names.get(text, f"{self.label}/{text}")
        self.found[text] = name
        return name

    def renamed_keyframes(self, store: Store, tables: Tables, batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
        """The keyframes that say the label or the attribute themselves, of annotations with the label."""
        import pyarrow
        import pyarrow.compute as compute

        said = compute.match_substring(batch.column("attributes"), json.dumps(self.attribute, ensure_ascii=False))
        batch = batch.filter(compute.or_(_is_one_of(batch, self.old), said.fill_null(False)))
        rows = batch.select(["item_id", "ann_id", "label", "attributes"]).to_pylist()
        keys = [(row["item_id"] + row["ann_id"]).hex() for row in rows]
        annotations = dict(zip(keys, store.get_rows(tables["annotations"], keys) if keys else [], strict=True))
        labels: list[str | None] = []
        attributes: list[str | None] = []
        for key, row in zip(keys, rows, strict=True):
            label, rest = self._parted_keyframe(annotations[key] or {}, row)
            labels.append(label)
            attributes.append(rest)
        changed = _with_column(batch, "label", labels)
        changed = _with_column(changed, "attributes", attributes)
        return changed.filter(pyarrow.array([label is not None for label in labels], pyarrow.bool_()))

    def _parted_keyframe(self, annotation: dict[str, Any], row: dict[str, Any]) -> tuple[str | None, str | None]:
        own = json.loads(row["attributes"]) if row["attributes"] else {}
        inherits = row["label"] is None and annotation.get("label") == self.label and self.attribute in own
        if row["label"] != self.label and not inherits:
            return None, None
        label, _ = self.parted({**(annotation.get("attributes") or {}), **own})
        rest = {key: value for key, value in own.items() if key != self.attribute}
        return label, None if row["attributes"] is None else _to_text(rest)


def label_exists(name: str) -> AlreadyExists:
    """The failure for a new name that is a label already."""
    return AlreadyExists(f"there is a label '{name}' already", hint="make them one with `oxide label merge OLD NEW`")


def _to_text(attributes: dict[str, Any]) -> str | None:
    return json.dumps(attributes, ensure_ascii=False) if attributes else None


def relabel(
    store: Store,
    session: Session | None,
    tables: Tables,
    rule: Rule,
    stamp: Stamp,
    report: LabelChange,
    fitting: Fitting,
    progress: Progress | None,
) -> Tables:
    """The tables after a rule; without a session only the report is made."""
    present = [name for name in ("keyframes", "annotations") if name in tables]
    advance = Advance(progress, "relabelling", sum(store.count(tables[name][1]) for name in present))
    after, tracks = tables, set[bytes]()
    if "keyframes" in tables:
        editor = _Editor(session, "keyframes", after)
        for batch in batches(store, tables, "keyframes"):
            changed = rule.renamed_keyframes(store, tables, batch)
            report.keyframes += len(changed)
            tracks.update(_annotation_keys(changed).to_pylist())
            editor.set(changed)
            advance.by(len(batch))
        after = editor.finish()
    if "annotations" in tables:
        after = _relabel_annotations(store, session, after, rule, stamp, report, fitting, sorted(tracks), advance)
    return after


def _relabel_annotations(
    store: Store,
    session: Session | None,
    tables: Tables,
    rule: Rule,
    stamp: Stamp,
    report: LabelChange,
    fitting: Fitting,
    tracks: list[bytes],
    advance: Advance,
) -> Tables:
    """Annotations after a rule. Whose key is among ``tracks`` was changed too: a keyframe of it was."""
    editor = _Editor(session, "annotations", tables)
    last_item = None
    for batch in batches(store, tables, "annotations"):
        taken = _with_label(batch, rule.free)
        if len(taken):
            raise label_exists(taken.column("label")[0].as_py())
        hits = _with_label(batch, rule.old)
        changed = rule.renamed(hits)
        given = changed.column("label").is_valid()
        hits, changed, found = hits.filter(given), changed.filter(given), len(hits)
        report.left += found - len(hits)
        if len(hits):
            last_item = _count(report, hits, changed, last_item)
            fitting.look(changed)
        # Of two rows with one key the last one counts.
        editor.set(_stamped(_with_key(batch, tracks), stamp))
        editor.set(_stamped(changed, stamp))
        advance.by(len(batch))
    return editor.finish()


def _count(
    report: LabelChange, hits: pyarrow.RecordBatch, changed: pyarrow.RecordBatch, last_item: bytes | None
) -> bytes:
    """Count annotations that get another label. ``last_item``: the one that was counted last; returns that of these."""
    import pyarrow

    pairs = pyarrow.table([hits.column("label"), changed.column("label")], ["old", "new"])
    for row in pairs.group_by(["old", "new"]).aggregate([([], "count_all")]).to_pylist():
        report.labels[row["old"], row["new"]] += row["count_all"]
    for source in hits.column("source").value_counts().to_pylist():
        report.sources[source["values"] or "human"] += source["counts"]
    items = hits.column("item_id")
    report.items += len(items.unique()) - (items[0].as_py() == last_item)
    counted: bytes = items[-1].as_py()
    return counted


def _annotation_keys(batch: pyarrow.RecordBatch) -> pyarrow.Array:
    """The keys of the annotations that rows are, or are keyframes of."""
    import pyarrow
    import pyarrow.compute as compute

    parts = [batch.column(name).cast(pyarrow.binary()) for name in ("item_id", "ann_id")]
    return compute.binary_join_element_wise(*parts, b"")


def _with_key(batch: pyarrow.RecordBatch, keys: list[bytes]) -> pyarrow.RecordBatch:
    """Rows of a batch in key order whose key is one of some that ascend."""
    import pyarrow
    import pyarrow.compute as compute

    if not keys or not len(batch):
        return batch.slice(0, 0)
    own = _annotation_keys(batch)
    within = keys[bisect_left(keys, own[0].as_py()) : bisect_right(keys, own[-1].as_py())]
    return batch.filter(compute.is_in(own, pyarrow.array(within, pyarrow.binary())))


def _stamped(batch: pyarrow.RecordBatch, stamp: Stamp) -> pyarrow.RecordBatch:
    batch = _with_column(batch, "updated", [stamp.now] * len(batch))
    return _with_column(batch, "updated_by", [stamp.author] * len(batch))


def batches(store: Store, tables: Tables, name: str, columns: tuple[str, ...] = ()) -> Iterator[pyarrow.RecordBatch]:
    """The rows of a table by key, a segment at a time."""
    import pyarrow

    if name in tables:
        yield from pyarrow.RecordBatchReader.from_stream(store.scan(tables[name], columns))


def _is_one_of(batch: pyarrow.RecordBatch, labels: frozenset[str]) -> pyarrow.Array:
    import pyarrow
    import pyarrow.compute as compute

    return compute.is_in(batch.column("label"), pyarrow.array(sorted(labels), pyarrow.string()))


def _with_label(batch: pyarrow.RecordBatch, labels: frozenset[str]) -> pyarrow.RecordBatch:
    return batch.filter(_is_one_of(batch, labels))


def _with_column(batch: pyarrow.RecordBatch, name: str, values: Any) -> pyarrow.RecordBatch:
    import pyarrow

    at = batch.schema.get_field_index(name)
    field = batch.schema.field(at)
    array = values if isinstance(values, pyarrow.Array) else pyarrow.array(values, field.type)
    return batch.set_column(at, field, array)


class _Editor:
    """Rows of a table set again, so many at a time."""

    ROWS = 100_000

    def __init__(self, session: Session | None, name: str, tables: Tables) -> None:
        self._session = session
        self._name = name
        self._tables = tables
        self._schema, self._root = tables[name]
        self._waiting: list[pyarrow.RecordBatch] = []

    def set(self, batch: pyarrow.RecordBatch) -> None:
        """Set rows; of two with one key the later one counts."""
        if self._session is None or not len(batch):
            return
        self._waiting.append(batch)
        if sum(map(len, self._waiting)) >= self.ROWS:
            self._apply()

    def finish(self) -> Tables:
        """The tables with all rows that were set."""
        if self._waiting:
            self._apply()
        return with_root(self._tables, self._name, self._schema, self._root)

    def _apply(self) -> None:
        import pyarrow

        assert self._session is not None
        rows = pyarrow.Table.from_batches(self._waiting)
        self._root = self._session.edit_table(self._schema, self._root, rows, None)
        self._waiting = []
