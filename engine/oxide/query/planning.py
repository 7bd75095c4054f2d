"""Trees as SQL. Values are parameters, never pasted; each table that is read is a scan with what its rows must be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import field as made
from datetime import date
from functools import partial
from typing import Any

from oxide import _core
from oxide.errors import QueryError
from oxide.query import documents
from oxide.query.columns import EXPRESSIONS, ITEMS
from oxide.query.globs import glob_sql
from oxide.query.statistics import conditions
from oxide.query.tree import (
    All,
    Changed,
    ChangedBy,
    Compare,
    Either,
    Exists,
    Field,
    Glob,
    Has,
    Node,
    Not,
    OfItem,
    Resource,
    Shape,
    Sorting,
    either,
)
from oxide.query.values import constant, is_day, span
from oxide.sql.connection import quote_text

_SYMBOLS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_TABLES = {"f": "files", "i": "items", "m": "metadata", "a": "annotations"}
_EPOCH = date(1970, 1, 1)
_DAY = 86_400_000_000
"""Microseconds."""
_FEW = 8
"""Longer lists of values become one parameter."""
MOST_CONDITIONS = 1000
"""DuckDB takes time with the square of their number, and refuses what is nested too deeply."""


@dataclass
class Scan:
    """A table that is read under a name, with what its rows must fulfil at least."""

    name: str
    table: str
    conditions: list[dict[str, Any]] = made(default_factory=list)
    item: str | None = None


@dataclass
class Plan:
    """Parts of one or more statements that belong together."""

    parameters: dict[str, Any] = made(default_factory=dict)
    scans: list[Scan] = made(default_factory=list)
    tests: dict[str, _core.DocumentTest] = made(default_factory=dict)
    """Functions of JSON text to bool, by name."""
    keys: dict[str, tuple[tuple[str, ...], bool]] = made(default_factory=dict)
    """Functions of JSON text to sort keys, by name: path, and whether it descends."""
    changes: dict[str, Changed] = made(default_factory=dict)
    """Tables of the ids of changed rows, by name."""

    conditions: int = 0

    def parameter(self, value: Any) -> str:
        """A value as a parameter."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def scan(self, table: str, known: Sequence[dict[str, Any]] = (), item: str | None = None) -> str:
        """The name under which a table is read."""
        scan = Scan(f"s{len(self.scans)}", table, list(known), item)
        self.scans.append(scan)
        return scan.name

    def counted(self) -> None:
        """Note one more condition. Raises QueryError when there are more than DuckDB plans in reasonable time."""
        self.conditions += 1
        if self.conditions > MOST_CONDITIONS:
            raise QueryError(
                f"the query has more than {MOST_CONDITIONS} conditions", hint='put values into one list: {"$in": [...]}'
            )


