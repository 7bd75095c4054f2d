"""Random nested data and random queries about it, valid by construction. Alphabets are small, so that things match."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

Document = dict[str, Any]
Drawn = st.SearchStrategy[Any]

# -- data --------------------------------------------------------------------------------------------------------------
NAMES = ["a", "b", "c", "0", "1"]
LABELS = ["cat", "dog", "catfish", "Cat", "ox*"]
NUMBERS: list[float] = [0, 1, 1, 2, -1, 0.5, 1.0, 2.5, 2**53 + 1, float(2**53), 1e300]
TEXTS = ["a", "a", "b", "ab", "B", "", "é", "😀", "\uffff", "*", "a*b", "a\nb", "1", "true", "?", "[a]", "a.b", "a\\b"]
TEXTS += ["it's", '"', "%", "_", "null", "$a", "2024-03-01"]
CONSTANTS = [None, None, True, False]

numbers = st.sampled_from(NUMBERS)
texts = st.sampled_from(TEXTS)
scalars: Drawn = st.one_of(st.sampled_from(CONSTANTS), numbers, texts)
names = st.sampled_from(NAMES)


def _nested(inner: Drawn) -> Drawn:
    return st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)


values: Drawn = st.recursive(scalars, _nested, max_leaves=6)
objects = st.lists(st.dictionaries(names, values, max_size=3) | scalars, max_size=3)
"""Arrays that mix objects with scalars: where MongoDB's rules are least obvious."""
metadata = st.dictionaries(st.sampled_from(["a", "b", "c", "split"]), values | objects, max_size=4)

_pixels = st.sampled_from([0.0, 1.0, 2.0, 4.0, 5.5, 8.0])
_sides = st.sampled_from([0.0, 1.0, 2.0, 4.0, 8.0])
boxes = st.tuples(_pixels, _pixels, _sides, _sides)


@st.composite
def labels(draw: st.DrawFn) -> Document:
    """The fields of an annotation: a whole picture's class, a point, or a box."""
    kind = draw(st.sampled_from(["box", "box", "box", "point", "class"]))
    found: Document = {"type": kind, "label": draw(st.sampled_from([*LABELS, "cat", None]))}
    if kind != "class":
        found["box"] = draw(boxes)
    found["attributes"] = draw(st.dictionaries(names, values, max_size=2))
    found["score"] = draw(st.sampled_from([None, None, 0.0, 0.25, 0.5, 0.75, 1.0]))
    found["source"] = draw(st.sampled_from(["human", "model", "import"]))
    found["model"] = draw(st.sampled_from([None, "m1", "m2"]))
    found["description"] = draw(st.sampled_from([None, *TEXTS]))
    if kind == "box" and draw(st.booleans()):
        found["track"] = draw(st.sampled_from(["t1", "t2"]))
        found["frames"] = draw(st.sampled_from([(0, 5), (3, 3), (5, 9)]))
    found["foreign"] = draw(st.just({}) | st.dictionaries(st.sampled_from(["coco", "cvat"]), values, max_size=1))
    return found


items = st.tuples(metadata, st.lists(labels(), max_size=4))
"""The metadata and the annotations of an item."""

# -- operands ----------------------------------------------------------------------------------------------------------
_PIECES = ["*", "*", "?", "a", "b", "é", "[ab]", "[!a]", "[a-z]", "[!a-b]", "[*]", "[]a]", "[a-]", "cat", "1", "."]
_PIECES += ["\\*", "\\"]
globs = st.lists(st.sampled_from(_PIECES), max_size=4).map("".join)
patterns = st.lists(st.sampled_from(["*", "*", "a", "b", "\\*", "?", "[a]", "cat", "1", "\n"]), max_size=4).map("".join)
bounds: Drawn = numbers | texts | st.booleans()
_ORDERS = ["$gt", "$gte", "$lt", "$lte"]
_counts = st.integers(0, 3)
counts: Drawn = _counts | st.dictionaries(st.sampled_from([*_ORDERS, "$eq"]), _counts, min_size=1, max_size=2)
_areas = st.sampled_from([0, 1, 4, 8, 16.0, 32, 0.5])
areas = st.dictionaries(st.sampled_from([*_ORDERS, "$eq"]), _areas, min_size=1, max_size=2)
_shares = st.dictionaries(st.sampled_from(_ORDERS), st.sampled_from([0, 0.25, 0.5, 1]), min_size=1, max_size=2)


