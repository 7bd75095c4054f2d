"""The verbs about labels: each changes the ontology and every annotation that carries a label, as one operation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from oxide import clock
from oxide.errors import InConflict, InUse, InvalidInput, NotFound, NothingToDo
from oxide.labels import ontology as ontologies
from oxide.labels import ontology_editing as editing
from oxide.labels.advancing import Advance
from oxide.labels.following import root_of
from oxide.labels.impact import Conflict, Fitting, LabelChange
from oxide.labels.ontology import Label, Ontology
from oxide.labels.relabelling import Into, Rule, Split, Stamp, batches, label_exists, relabel
from oxide.staging import conclude
from oxide.transactions import publish
from oxide.wording import count
from oxide.workspace import WORKSPACE, from_tables, read_state, tables_of, to_tables

if TYPE_CHECKING:
    from oxide._core import Record, Session, Store
    from oxide.repository import Repository
    from oxide.types import Progress
    from oxide.workspace import Tables

Work = Callable[["Session | None", "Tables", "Progress | None"], "tuple[Tables, LabelChange]"]
"""Changes tables and reports; without a session it only reports. Called again on what another process published."""


def add(repository: Repository, labels: Sequence[Label], **how: Any) -> LabelChange:
    """Define new labels."""
    names = ", ".join(label.name for label in labels)
    return _edit(repository, f"add {names}", lambda ontology: editing.with_labels(ontology, labels), **how)


def edit(repository: Repository, name: str, fields: Mapping[str, Any], **how: Any) -> LabelChange:
    """Define a label anew in some respects."""
    return _edit(repository, f"edit {name}", lambda ontology: editing.edited(ontology, name, fields), **how)


def set_closed(repository: Repository, closed: bool, **how: Any) -> LabelChange:
    """Let annotations have the labels of the ontology only, or any."""
    what = "close" if closed else "open"
    return _edit(repository, what, lambda ontology: Ontology(ontology.labels, closed), **how)


def rename(repository: Repository, old: str, new: str, **how: Any) -> LabelChange:
    """Give a label another name."""
    editing.check_name(new)

    def work(session: Session | None, tables: Tables, progress: Progress | None) -> tuple[Tables, LabelChange]:
        before = ontologies.read(repository.store, tables)
        if new in before.labels or old == new:
            raise label_exists(new)
        after = editing.renamed(before, old, new)
        rule = Into(frozenset([old]), new, frozenset([new]))
        return _apply(repository, session, tables, before, after, rule, progress)

    return _change(repository, f"rename {old} to {new}", work, **how)


def merge(repository: Repository, labels: Sequence[str], into: str, **how: Any) -> LabelChange:
    """Give everything with one of some labels one label instead."""
    editing.check_name(into)
    old = [label for label in dict.fromkeys(labels) if label != into]
    if not old:
        raise InvalidInput("a merge needs two labels", hint="as in `oxide label merge kitten cat`")

    def work(session: Session | None, tables: Tables, progress: Progress | None) -> tuple[Tables, LabelChange]:
        before = ontologies.read(repository.store, tables)
        after = editing.merged(before, old, into)
        return _apply(repository, session, tables, before, after, Into(frozenset(old), into), progress)

    return _change(repository, f"merge {', '.join(old)} into {into}", work, **how)


def split(repository: Repository, label: str, by: str, names: Mapping[str, str], **how: Any) -> LabelChange:
    """Make a label of each value of an attribute: ``label/value``, or as ``names`` says."""
    for name in names.values():
        editing.check_name(name)

    def work(session: Session | None, tables: Tables, progress: Progress | None) -> tuple[Tables, LabelChange]:
        before = ontologies.read(repository.store, tables)
        known = before.labels.get(label)
        definition = known.attributes.get(by, {}) if known is not None else {}
        rule = Split(label, by, names, definition.get("default"), {})
        for value in definition.get("values", ()):
            rule.name_of(value)

        def divided() -> Ontology:
            return editing.divided(before, label, by, sorted(set(rule.found.values()) - {label}))

        tables, report = _apply(repository, session, tables, before, divided, rule, progress)
        if not rule.found:
            raise NotFound(
                f"no annotation with the label '{label}' has the attribute '{by}'", hint="see `oxide label list`"
            )
        return tables, report

    return _change(repository, f"split {label} by {by}", work, **how)


def remove(repository: Repository, names: Sequence[str], *, force: bool, **how: Any) -> LabelChange:
    """Take labels out of the ontology. Annotations that carry one keep it, which ``force`` must allow."""

    def work(session: Session | None, tables: Tables, progress: Progress | None) -> tuple[Tables, LabelChange]:
        before = ontologies.read(repository.store, tables)
        for name in names:
            editing.find(before, name)
        used = used_labels(repository.store, tables, names, progress)
        if used and not force:
            worst = max(used, key=lambda name: (used[name], name))
            where = count(used[worst], "annotation") if used[worst] else "keyframes of a track"
            raise InUse(
                f"the label '{worst}' is on {where}",
                hint="give these another one with --into OTHER, or let them keep it with --force",
            )
        report = LabelChange(left=sum(used.values()))
        after = editing.without(before, names)
        return _with_ontology(session, tables, before, after, report), report

    return _change(repository, f"remove {', '.join(names)}", work, **how)


def used_labels(
    store: Store, tables: Tables, among: Iterable[str] | None = None, progress: Progress | None = None
) -> Counter[str]:
    """Number of annotations by label, 0 for one that only keyframes say; ``among``: only these labels."""
    import pyarrow
    import pyarrow.compute as compute

    used: Counter[str] = Counter()
    wanted = None if among is None else pyarrow.array(sorted(among), pyarrow.string())
    present = [name for name in ("annotations", "keyframes") if name in tables]
    advance = Advance(progress, "counting labels", sum(store.count(tables[name][1]) for name in present))
    for name in present:
        for batch in batches(store, tables, name, ("label",)):
            advance.by(len(batch))
            labels = batch.column("label").drop_null()
            if wanted is not None:
                labels = labels.filter(compute.is_in(labels, wanted))
            for found in labels.value_counts().to_pylist():
                used[found["values"]] += found["counts"] if name == "annotations" else 0
    return used


def check(store: Store, tables: Tables, progress: Progress | None = None) -> list[Conflict]:
    """Labels in use that the ontology does not have, and annotations that break its rules."""
    ontology = ontologies.read(store, tables)
    fitting = Fitting(Ontology(ontology.labels, closed=True), strange_attributes=False)
    advance = Advance(progress, "checking labels", store.count(root_of(tables, "annotations")))
    for batch in batches(store, tables, "annotations", ("ann_id", "type", "label", "attributes")):
        fitting.look(batch)
        advance.by(len(batch))
    return fitting.conflicts()


def _edit(repository: Repository, what: str, edited: Callable[[Ontology], Ontology], **how: Any) -> LabelChange:
    def work(session: Session | None, tables: Tables, progress: Progress | None) -> tuple[Tables, LabelChange]:
        before = ontologies.read(repository.store, tables)
        report = LabelChange()
        return _with_ontology(session, tables, before, edited(before), report), report

    return _change(repository, what, work, **how)


def _apply(
    repository: Repository,
    session: Session | None,
    tables: Tables,
    before: Ontology,
    after: Ontology | Callable[[], Ontology],
    rule: Rule,
    progress: Progress | None,
) -> tuple[Tables, LabelChange]:
    """Annotations, keyframes and ontology after a rule; ``after`` may only be known once the annotations were seen."""
    report = LabelChange()
    rules = before if callable(after) else after
    merging = isinstance(rule, Into) and rule.new in before.labels
    fitting = Fitting(Ontology(rules.labels), strange_attributes=merging)
    stamp = Stamp(str(repository.settings.author()), clock.to_datetime(clock.now()))
    changed = relabel(repository.store, session, tables, rule, stamp, report, fitting, progress)
    missing = sorted(name for name in rule.old if name not in before.labels)
    unused = [name for name in missing if not any(old == name for old, _ in report.labels)]
    if unused and not (report.left or report.keyframes):
        raise NotFound(f"there is no label '{unused[0]}'", hint=before.suggestion(unused[0]))
    final = after() if callable(after) else after
    if final.closed and isinstance(rule, Into) and rule.new not in final.labels:
        raise InvalidInput(
            f"the label '{rule.new}' is not in the ontology, which is closed",
            hint=f"add it first: oxide label add '{rule.new}'",
        )
    report.conflicts = fitting.conflicts()
    return _with_ontology(session, changed, before, final, report), report


def _with_ontology(
    session: Session | None, tables: Tables, before: Ontology, after: Ontology, report: LabelChange
) -> Tables:
    editing.note(report, before, after)
    return tables if session is None else editing.write(session, tables, before, after)


def _change(
    repository: Repository,
    what: str,
    work: Work,
    *,
    message: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> LabelChange:
    """Do it: pending, or with a ``message`` as a commit at once; or only say what it would do."""
    store = repository.store
    if dry_run:
        state = read_state(store)
        _refuse(store, state.workspace, message)
        return work(None, state.pending, progress)[1]
    made: list[LabelChange] = []
    with store.begin() as session:

        def change(view: Record) -> None:
            workspace = view["workspaces"][WORKSPACE]
            _refuse(store, workspace, message)
            pending = to_tables(workspace["pending"])
            tables, report = work(session, pending, progress)
            if tables == pending:
                raise NothingToDo("the labels are like that already", hint="see `oxide label list`")
            workspace["pending"] = from_tables(tables)
            if message is not None:
                report.commit = conclude(repository, session, view, message)
            made.append(report)

        publish(repository, session, "label", f"label: {what}", change)
    return made[-1]


def _refuse(store: Store, workspace: Record, message: str | None) -> None:
    """Raise where a merge is undecided, and where a commit at once would take other changes along."""
    if workspace["conflicts"]:
        raise InConflict("a merge is under way", hint="see `oxide conflicts`, then `oxide resolve`")
    if message is None:
        return
    if workspace["merging"] or workspace["pending"] != from_tables(tables_of(store, workspace["base"])):
        raise InvalidInput(
            "other changes are pending, which a commit would take along",
            hint="commit them first, shelve them with `oxide stash`, or leave out -m",
        )