class Scope:
    """Rows of one kind of documents, in a statement or in a subquery of it."""

    def __init__(self, plan: Plan, resource: Resource, base: str | None = None) -> None:
        self.plan = plan
        self.resource = resource
        self.base = base or ("f" if resource == "items" else "a")
        self._letters: set[str] = {self.base}

    @property
    def id(self) -> str:
        """The item that a row is about."""
        return f"{self.base}.item_id"

    def rows(self, node: Node, wanted: Sequence[str]) -> str:
        """``SELECT wanted FROM ... WHERE``."""
        where = self.where(node)
        known = conditions(node)
        sources: list[str] = []
        for letter in sorted(self._letters, key=(self.base + "fima").index):
            name = self._scan(letter, known.get(letter, []), node)
            joined = f"{name} {letter}"
            sources.append(f"LEFT JOIN {joined} ON {letter}.item_id = {self.id}" if sources else joined)
        return f"SELECT {', '.join(wanted)} FROM {' '.join(sources)} WHERE {where}"

    def _scan(self, letter: str, known: list[dict[str, Any]], node: Node) -> str:
        if letter != self.base:
            # Rows that are joined may be left out when none can fulfil the tree, but not those that would make a null.
            known = [each for each in known if each.get("present", True)]
        return self.plan.scan(_TABLES[letter], known, _single_item(node) if letter == "a" else None)

    def where(self, node: Node) -> str:
        """A condition that is true for exactly the rows that fulfil a tree."""
        if isinstance(node, All | Either):
            return self._parts(node)
        self.plan.counted()
        if isinstance(node, Not):
            if self._own_json(node):
                return self._document(node)
            return f"NOT coalesce({self.where(node.part)}, false)"
        if isinstance(node, Has):
            return self._has(node)
        if isinstance(node, OfItem):
            scope = Scope(self.plan, "items", base_of(node.part))
            return f"a.item_id IN ({scope.rows(node.part, [scope.id])})"
        if isinstance(node, Shape):
            return self._shape(node)
        if isinstance(node, Changed):
            return self._changed(node)
        if isinstance(node, ChangedBy):
            return self._changed_by(node)
        if node.field.kind == "json":
            return self._document(node)
        assert isinstance(node, Compare | Glob | Exists)
        return self._column(node)

    def _parts(self, node: All | Either) -> str:
        word, none = (" AND ", "true") if isinstance(node, All) else (" OR ", "false")
        if self._own_json(node) is not None:
            return self._document(node)
        rest = list(node.parts)
        found: list[str] = []
        for column in ("metadata", "attributes"):
            own, others = _divided(rest, partial(documents.is_about, resource=self.resource, column=column))
            if len(own) > 1:
                rest = others
                found.append(self._document(type(node)(tuple(own))))
        if isinstance(node, Either):
            rest, lists = self._lists(_with_one_has(rest))
            found += lists
        found = [self.where(part) for part in rest] + found
        return f"({word.join(found)})" if found else none

    def _lists(self, parts: list[Node]) -> tuple[list[Node], list[str]]:
        """Equalities of one column as one list of values."""
        by_field: dict[Field, list[Compare]] = {}
        for part in parts:
            if isinstance(part, Compare) and part.operator == "eq" and _is_listed(part):
                by_field.setdefault(part.field, []).append(part)
        parts, lists = self._days(parts)
        for field, equal in by_field.items():
            if len(equal) > 1:
                same = set(map(id, equal))
                parts = [part for part in parts if id(part) not in same]
                expression = self._expression(field)
                values = [self._value(part) for part in equal]
                if len(values) > _FEW:
                    kind = {"text": "VARCHAR", "number": "DOUBLE", "id": "BLOB", "time": "TIMESTAMPTZ"}[field.kind]
                    lists.append(f"{expression} IN (SELECT unnest({self.plan.parameter(values)}::{kind}[]))")
                else:
                    lists.append(f"{expression} IN ({', '.join(map(self.plan.parameter, values))})")
        return parts, lists

    def _days(self, parts: list[Node]) -> tuple[list[Node], list[str]]:
        """Equalities of one time with days as one list of the days since 1970."""
        by_field: dict[Field, set[int]] = {}
        others: list[Node] = []
        for part in parts:
            if isinstance(part, Compare) and is_day(part):
                by_field.setdefault(part.field, set()).add((date.fromisoformat(part.value.text) - _EPOCH).days)
            else:
                others.append(part)
        lists = []
        for field, days in by_field.items():
            moment = f"epoch_us({self._expression(field)})"
            day = f"(({moment} - ({moment} % {_DAY} + {_DAY}) % {_DAY}) // {_DAY})"
            lists.append(f"{day} IN (SELECT unnest({self.plan.parameter(sorted(days))}::BIGINT[]))")
        return others, lists

    # -- columns ---------------------------------------------------------------------------------------------------

    def _expression(self, field: Field) -> str:
        expression = EXPRESSIONS[self.resource][field.name].sql
        if field == Field("items", "id", "id"):
            return self.id
        self._letters |= {letter for letter in "fima" if f"{letter}." in expression}
        return expression

    def _value(self, node: Compare) -> Any:
        value = node.value.value
        return bytes.fromhex(value) if node.value.kind == "id" else value

    def _column(self, node: Compare | Glob | Exists) -> str:
        field = node.field
        if field.name in ("annotated", "annotationsCount") and self.resource == "items":
            return self._annotated(node)
        if isinstance(node, Compare | Glob) and field.name == "filename" and self.resource == "items":
            inner = _below_root(node)
            if inner is not None:
                return self._column(inner)
        expression = self._expression(field)
        if isinstance(node, Exists):
            return f"{expression} IS NOT NULL"
        if isinstance(node, Glob):
            return glob_sql(expression, node.pattern, self.plan.parameter)
        if node.value.is_null:
            return f"{expression} IS NULL"
        if is_day(node):
            ends = [each for each in zip((">=", "<"), span(node.value.text), strict=True) if each[1] is not None]
            within = (f"{expression} {symbol} {self.plan.parameter(end)}::TIMESTAMPTZ" for symbol, end in ends)
            return f"({' AND '.join(within)})"
        cast = "::TIMESTAMPTZ" if field.kind == "time" else ""
        return f"{expression} {_SYMBOLS[node.operator]} {self.plan.parameter(self._value(node))}{cast}"

    def _annotated(self, node: Compare | Glob | Exists) -> str:
        if isinstance(node, Exists):
            return "true"
        assert isinstance(node, Compare)
        if node.value.is_null:
            return "false"
        if node.field.name == "annotated":
            without, having = (_holds(flag, node.operator, node.value.value) for flag in (False, True))
            if without == having:
                return "true" if having else "false"
            found: Node = Has(All(()))
            return self.where(found if having else Not(found))
        return self.where(Has(All(()), ((node.operator, node.value.value),)))

    # -- JSON ------------------------------------------------------------------------------------------------------

    def _own_json(self, node: Node) -> str | None:
        """The JSON column that a whole tree is about."""
        columns = ("metadata",) if self.resource == "items" else ("attributes", "metadata")
        return next((column for column in columns if documents.is_about(node, self.resource, column)), None)

    def _document(self, node: Node) -> str:
        column = self._own_json(node)
        assert column is not None
        condition = documents.condition(node)
        for_none = _core.DocumentTest(documents.as_text(condition)).holds(None)
        if self.resource == "annotations":
            expression = self._expression(Field("annotations", column, "json"))
            otherwise = self._test(expression, condition)
            return f"CASE WHEN {expression} IS NULL THEN {str(for_none).lower()} ELSE {otherwise} END"
        # Items without metadata have no row to look at: they are those that are not found by the opposite.
        wanted = documents.opposite(condition) if for_none else condition
        word = "NOT IN" if for_none else "IN"
        rows = f"SELECT m.item_id FROM {self.plan.scan('metadata')} m WHERE {self._test('m.value', wanted)}"
        return f"{self.id} {word} ({rows})"

    def _test(self, expression: str, condition: documents.Condition) -> str:
        """A condition on JSON text: first what the text must hold, which is quick, then the document itself."""
        name = f"test{len(self.plan.tests)}"
        self.plan.tests[name] = _core.DocumentTest(documents.as_text(condition))
        exact = f"{name}({expression})"
        plain = documents.plain_equality(condition)
        if plain is not None:
            path = "$" + "".join(f'."{each}"' for each in plain[0])
            said = f"({expression} -> {quote_text(path)})::VARCHAR = {self.plan.parameter(plain[1])}"
            exact = f"CASE WHEN {said} THEN true WHEN contains({expression}, '[') THEN {exact} ELSE false END"
        hold = " AND ".join(
            "(" + " OR ".join(f"contains({expression}, {self.plan.parameter(text)})" for text in texts) + ")"
            for texts in documents.needles(condition)
            if len(texts) <= _FEW
        )
        return f"CASE WHEN {hold} THEN {exact} ELSE false END" if hold else exact

    # -- annotations, history --------------------------------------------------------------------------------------

    def _has(self, node: Has) -> str:
        inner = Scope(self.plan, "annotations").rows(node.part, ["a.item_id"])
        if not node.counts:
            return f"{self.id} IN ({inner})"
        bounds = " AND ".join(
            f"count(*) {_SYMBOLS[operator]} {self.plan.parameter(number)}" for operator, number in node.counts
        )
        if all(_holds(0, operator, number) for operator, number in node.counts):
            return f"{self.id} NOT IN ({inner} GROUP BY a.item_id HAVING NOT ({bounds}))"
        return f"{self.id} IN ({inner} GROUP BY a.item_id HAVING {bounds})"

    def _shape(self, node: Shape) -> str:
        if node.measure == "area":
            measured = "(a.w * a.h)"
        else:
            assert node.box is not None
            left, top, width, height = (f"{self.plan.parameter(number)}::DOUBLE" for number in node.box)
            right, bottom = f"({left} + {width})", f"({top} + {height})"
            if node.measure == "inside":
                return f"(a.x >= {left} AND a.y >= {top} AND a.x + a.w <= {right} AND a.y + a.h <= {bottom})"
            across = f"greatest(0, least(a.x + a.w, {right}) - greatest(a.x, {left}))"
            down = f"greatest(0, least(a.y + a.h, {bottom}) - greatest(a.y, {top}))"
            common = f"(CASE WHEN a.x IS NULL THEN NULL ELSE {across} * {down} END)"
            if node.measure == "overlaps":
                return f"{common} > 0"
            union = f"(a.w * a.h + {width} * {height} - {common})"
            measured = f"(CASE WHEN {union} > 0 THEN {common} / {union} ELSE 0 * a.w END)"
        return (
            "("
            + " AND ".join(
                f"{measured} {_SYMBOLS[operator]} {self.plan.parameter(number)}" for operator, number in node.bounds
            )
            + ")"
        )

    def _changed(self, node: Changed) -> str:
        name = f"changed{len(self.plan.changes)}"
        self.plan.changes[name] = node
        column = self.id if self.resource == "items" else "a.ann_id"
        return f"{column} IN (SELECT id FROM {name})"

    def _changed_by(self, node: ChangedBy) -> str:
        expression = self._expression(Field(self.resource, "updatedBy", "text"))
        if node.is_glob:
            return glob_sql(expression, node.author, self.plan.parameter)
        return f"{expression} = {self.plan.parameter(node.author)}"

    # -- order -----------------------------------------------------------------------------------------------------

    def sort_key(self, sorting: Sorting) -> str:
        """An expression to sort by."""
        field = sorting.field
        if field.name == "annotationsCount":
            return f"(SELECT count(*) FROM {self.plan.scan('annotations')} a WHERE a.item_id = {self.id})"
        if field.name == "annotated":
            return f"({self.id} IN (SELECT a.item_id FROM {self.plan.scan('annotations')} a))"
        expression = self._expression(field)
        if field.kind != "json":
            return expression
        name = f"key{len(self.plan.keys)}"
        self.plan.keys[name] = (field.path, sorting.descending)
        return f"coalesce({name}({expression}), '\\x01'::BLOB)"