def _named(name: str, drawn: Drawn) -> Drawn:
    return drawn.map(lambda value: {name: value})


def operators(plain: Drawn, ordered: Drawn, *more: tuple[str, Drawn]) -> Drawn:
    """An operand: a bare value, or an object of operators. ``plain`` draws values, ``ordered`` bounds."""
    single = {
        **dict.fromkeys(("$eq", "$ne"), plain),
        **dict.fromkeys(_ORDERS, ordered),
        **dict.fromkeys(("$in", "$nin"), st.lists(plain, max_size=3)),
        "$exists": st.booleans(),
        **dict(more),
    }
    one: Drawn = st.one_of([_named(name, drawn) for name, drawn in single.items()])
    several = st.tuples(one, one).map(lambda pair: {**pair[0], **pair[1]})
    objects = st.one_of(one, several)
    return plain | objects | objects.map(lambda operand: {"$not": operand})


def _elements(inner: Drawn) -> Drawn:
    """What ``$match`` may say of the elements of an array: of their fields, or of themselves."""
    fields = st.dictionaries(json_paths, inner, min_size=1, max_size=2)
    joined = st.lists(fields, min_size=1, max_size=2).map(lambda parts: {"$or": parts}) | fields.map(
        lambda part: {"$not": part}
    )
    scalar = st.sampled_from(["$gt", "$lt", "$eq", "$ne"]).flatmap(lambda name: bounds.map(lambda each: {name: each}))
    listed = st.sampled_from(["$in", "$nin"]).flatmap(
        lambda name: st.lists(bounds, max_size=2).map(lambda each: {name: each})
    )
    return fields | joined | scalar | listed


json_paths = st.lists(st.sampled_from([*NAMES, *NAMES, "01"]), min_size=1, max_size=3).map(".".join)
_json_tests = ("$match", patterns | _elements(st.deferred(lambda: json_operands)))
json_operands: Drawn = st.deferred(lambda: operators(values | patterns, bounds, ("$glob", globs), _json_tests))
_box_operands: Drawn = st.one_of(
    areas.map(lambda bound: {"$area": bound}),
    boxes.map(lambda box: {"$inside": list(box)}),
    boxes.map(lambda box: {"$overlaps": list(box)}),
    st.tuples(boxes, _shares).map(lambda pair: {"$iou": {"box": list(pair[0]), **pair[1]}}),
    st.booleans().map(lambda value: {"$exists": value}),
)
box_operands = _box_operands | _box_operands.map(lambda operand: {"$not": operand})

# -- filters -----------------------------------------------------------------------------------------------------------
Known = Mapping[str, Sequence[Any]]
"""Values that occur in the data, by the name of a field: what a filter asks for should be there often."""

ITEM_TEXTS = ["path", "filename", "dir", "name", "type", "creator", "updatedBy", "mimetype", "sha256", "broken"]
ITEM_TEXTS += ["sourceId", "content_id"]
ITEM_NUMBERS = ["annotationsCount", "size", "width", "height", "channels", "bitDepth", "orientation", "fps"]
ITEM_NUMBERS += ["metadata.system.width", "metadata.system.size", "frame_index", "frameIndex", "frameTime", "frames"]
ITEM_FLAGS = ["hidden", "annotated", "executable"]
TIMES = ["createdAt", "updatedAt", "created"]
ANNOTATION_TEXTS = ["type", "label", "label", "source", "model", "track", "description", "creator", "updatedBy"]
ANNOTATION_NUMBERS = ["score", "x", "y", "w", "h", "firstFrame", "last_frame"]


