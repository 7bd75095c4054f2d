"""The text form as trees. ``docs/queries.md`` has the grammar."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from oxide.errors import QueryError
from oxide.query import shapes
from oxide.query.fields import ITSELF, Reached, resolve
from oxide.query.reading import COMPARISONS
from oxide.query.scanning import Scanner, Word
from oxide.query.tree import (
    EVERYTHING,
    Changed,
    ChangedBy,
    Compare,
    Either,
    Element,
    Exists,
    Field,
    Glob,
    Has,
    Node,
    OfItem,
    Resource,
    Shape,
    both,
    either,
    opposite,
)
from oxide.query.values import MAXIMUM_DEPTH, constant, day_of, equal_to, equality, pattern_of_value, pieces, span

_NUMBER = re.compile(r"-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_ORDER = {symbol: COMPARISONS[name] for symbol, name in ((">", "$gt"), (">=", "$gte"), ("<", "$lt"), ("<=", "$lte"))}
_BOUNDS: dict[str, Any] = {**_ORDER, "=": "eq", ":": "eq"}
_JOINING = ("AND", "OR", "NOT")
_GEOMETRY = ("area", "iou", "inside", "overlaps")
_FUNCTIONS = ("count", "annotation", "item", "any", "all", "none", *_GEOMETRY)

Context = Resource | str
"""``items``, ``annotations``, or ``element``: the elements of an array."""


def parse(text: str, resource: Resource = "items") -> Node:
    """The tree of a text. Raises QueryError with the character where it goes wrong."""
    parser = _Parser(text, resource)
    if parser.scanner.is_done:
        return EVERYTHING
    found = parser.either()
    if not parser.scanner.is_done:
        raise parser.scanner.error("there is a ) or a comma too many", "remove it, or put the text in quotes")
    return found


class _Parser:
    def __init__(self, text: str, resource: Resource) -> None:
        self.scanner = Scanner(text)
        self.context: Context = resource
        self.depth = 0

    def either(self) -> Node:
        """Alternatives."""
        self.depth += 1
        if self.depth > MAXIMUM_DEPTH:
            raise self.scanner.error(f"the query is nested more than {MAXIMUM_DEPTH} deep", "make it flatter")
        parts = [self.together()]
        while self.scanner.take_word("OR"):
            parts.append(self.together())
        self.depth -= 1
        return either(*parts)

    def together(self) -> Node:
        """Terms side by side. Those about annotations are about one, where items are asked for."""
        parts: list[Node] = []
        own: list[Node] = []
        place = 0
        while True:
            start = self.scanner.at
            node, is_bare = self.term()
            if is_bare:
                place = place if own else len(parts)
                self._refuse_impossible(own, node, start)
                own.append(node)
            else:
                parts.append(node)
            if self.scanner.take_word("AND"):
                continue  # something must follow
            if self.scanner.is_done or self.scanner.looks_at(")") or self.scanner.looks_at(","):
                break
            if self.scanner.looks_at_word("OR"):
                break
        if own:
            parts.insert(place, Has(both(*own)))
        return both(*parts)

    def _refuse_impossible(self, own: list[Node], node: Node, start: int) -> None:
        for other in own:
            if _exclude(other, node):
                one, two = (f"{each.field.title}:{each.value.value}" for each in (other, node))  # type: ignore[union-attr]
                raise self.scanner.error(
                    f"one annotation cannot have both {one} and {two}", f"two of them: ({one}) ({two})", start
                )

    def term(self) -> tuple[Node, bool]:
        """A term, and whether it is a test of an annotation in a query about items."""
        scanner = self.scanner
        negations = 0
        while True:
            if scanner.looks_at("-") and not scanner.looks_at("- "):
                scanner.take("-")
            elif not scanner.take_word("NOT"):
                break
            negations += 1
        node, is_bare = self.positive()
        if not negations:
            return node, is_bare
        node = Has(node) if is_bare else node
        return (opposite(node) if negations % 2 else node), False

    def positive(self) -> tuple[Node, bool]:
        """A term without a negation."""
        scanner = self.scanner
        if scanner.take("("):
            node = self.either()
            scanner.expect(")", "at the end of the group")
            return node, False
        start = scanner.at
        name, is_quoted = scanner.name()
        if not is_quoted and scanner.looks_at("(") and name in _FUNCTIONS:
            node, is_bare = self.function(name, start)
        elif (
            not is_quoted
            and name == "area"
            and self.context != "element"
            and scanner.text[scanner.at : scanner.at + 1] in "<>="
        ):
            node, is_bare = Shape("area", None, (self.bound(),)), self.context == "items"
        else:
            operator = scanner.operator()
            if operator is None and not is_quoted:
                self._refuse_joining(name, start)
            node, is_bare = self.word(name, start) if operator is None else self.clause(name, operator, start)
        scanner.skip()
        return node, is_bare

    def _refuse_joining(self, name: str, start: int) -> None:
        """Fail where what joins terms stands in place of one, or is not written in capitals."""
        if name.upper() in _JOINING:
            is_written = name in _JOINING
            message = f"a term should stand here, not {name}" if is_written else f"{name} is written {name.upper()}"
            raise self.scanner.error(message, f'the word itself needs quotes: "{name}"', start)

    def word(self, word: str, start: int) -> tuple[Node, bool]:
        """A text alone: a part of the path, or of the label."""
        if self.context == "element":
            raise self.scanner.error(f"'{word}' is no condition", "as in status:done", start)
        field = resolve("items", "path", "") if self.context == "items" else resolve("annotations", "label", "")
        inner = pattern_of_value(f"*{word}*")
        assert inner is not None
        return Glob(field, inner), False

    # -- field, operator, value ------------------------------------------------------------------------------------

    def clause(self, name: str, operator: str, start: int) -> tuple[Node, bool]:
        """A field, an operator and a value."""
        if name in ("changedSince", "changedBy") and self.context != "element":
            return self.change(name, operator, start), False
        place = f"at character {start + 1}"
        if self.context == "element":
            names = () if name == ITSELF else tuple(name.split("."))
            return self.tests(Field("element", "", "json", names), operator), False
        resource: Resource = "items" if self.context == "items" else "annotations"
        try:
            field = resolve(resource, name, place)
        except Reached as reached:
            return self.across(name, reached.rest, operator, place)
        if field.kind in ("list", "box"):
            hint = "count(label:cat)>=2, or annotation(label:cat)" if field.kind == "list" else "area>1024"
            raise QueryError(f"{place}: '{name}' is no single value", hint=hint)
        return self.tests(field, operator), False

    def across(self, name: str, rest: str, operator: str, place: str) -> tuple[Node, bool]:
        """A field of the annotations of an item, or of the item of an annotation."""
        outer = self.context
        self.context = "annotations" if outer == "items" else "items"
        try:
            node, _ = self.clause(rest, operator, self.scanner.at - len(operator) - len(rest))
        finally:
            self.context = outer
        if outer == "annotations":
            return OfItem(node), False
        return node, True

    def change(self, name: str, operator: str, start: int) -> Node:
        """Since when, or by whom."""
        resource: Resource = "items" if self.context == "items" else "annotations"
        word = self.scanner.value()
        if operator not in ":=" or word.is_json or not word.text:
            raise self.scanner.error(f"{name} takes one text", f"as in {name}:main", start)
        if name == "changedSince":
            return Changed(resource, word.text)
        pattern = pattern_of_value(word.text) if "*" in word.text and operator == ":" else None
        author = word.text if operator == "=" else word.text.replace("\\*", "*")
        return ChangedBy(resource, pattern or author, pattern is not None)

    def tests(self, field: Field, operator: str) -> Node:
        """What the values of a field must be."""
        scanner = self.scanner
        place = f"at character {scanner.at + 1}"
        if operator in (":", "!=") and scanner.looks_at("("):
            found = either(*[self.equal(field, word, place) for word in self.words()])
            return found if operator == ":" else opposite(found)
        word = scanner.value()
        if operator == "~":
            if field.kind not in ("text", "json") or word.is_json:
                raise scanner.error(f"'{field.title}' is no text", "patterns are of texts")
            pieces(word.text, place)
            return Glob(field, word.text)
        if operator in _ORDER:
            value = self.typed(field, word, place)
            if value is None or isinstance(value, list | dict):
                raise scanner.error("this value has no order", "compare numbers, texts, booleans or times")
            return Compare(field, _ORDER[operator], constant(field, value, place))  # type: ignore[arg-type]
        if operator == "=":
            return equal_to(field, self.typed(field, word, place), place)
        found = self.equal(field, word, place)
        return found if operator == ":" else opposite(found)

    def words(self) -> list[Word]:
        """Values in parentheses."""
        scanner = self.scanner
        scanner.take("(")
        words = []
        while not scanner.looks_at(")"):
            words.append(scanner.value())
            scanner.skip()
            if not scanner.take(","):
                break
        scanner.expect(")", "at the end of the list")
        return words

    def equal(self, field: Field, word: Word, place: str) -> Node:
        """``field:value``: a value, a pattern, a range, or any value."""
        if not word.is_quoted and word.text == "*":
            return Exists(field)
        if not word.is_quoted and ".." in word.text and field.kind in ("number", "time", "json"):
            ends = word.text.split("..")
            if (
                len(ends) == 2
                and any(ends)
                and (field.kind != "json" or all(not e or _NUMBER.fullmatch(e) for e in ends))
            ):
                return self.range(field, ends, place)
        return equality(field, self.typed(field, word, place), place)

    def range(self, field: Field, ends: list[str], place: str) -> Node:
        """From one value to another, both included."""
        parts: list[Node] = []
        for end, operator in zip(ends, ("gte", "lte"), strict=True):
            if end:
                value = self.typed(field, Word(end, False), place)
                day = day_of(value) if field.kind == "time" and operator == "lte" else None
                behind = None if day is None else span(day)[1]
                if behind is not None:
                    operator, value = "lt", behind
                parts.append(Compare(field, operator, constant(field, value, place)))  # type: ignore[arg-type]
        return both(*parts)

    def typed(self, field: Field, word: Word, place: str) -> Any:
        """A value in the type that its field has, or that it looks like where a field may have any."""
        if word.is_json:
            return word.json
        if word.is_quoted:
            return word.text
        if word.text == "null":
            return None
        if field.kind in ("bool", "json") and word.text in ("true", "false"):
            return word.text == "true"
        if field.kind in ("number", "json") and _NUMBER.fullmatch(word.text):
            return _number(word.text)
        return word.text if field.kind != "json" else re.sub(r"\\([^*])", r"\1", word.text)

    # -- functions -------------------------------------------------------------------------------------------------

    def function(self, name: str, start: int) -> tuple[Node, bool]:
        """A name with parentheses behind it."""
        scanner = self.scanner
        scanner.take("(")
        node, is_bare = self.functions(start)[name]()
        scanner.skip()
        return node, is_bare

    def functions(self, start: int) -> dict[str, Callable[[], tuple[Node, bool]]]:
        """What each function reads behind its parenthesis."""
        found: dict[str, Callable[[], tuple[Node, bool]]] = {
            "all": lambda: (self.closed(EVERYTHING), False),
            "none": lambda: (self.closed(Either(())), False),
            "any": lambda: (self.any(start), False),
        }
        found |= {name: lambda name=name: (self.shape(name, start), self.context == "items") for name in _GEOMETRY}  # type: ignore[misc]
        found["annotation"] = lambda: (self.other("items", "annotations", start, Has), False)
        found["item"] = lambda: (self.other("annotations", "items", start, OfItem), False)
        found["count"] = lambda: (self.count(start), False)
        return found

    def closed(self, node: Node) -> Node:
        """The end of a function."""
        self.scanner.expect(")", "at its end")
        return node

    def inner(self, context: Context, start: int) -> Node:
        """A query in parentheses, about something else."""
        outer, self.context = self.context, context
        try:
            if self.scanner.looks_at(")") or self.scanner.looks_at(","):
                return EVERYTHING
            return self.either()
        finally:
            self.context = outer

    def other(self, context: Context, inner: Context, start: int, made: Callable[[Node], Node]) -> Node:
        if self.context != context:
            raise self.scanner.error(f"this is a query about {self.context}", "ask for their own fields", start)
        return self.closed(made(self.inner(inner, start)))

    def count(self, start: int) -> Node:
        """``count(query)>=2``, or ``count(query, >=2, <5)``."""
        if self.context != "items":
            raise self.scanner.error("only annotations of items are counted", "leave count out", start)
        part = self.inner("annotations", start)
        bounds = self.bounds()
        self.scanner.expect(")", "at the end of count")
        if not bounds:
            bounds = [self.bound()]
        if any(number != int(number) for _, number in bounds):
            raise self.scanner.error("a count is a whole number", "as in count(label:cat)>=2", start)
        if any(number < 0 for _, number in bounds):
            raise self.scanner.error("a count is never less than 0", "as in count(label:cat)>=2", start)
        return Has(part, tuple((operator, int(number)) for operator, number in bounds))

    def any(self, start: int) -> Node:
        """``any(metadata.refs, id:T status:done)``: one element of an array."""
        name, _ = self.scanner.name()
        self.scanner.skip()
        place = f"at character {start + 1}"
        if self.context == "element":
            field = Field("element", "", "json", () if name == ITSELF else tuple(name.split(".")))
        else:
            try:
                field = resolve("items" if self.context == "items" else "annotations", name, place)
            except Reached:
                raise QueryError(f"{place}: '{name}' is of another document", hint="annotation(any(...))") from None
        if field.kind != "json":
            raise QueryError(f"{place}: '{name}' is no list", hint="lists are in metadata and attributes")
        self.scanner.expect(",", "between the field and what its elements are")
        return self.closed(Element(field, self.inner("element", start)))

    def shape(self, name: str, start: int) -> Node:
        """A condition on the box."""
        scanner = self.scanner
        numbers: list[float] = []
        while name != "area" and len(numbers) < 4:
            word = scanner.value()
            scanner.skip()
            numbers.append(self.number(word))
            if not scanner.take(","):
                break
        bounds = self.bounds(is_behind_comma=name == "area" or len(numbers) == 4)
        scanner.expect(")", f"at the end of {name}")
        if name in ("area", "iou") and not bounds:
            bounds = [self.bound()]
        place = f"at character {start + 1}"
        operand: Any = {f"${operator}": number for operator, number in bounds}
        if name in ("inside", "overlaps"):
            operand = numbers
        elif name == "iou":
            operand["box"] = numbers
        return shapes.read(f"${name}", operand, place)

    def bounds(self, *, is_behind_comma: bool = False) -> list[tuple[Any, float]]:
        """Comparisons behind commas."""
        bounds = []
        while is_behind_comma or self.scanner.take(","):
            if self.scanner.looks_at(")"):
                break
            bounds.append(self.bound())
            is_behind_comma = False
        return bounds

    def bound(self) -> tuple[Any, float]:
        """An operator and a number."""
        operator = self.scanner.operator()
        if operator not in _BOUNDS:
            raise self.scanner.error("a comparison is missing", "as in >=2")
        found = _BOUNDS[operator], self.number(self.scanner.value())
        self.scanner.skip()
        return found

    def number(self, word: Word) -> float:
        if word.is_quoted or not _NUMBER.fullmatch(word.text):
            raise self.scanner.error(f"'{word.text}' is no number", "as in 0.5")
        return float(_number(word.text))


def _exclude(one: Node, other: Node) -> bool:
    """Whether two tests can never both hold of one annotation."""
    if not isinstance(one, Compare) or not isinstance(other, Compare) or one.field.kind in ("json", "time"):
        return False
    return one.field == other.field and one.operator == other.operator == "eq" and one.value != other.value


def _number(text: str) -> Any:
    return int(text) if re.fullmatch(r"-?\d{1,19}", text) else float(text)