def base_of(node: Node, sorts: Sequence[Sorting] = ()) -> str:
    """The table that items are taken from: ``items`` where nothing is asked of their files: its rows are small."""
    read = {sorting.field for sorting in sorts}
    waiting: list[Node] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, All | Either):
            waiting.extend(part.parts)
        elif isinstance(part, Not):
            waiting.append(part.part)
        elif isinstance(part, Compare | Glob | Exists):
            read.add(part.field)
    named = [field.name for field in read if field.kind != "json" and field.name not in ("id", "annotated")]
    own = all(name == "annotationsCount" or ITEMS[name].sql.startswith("i.") for name in named)
    return "i" if own and not any(field.kind == "json" for field in {sorting.field for sorting in sorts}) else "f"


def _divided(parts: Sequence[Node], test: Callable[[Node], bool]) -> tuple[list[Node], list[Node]]:
    """The parts that pass a test, and the others."""
    passed: list[Node] = []
    failed: list[Node] = []
    for part in parts:
        (passed if test(part) else failed).append(part)
    return passed, failed


def _with_one_has(parts: Sequence[Node]) -> list[Node]:
    """Alternatives about some annotation as one about one annotation: to have a cat or a dog is to have either."""
    some, others = _divided(parts, lambda part: isinstance(part, Has) and not part.counts)
    if len(some) < 2:
        return list(parts)
    return [*others, Has(either(*[part.part for part in some if isinstance(part, Has)]))]


