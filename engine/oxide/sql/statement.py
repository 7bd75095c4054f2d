"""What a query may say: one SELECT over the repository's tables. Everything is decided on DuckDB's own parsed tree.

The tree is checked, references to versions (``files AT (VERSION => 'v1')``) and to our table functions (``diff``,
``history``) become plain names of views, and the text made from that tree is checked once more. What runs is that text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from oxide.errors import QueryError
from oxide.sql.connection import Sandbox

Tree = dict[str, Any]

_QUERY_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_SOURCES = {
    "BASE_TABLE",
    "SUBQUERY",
    "JOIN",
    "TABLE_FUNCTION",
    "EXPRESSION_LIST",
    "EMPTY",
    "EMPTY_FROM",
    "PIVOT",
    "SHOW_REF",
}
_TABLE_FUNCTIONS = {"range", "generate_series", "unnest", "json_each", "json_tree", "repeat_row"}
_VERSIONED_FUNCTIONS = {"diff": (1, 3), "history": (1, 1), "annotation_history": (1, 1)}
"""Our table functions and how many arguments they take, all texts."""
_USAGE = {
    "diff": "diff('a'), diff('a', 'b') or diff('a', 'b', 'table')",
    "history": "history('path')",
    "annotation_history": "annotation_history('id')",
}

_HARMLESS_THOUGH_VOLATILE = {
    "now", "today", "current_date", "get_current_time", "get_current_timestamp", "transaction_timestamp",
    "random", "uuid", "uuidv4", "uuidv7", "gen_random_uuid", "error",
}  # fmt: skip
_REFUSED_FUNCTIONS = {
    # tell about the machine, the process or the sandbox
    "getenv", "current_setting", "current_query", "getvariable", "version", "parse_duckdb_log_message",
    # parse, bind or run other SQL
    "json_serialize_sql", "json_deserialize_sql", "json_serialize_plan", "json_execute_serialized_sql",
    "query", "query_table",
    # wait
    "sleep_ms", "pg_sleep",
    # go into JSON as deep as it is nested, and end the process where their stack ends
    "json_contains",
    # trust bytes that a user could make up
    "finalize", "combine", "to_aggregate_state", "variant_bytes_to_variant", "variant_to_parquet_variant",
    # write or count
    "write_log", "nextval", "currval", "setval", "setseed",
}  # fmt: skip
_REFUSED_PREFIXES = (
    "__internal",
    "read_",
    "write_",
    "pg_",
    "duckdb_",
    "pragma_",
    "parquet_",
    "sniff_",
    "has_",
    "inet_",
)
_HARMLESS_THOUGH_PREFIXED = {"pg_typeof", "pg_size_pretty"}
_OF_A_STRUCTURE = {"json_transform", "json_transform_strict", "from_json", "from_json_strict"}
"""Functions that go as deep as the structure in their second argument is nested."""
_REFUSED_TYPES = {"variant"}
"""A cast to one of these goes as deep as its value is nested."""
_DEEPEST_STRUCTURE = 100

_PLAIN_NAME = re.compile(r"[\w \-]+")
_SYSTEM_NAME = re.compile(r"(duckdb|pragma|sqlite|pg)_", re.IGNORECASE)


class Reference(NamedTuple):
    """A relation that a query reads.

    ``function`` is ``table`` or one of our table functions; ``revision`` is ``None`` without AT.
    """

    function: str
    name: str
    arguments: tuple[str, ...] = ()
    revision: str | None = None

    @property
    def title(self) -> str:
        """What the query calls it, as one name."""
        if self.function != "table":
            return f"{self.function}({', '.join(map(repr, self.arguments))})"
        return self.name if self.revision is None else f"{self.name}@{self.revision}"


class Statement(NamedTuple):
    """A checked query.

    ``references``: what it reads, by the name of the view that must stand for it. ``shadowed``: names that WITH
    defines, which need no table of that name.
    """

    text: str
    references: dict[str, Reference]
    shadowed: set[str]


def parse(sandbox: Sandbox, text: str) -> Statement:
    """Check a user's query and resolve what it reads."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise QueryError("the query holds half of a surrogate pair", hint="use whole characters") from None
    types = sandbox.statement_types(text)
    if len(types) != 1:
        raise QueryError(
            f"a query is exactly one statement; this text holds {len(types)}", hint="run them one at a time"
        )
    if types[0] != "SELECT":
        kind = "PIVOT without IN (...)" if types[0] == "MULTI" else types[0]
        hint = (
            "PIVOT ... ON column IN (values) is allowed" if types[0] == "MULTI" else "Oxide's own commands change data"
        )
        raise QueryError(f"a query can only SELECT; {kind} is not allowed", hint=hint)
    try:
        tree = _serialized(sandbox, text)
        defined = _check(sandbox, tree)
        references = _resolve(tree)
        rewritten = str(sandbox.trusted("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)])[0][0])
        again = _serialized(sandbox, rewritten)
        _check(sandbox, again, trusted_views=set(references))
    except RecursionError:
        raise QueryError("the query is nested too deeply", hint="split it with WITH") from None
    return Statement(rewritten, references, defined)


def _serialized(sandbox: Sandbox, text: str) -> Tree:
    answer: Tree = json.loads(str(sandbox.trusted("SELECT json_serialize_sql(?)", [text])[0][0]))
    if answer["error"]:
        raise QueryError(f"a query can only SELECT: {answer['error_message']}")
    if len(answer["statements"]) != 1:
        raise QueryError("a query is exactly one statement")
    return answer


def _nodes(tree: Tree) -> Iterator[Tree]:
    """Every object in the tree, parents first, without recursion: depth is the user's choice."""
    waiting: list[Any] = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _is_source(node: Tree) -> bool:
    return "sample" in node and "alias" in node and "type" in node


def _check(sandbox: Sandbox, tree: Tree, trusted_views: set[str] | None = None) -> set[str]:
    """Refuse all but known kinds of nodes, sources and functions. Returns what WITH defines, in lower case."""
    defined: set[str] = set()
    sources: list[Tree] = []
    for node in _nodes(tree):
        kind = node.get("type")
        if isinstance(kind, str) and kind.endswith("_NODE") and "class" not in node and kind not in _QUERY_NODES:
            raise QueryError("a query can only SELECT; WITH cannot hold INSERT, UPDATE, DELETE, MERGE or COPY")
        if _is_source(node):
            sources.append(node)
        if node.get("class") == "PARAMETER":
            raise QueryError("a query has no parameters", hint="write the value into the query")
        if "function_name" in node:
            _check_function(sandbox, node)
        if node.get("class") == "TYPE" and str(node.get("type_name")).lower() in _REFUSED_TYPES:
            raise QueryError(f"the type {node['type_name']} is not allowed in a query", hint="keep it as JSON")
        for entry in (node.get("cte_map") or {}).get("map") or []:
            defined.add(_defined_name(entry["key"]))
    for source in sources:
        _check_source(source, defined, trusted_views)
    return defined


def _defined_name(name: str) -> str:
    """Names in WITH are plain, so that one can never be taken for a file's or a system table's."""
    if not _PLAIN_NAME.fullmatch(name) or _SYSTEM_NAME.match(name):
        raise QueryError(f"WITH cannot define {name!r}", hint="use letters, digits and underscores")
    return name.lower()


def _check_function(sandbox: Sandbox, node: Tree) -> None:
    name = str(node["function_name"]).lower()
    if name in _OF_A_STRUCTURE:
        _check_structure(name, node.get("arguments") or [])
    if name in _HARMLESS_THOUGH_VOLATILE or name in _HARMLESS_THOUGH_PREFIXED:
        return
    if name in _REFUSED_FUNCTIONS or name.startswith(_REFUSED_PREFIXES) or name in _volatile_functions(sandbox):
        raise QueryError(f"the function {name} is not allowed in a query", hint="see docs/sql.md")


def _check_structure(name: str, arguments: list[Tree]) -> None:
    """Refuse a structure that is not written into the query, and one that is nested deeply."""
    for argument in arguments[1:]:
        structure = _text_constant(argument["expression"], f"the structure of {name}")
        depth = deepest = 0
        for character in structure:
            depth += (character in "[{(") - (character in "]})")
            deepest = max(deepest, depth)
        if deepest + structure.count("[]") > _DEEPEST_STRUCTURE:
            raise QueryError(
                f"the structure of {name} is nested more than {_DEEPEST_STRUCTURE} deep", hint="make it flatter"
            )


_volatile: frozenset[str] | None = None


def _volatile_functions(sandbox: Sandbox) -> frozenset[str]:
    """Functions that depend on more than their arguments, as this DuckDB lists them: so new ones are refused too."""
    global _volatile
    if _volatile is None:
        listed = "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE stability <> 'CONSISTENT'"
        _volatile = frozenset(str(row[0]) for row in sandbox.trusted(listed))
    return _volatile


def _check_source(source: Tree, defined: set[str], trusted_views: set[str] | None) -> None:
    kind = source["type"]
    if kind not in _SOURCES:
        raise QueryError(f"a query cannot read from {kind}")
    if kind == "SHOW_REF" and not source.get("query"):
        raise QueryError("SHOW is not allowed in a query", hint="DESCRIBE files shows a table's columns")
    if kind == "TABLE_FUNCTION":
        function = source["function"]
        name = str(function.get("function_name", "")).lower()
        if len(_path(function)) != 1 or name not in _TABLE_FUNCTIONS | set(_VERSIONED_FUNCTIONS):
            allowed = ", ".join(sorted(_TABLE_FUNCTIONS | set(_VERSIONED_FUNCTIONS)))
            raise QueryError(f"the table function {name} is not allowed in a query", hint=f"allowed are {allowed}")
        if trusted_views is not None and name in _VERSIONED_FUNCTIONS:
            raise QueryError(f"{name} could not be resolved here")
    if kind == "BASE_TABLE":
        path = _path(source)
        if len(path) != 1:
            raise QueryError(f"{'.'.join(path)} is not a table of the repository", hint="table names have one part")
        if trusted_views is not None and path[0] not in trusted_views and path[0].lower() not in defined:
            raise QueryError(f"{path[0]} is not a table of the repository")


def _path(node: Tree) -> list[str]:
    return [str(part) for part in (node.get("qualified_name") or {}).get("path") or []]


def _resolve(tree: Tree) -> dict[str, Reference]:
    """Replace versioned tables and our functions by the names of their views. Returns all relations that are read."""
    views: dict[Reference, str] = {}
    taken: set[str] = set()
    for node in list(_nodes(tree)):
        reference = _reference(node) if _is_source(node) else None
        if reference is None:
            continue
        if reference not in views:
            name = reference.title
            while name.lower() in taken:  # DuckDB's names ignore case, revisions and paths do not
                name += "'"
            taken.add(name.lower())
            views[reference] = name
        _point_at(node, reference, views[reference])
    return {name: reference for reference, name in views.items()}


def _reference(source: Tree) -> Reference | None:
    if source["type"] == "BASE_TABLE":
        name = _path(source)[0].lower()
        clause = source.get("at_clause")
        if clause:
            if str(clause["unit"]).upper() != "VERSION":
                raise QueryError("AT takes a revision: AT (VERSION => 'main~1')")
            return Reference("table", name, revision=_text_constant(clause["expr"], "AT (VERSION => ...)"))
        return Reference("table", name)
    if source["type"] == "TABLE_FUNCTION":
        name = str(source["function"]["function_name"]).lower()
        if name not in _VERSIONED_FUNCTIONS:
            return None
        if str(source.get("with_ordinality", "WITHOUT_ORDINALITY")) != "WITHOUT_ORDINALITY":
            raise QueryError(f"{name} cannot be used WITH ORDINALITY", hint="use row_number() OVER ()")
        fewest, most = _VERSIONED_FUNCTIONS[name]
        arguments = tuple(
            _text_constant(each["expression"], name) for each in source["function"].get("arguments") or []
        )
        if not fewest <= len(arguments) <= most:
            raise QueryError(f"{name} takes other arguments", hint=f"write {_USAGE[name]}")
        return Reference(name, name, arguments)
    return None


def _text_constant(expression: Tree, place: str) -> str:
    literal = expression.get("literal") if expression.get("class") == "CONSTANT" else None
    if not isinstance(literal, dict) or literal.get("kind") != "STRING":
        raise QueryError(f"{place} takes a text in quotes", hint="it is resolved before the query runs")
    return str(literal["text"])


def _point_at(source: Tree, reference: Reference, view: str) -> None:
    """Turn a source, in place, into the plain table that the reference's view is."""
    kept: Tree = {key: source[key] for key in ("sample", "query_location", "query_location_length") if key in source}
    alias = source.get("alias") or (reference.name if view != reference.name else "")
    column_names = source.get("column_name_alias") or []
    source.clear()
    source.update(
        kept,
        type="BASE_TABLE",
        alias=alias,
        schema_name="",
        table_name=view,
        column_name_alias=column_names,
        catalog_name="",
        at_clause=None,
        qualified_name={"path": [view]},
    )