class Filters:
    """Filters about the items and the annotations of some data."""

    def __init__(self, known: Known, revisions: Sequence[str] = ()) -> None:
        self.known = known
        self.revisions = list(revisions)
        self.annotations: Drawn = st.deferred(lambda: self._filters(self._annotation_members(), self.annotations))
        self.items: Drawn = st.deferred(lambda: self._filters(self._item_members(), self.items))

    def without_history(self) -> Filters:
        """The same filters, but without those that ask for changes since a revision."""
        return Filters(self.known)

    def _filters(self, members: Drawn, again: Drawn) -> Drawn:
        joined = st.sampled_from(["$and", "$or"]).flatmap(
            lambda name: st.lists(again, min_size=1, max_size=3).map(lambda parts: {name: parts})
        )
        both = st.tuples(members, members).map(lambda pair: {**pair[0], **pair[1]})
        beside = st.tuples(members, joined).map(lambda pair: {**pair[1], **pair[0]})
        return st.one_of(members, members, members, both, joined, beside, again.map(lambda part: {"$not": part}))

    def _item_members(self) -> Drawn:
        return st.one_of(
            self._columns("", ITEM_TEXTS, ITEM_NUMBERS, ITEM_FLAGS, ["id", "sourceItem"], TIMES),
            self._metadata("metadata."),
            self._metadata("metadata."),
            self._metadata("metadata.user."),
            self._metadata("metadata.system.k."),
            json_operands.map(lambda operand: {"metadata.system.k": operand}),
            self._whole("metadata"),
            self._whole("attributes"),
            self._whole("annotations.attributes"),
            json_operands.map(lambda operand: {"split": operand}),
            self._of_annotations("annotations."),
            st.one_of(
                self._texts("annotations.label").map(lambda operand: {"label": operand}),
                self._numbers("annotations.score").map(lambda operand: {"score": operand}),
                st.tuples(json_paths, json_operands).map(lambda pair: {f"attributes.{pair[0]}": pair[1]}),
                box_operands.map(lambda operand: {"bbox": operand}),
            ),
            self._lists(),
            self._history(),
        )

    def _annotation_members(self) -> Drawn:
        return st.one_of(
            self._of_annotations(""),
            self._of_annotations(""),
            self._item_members()
            .filter(_is_field)
            .map(lambda part: {f"item.{name}": each for name, each in part.items()}),
            self._item_members().map(lambda part: {"item": part}),
            self._history(),
        )

    def _of_annotations(self, head: str) -> Drawn:
        return st.one_of(
            self._columns(head, ANNOTATION_TEXTS, ANNOTATION_NUMBERS, [], ["id", "itemId", "run_id"], TIMES),
            st.tuples(json_paths, json_operands).map(lambda pair: {f"{head}attributes.{pair[0]}": pair[1]}),
            self._whole(f"{head}attributes"),
            self._whole(f"{head}metadata"),
            st.tuples(st.sampled_from(["coco", "cvat.a"]), json_operands).map(
                lambda pair: {f"{head}metadata.{pair[0]}": pair[1]}
            ),
            box_operands.map(lambda operand: {f"{head}bbox": operand}),
        )

    def _lists(self) -> Drawn:
        """Of one annotation of an item: that it fulfils all of something, and how many do."""
        match = self.annotations.map(lambda part: {"$match": part})
        number = counts.map(lambda count: {"$count": count})
        both = st.tuples(match, number).map(lambda pair: {**pair[0], **pair[1]})
        exists = st.booleans().map(lambda value: {"$exists": value})
        one = st.one_of(match, number, both, exists)
        operand = st.one_of(
            one,
            one.map(lambda part: {"$not": part}),
            st.tuples(one, one, exists).map(lambda parts: {**parts[0], "$not": parts[1], **parts[2]}),
        )
        return operand.map(lambda part: {"annotations": part})

    def _history(self) -> Drawn:
        authors = [*self.known.get("creator", []), "Ada*", "*@example.org*", "nobody"]
        by = st.sampled_from(authors).map(lambda author: {"$changedBy": author})
        if not self.revisions:
            return by
        return by | st.sampled_from(self.revisions).map(lambda revision: {"$changedSince": revision})

    def _metadata(self, head: str) -> Drawn:
        return st.tuples(json_paths, json_operands).map(lambda pair: {f"{head}{pair[0]}": pair[1]})

    def _whole(self, name: str) -> Drawn:
        """Of a whole column of JSON: equal to what is there, or to the same with other names or another order."""
        known = st.sampled_from(self.known.get(name, ["{}"])).map(json.loads)
        turned = known.map(lambda value: dict(reversed(value.items())))
        less = known.map(lambda value: dict(list(value.items())[1:]))
        whole = known | turned | less | values
        operand = operators(whole, bounds, ("$glob", globs), ("$match", patterns | _elements(json_operands)))
        return operand.map(lambda drawn: {name: drawn})

    def _columns(
        self, head: str, of_text: list[str], of_number: list[str], flags: list[str], ids: list[str], times: list[str]
    ) -> Drawn:
        def field(fields: list[str], operand: Any) -> Drawn:
            return st.sampled_from(fields).flatmap(
                lambda name: operand(head + name).map(lambda drawn: {head + name: drawn})
            )

        kinds = [field(of_text, self._texts), field(of_number, self._numbers)]
        kinds += [field(ids, self._ids), field(times, self._times)]
        return st.one_of(kinds + ([field(flags, lambda _: _flags)] if flags else []))

    def _drawn(self, name: str, others: Sequence[Any]) -> Drawn:
        return st.sampled_from([*self.known.get(name, []), *others])

    def _texts(self, name: str) -> Drawn:
        drawn = self._drawn(name, [None, "", "cat"])
        cut = drawn.map(lambda value: value if value is None else value[: len(value) // 2] + "*")
        return operators(drawn | cut | patterns, self._drawn(name, ["", "b"]), ("$glob", globs), ("$match", patterns))

    def _numbers(self, name: str) -> Drawn:
        return operators(self._drawn(name, [None, 0, 1, 2.5]), self._drawn(name, [0, 1, 2.5, -1]))

    def _ids(self, name: str) -> Drawn:
        drawn = self._drawn(name, [None, "f" * 24])
        upper = drawn.map(lambda value: value and value.upper())
        return operators(drawn | upper, self._drawn(name, ["0" * 24]))

    def _times(self, name: str) -> Drawn:
        others = ["2024-03-01", "2024-03-01T12:00:00+02:00", "2024-03-02T00:00:00", "2024-03-02T00:00:00.5Z"]
        return operators(self._drawn(name, [None, *others]), self._drawn(name, others))


_flags = operators(st.booleans() | st.none(), st.booleans())
"""Of a column of booleans."""


def _is_field(part: Document) -> bool:
    return not any(name.startswith("$") for name in part)


# -- envelopes ---------------------------------------------------------------------------------------------------------
ITEM_ORDERS = ["id", "path", "size", "width", "createdAt", "updatedAt", "annotationsCount", "mimetype", "hidden"]
ITEM_ORDERS += ["metadata.a", "metadata.b", "metadata.user.c", "metadata.a.b", "metadata.a.0", "split", "executable"]
ANNOTATION_ORDERS = ["id", "itemId", "label", "score", "createdAt", "x", "attributes.a", "attributes.a.b", "type"]
_DIRECTIONS = ["ascending", "descending", 1, -1]


def orders(resource: str) -> Drawn:
    """An order: an object or a list of objects."""
    fields = st.sampled_from(ITEM_ORDERS if resource == "items" else ANNOTATION_ORDERS)
    order = st.dictionaries(fields, st.sampled_from(_DIRECTIONS), min_size=1, max_size=3)
    return order | st.lists(order, min_size=1, max_size=2)


@st.composite
def envelopes(draw: st.DrawFn, filters: Filters, depth: int = 0) -> Document:
    """A query as Dataloop's client sends it."""
    resource = draw(st.sampled_from(["items", "annotations"]))
    return draw(_envelope(filters, resource, depth))


@st.composite
def _envelope(draw: st.DrawFn, filters: Filters, resource: str, depth: int) -> Document:
    own, joined = filters.items, filters.annotations
    other, local, foreign = "annotations", "itemId", "id"
    if resource == "annotations":
        own, joined = joined, own
        other, local, foreign = "items", "id", "itemId"
    query: Document = {"resource": resource, "filter": draw(own | st.just({}))}
    if draw(st.booleans()):
        parts = draw(st.lists(joined, min_size=1, max_size=2))
        on = {"resource": other, "local": local, "forigen": foreign}
        query["join"] = {"on": on, "filter": {draw(st.sampled_from(["$and", "$or"])): parts}}
    if depth < 1:
        for name in draw(st.lists(st.sampled_from(["intersect", "except"]), max_size=1)):
            query[name] = {"query": draw(_envelope(filters, resource, depth + 1))}
        if draw(st.booleans()):
            query["sort"] = draw(orders(resource))
        if draw(st.booleans()):
            query |= {"page": draw(st.integers(0, 2)), "pageSize": draw(st.sampled_from([1, 3, 7, 1000]))}
    return query