def _is_listed(part: Compare) -> bool:
    """Whether an equality can be one of a list of values of a column."""
    kinds = ("text", "number", "id", "time")
    if is_day(part):
        return False
    return not part.value.is_null and part.field.kind in kinds and part.field.name != "annotationsCount"


def _holds(count: int, operator: str, number: int) -> bool:
    return {"eq": count == number, "gt": count > number, "gte": count >= number}.get(
        operator, count < number if operator == "lt" else count <= number
    )


def _below_root(node: Compare | Glob) -> Compare | Glob | None:
    """A condition on ``filename`` as one on ``path``, whose statistics are known; ``None`` where it is none."""
    path = Field("items", "path", "text")
    if isinstance(node, Glob):
        return Glob(path, node.pattern[1:]) if node.pattern.startswith("/") else None
    if node.operator != "eq" or node.value.is_null or not str(node.value.value).startswith("/"):
        return None
    return Compare(path, "eq", constant(path, node.value.value[1:], ""))


def _single_item(node: Node) -> str | None:
    """The item when a tree says that annotations are of one."""
    for part in node.parts if isinstance(node, All) else (node,):
        if isinstance(part, Compare) and part.field.name == "itemId" and part.operator == "eq":
            return None if part.value.is_null else str(part.value.value)
    return None
