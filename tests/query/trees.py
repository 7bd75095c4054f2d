"""Random filters of the JSON language, for what does not depend on data."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

TEXTS = st.one_of(
    st.sampled_from(
        [
            "cat",
            "a b",
            "",
            "*",
            "a*",
            "\\*",
            "null",
            "true",
            "5",
            "OR",
            'say "x"',
            "a..b",
            "-x",
            "é/ü",
            "a,b",
            "(x)",
            "@",
            "\\",
        ]
    ),
    st.text(max_size=6).filter(lambda text: text.isprintable()),
)
NUMBERS = st.one_of(st.integers(-5, 5), st.integers(-(2**62), 2**62), st.floats(allow_nan=False, allow_infinity=False))
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(TEXTS.filter(lambda t: not t.startswith("$")), inner, min_size=1, max_size=2),
    ),
    max_leaves=4,
)
PATHS = st.sampled_from(["a", "a.b", "foo", "list.0.k", "odd name", "x:y", "user", "null"])
GLOBS = st.sampled_from(["*", "\\*", "a\\**", "\\", "a*", "*a", "a?b", "[ab]*", "[!a-c]x", "[*]", "[[]", "plain"])
MOMENTS = st.sampled_from(["2026-01-01", "2026-05-01T12:00:00Z", "2026-05-01T12:00:00.25+02:00"])
IDS = st.integers(0, 2**64).map(lambda number: f"{number:024x}")


def _ordered(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        values.map(lambda value: {"$eq": value}),
        values.map(lambda value: {"$ne": value}),
        st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), values).map(lambda pair: {pair[0]: pair[1]}),
        st.lists(values, max_size=3).map(lambda each: {"$in": each}),
        st.lists(values, max_size=3).map(lambda each: {"$nin": each}),
        st.booleans().map(lambda flag: {"$exists": flag}),
    )


JSON_TESTS = st.one_of(
    VALUES.filter(lambda value: not isinstance(value, dict)),
    _ordered(st.one_of(TEXTS, NUMBERS)),
    VALUES.map(lambda value: {"$eq": value}),
    GLOBS.map(lambda glob: {"$glob": glob}),
)


def _elements(tests: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    itself = st.fixed_dictionaries(
        {}, optional={"$gt": NUMBERS, "$lte": NUMBERS, "$ne": SCALARS, "$in": st.lists(SCALARS, max_size=2)}
    )
    fields = st.dictionaries(st.sampled_from(["id", "meta.status", "@"]), tests, min_size=1, max_size=2)
    return st.one_of(itself.filter(bool), fields).map(lambda pattern: {"$match": pattern})


def annotation_filters() -> st.SearchStrategy[dict[str, Any]]:
    """Filters about annotations."""
    fields = st.one_of(
        st.tuples(st.sampled_from(["label", "type", "source"]), st.one_of(TEXTS, _ordered(TEXTS))),
        st.tuples(st.sampled_from(["score", "x", "firstFrame"]), st.one_of(NUMBERS, _ordered(NUMBERS))),
        st.tuples(PATHS.map(lambda path: f"attributes.{path}"), st.one_of(JSON_TESTS, _elements(JSON_TESTS))),
        st.tuples(st.just("createdAt"), _ordered(MOMENTS)),
        st.tuples(
            st.just("bbox"),
            st.one_of(
                st.fixed_dictionaries(
                    {"$area": st.fixed_dictionaries({"$gt": st.integers(0, 9)}, optional={"$lte": st.floats(0, 9)})}
                ),
                st.just({"$inside": [0, 0, 5.5, 5]}),
                st.just({"$iou": {"box": [0, 0, 5, 5], "$gte": 0.5}}),
                st.just({"$overlaps": [0, 0, 5, 5]}),
            ),
        ),
        st.tuples(st.just("$changedSince"), st.sampled_from(["v1", "main~2", "2026-01-01", "odd name"])),
        st.tuples(st.just("$changedBy"), st.sampled_from(["Ann", "Ann*", "a\\*b"])),
    )
    return _combined(fields.map(lambda pair: {pair[0]: pair[1]}))


def item_filters() -> st.SearchStrategy[dict[str, Any]]:
    """Filters about items."""
    fields = st.one_of(
        st.tuples(st.sampled_from(["path", "name", "dir", "filename", "creator"]), st.one_of(TEXTS, _ordered(TEXTS))),
        st.tuples(st.sampled_from(["size", "width", "fps", "annotationsCount"]), st.one_of(NUMBERS, _ordered(NUMBERS))),
        st.tuples(st.sampled_from(["hidden", "annotated"]), st.one_of(st.booleans(), _ordered(st.booleans()))),
        st.tuples(st.just("id"), st.one_of(IDS, _ordered(IDS))),
        st.tuples(st.just("createdAt"), _ordered(MOMENTS)),
        st.tuples(PATHS.map(lambda path: f"metadata.{path}"), st.one_of(JSON_TESTS, _elements(JSON_TESTS))),
        st.tuples(st.sampled_from(["label", "annotations.type"]), st.one_of(TEXTS, _ordered(TEXTS))),
        st.tuples(
            st.just("annotations"),
            st.fixed_dictionaries(
                {"$match": annotation_filters()},
                optional={
                    "$count": st.fixed_dictionaries({"$gte": st.integers(0, 3)}, optional={"$lt": st.integers(0, 5)})
                },
            ),
        ),
        st.tuples(st.just("$changedSince"), st.sampled_from(["v1", "main~2"])),
    )
    return _combined(fields.map(lambda pair: {pair[0]: pair[1]}))


def _combined(one: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.recursive(
        one,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda parts: {"$and": parts}),
            st.lists(inner, max_size=3).map(lambda parts: {"$or": parts}),
            inner.map(lambda part: {"$not": part}),
        ),
        max_leaves=5,
    )
