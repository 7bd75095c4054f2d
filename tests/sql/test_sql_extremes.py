"""Queries that would take all time, all memory or the whole stack: each ends, and the process that asked lives on.

Each group runs in a process of its own, since a stack that is too small takes the process with it. How far a query
comes within its time depends on the machine, so that each may also end because it took too long.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LIMIT = 600
"""Seconds for a group, far beyond what it takes on any machine: only a query that never ends meets it."""
DEEP = 100_000
ARRAYS = "(repeat('[', {0}) || repeat(']', {0}))"
OBJECTS = """(repeat('{{"a":', {0}) || '1' || repeat('}}', {0}))"""

PATTERNS = {
    "SELECT regexp_matches(repeat('a', 100000) || 'b', '(a+)+$')": False,
    "SELECT regexp_matches(repeat('a', 100000) || 'b', '^((a*)*)*$')": False,
    "SELECT regexp_matches('aaa', '(a{1000}){1000}')": "repetition",
    "SELECT regexp_matches('aaa', '((a{100}){100}){100}')": "repetition",
    "SELECT regexp_matches('a', repeat('a*', 1000000))": "too large",
    "SELECT regexp_matches(repeat('é', 50000), '\\p{L}{1000}')": "too large",
    "SELECT regexp_matches('a', repeat('(', 100000) || 'a' || repeat(')', 100000))": True,
    "SELECT len(regexp_extract_all(repeat('a', 1000000), '(a?){1000}'))": "stopped after",
    "SELECT repeat('a', 50000) || 'c' LIKE repeat('%a', 10000) || 'b'": False,
    "SELECT repeat('a', 50000) || 'c' ILIKE repeat('%a', 10000) || 'b'": False,
    "SELECT repeat('a', 50000) LIKE repeat('%_', 1000) || 'b'": False,
    "SELECT repeat('a', 50000) GLOB repeat('*a', 5000) || 'b'": False,
    "SELECT repeat('a', 50000) GLOB repeat('*[a-z]', 25) || '!'": False,
    "SELECT 'a' SIMILAR TO repeat('(a|b)*', 100000)": True,
}
SIZES = {
    "SELECT repeat('x', 1000000000000)": "string",
    "SELECT length(repeat(repeat('x', 100000), 100000))": "string",
    "SELECT len(repeat([1], 1000000000000))": "vector",
    "SELECT len(range(1000000000000))": "larger than",
    "SELECT len(list_resize([1], 1000000000000))": "vector",
    "SELECT count(*) FROM range(1000000000000)": "stopped after",
    "SELECT list(range) FROM range(1000000000000)": "memory",
    "SELECT length(printf('%99999999999999999999d', 1))": "number",
}
NESTED = {
    "SELECT " + "[" * DEEP + "]" * DEEP: "nested",
    "SELECT " + "{'a':" * DEEP + "1" + "}" * DEEP: "nested",
    "SELECT " + "NOT " * DEEP + "true": "nested",
    "SELECT " + "abs(" * 20_000 + "1" + ")" * 20_000: "nested",
    "SELECT * FROM " + "(SELECT * FROM " * 5000 + "range(1)" + ")" * 5000: "nested",
    "SELECT CAST(NULL AS INT" + "[]" * 20_000 + ")": "nested",
    "SELECT '" + "[" * DEEP + "'::INT[]": "INTEGER[]",
}
REFUSED_JSON = {
    "SELECT json_contains({}, '5')": "json_contains is not allowed",
    "SELECT {}::JSON::VARIANT::VARCHAR": "type VARIANT is not allowed",
    'SELECT TRY_CAST({}::JSON AS STRUCT(a "variant"[]))': "type variant is not allowed",
    "SELECT json_structure({})": "depth",
    "SELECT json_transform('[1]', {})": "text in quotes",
    "SELECT from_json_strict('[1]', {})": "text in quotes",
}
TAKEN_JSON = [
    "length(json_extract({}, '$')::VARCHAR) > 1",
    "length(CAST({} AS JSON)::VARCHAR) > 1",
    "length({}::JSON::VARCHAR) > 1",
    "json_valid({})",
    "json_type({}) IS NOT NULL",
    "length(to_json({}::JSON)::VARCHAR) > 1",
    "length(json_merge_patch({}::JSON, {}::JSON)::VARCHAR) > 1",
    "json_extract('1', '$' || repeat('[0]', 100000)) IS NULL",
    "length(json_transform({}, '\"JSON\"')::VARCHAR) > 1",
]


def _of_json() -> dict[str, object]:
    asked: dict[str, object] = {}
    for depth in (DEEP, 10 * DEEP):
        for text in (ARRAYS.format(depth), OBJECTS.format(depth)):
            asked |= {query.format(text): error for query, error in REFUSED_JSON.items()}
            asked |= {f"SELECT {condition.replace('{}', text)}": True for condition in TAKEN_JSON}
    written = "[" * DEEP + "]" * DEEP
    for value in (f"json_extract('{written}', '$')", f"CAST('{written}' AS JSON)", f"'{written}'::JSON"):
        asked[f"SELECT length(({value})::VARCHAR) = {2 * DEEP}"] = True
    asked[f"SELECT json_transform('[1]', '{written}')"] = "nested more than 100 deep"
    asked[f"SELECT json_transform('[1]', '\"INT{'[]' * 200}\"')"] = "nested more than 100 deep"
    asked["""SELECT json_transform('{"a": [1, 2]}', '{"a": ["INT"]}').a[2] = 2"""] = True
    return asked


ASKING = """
import json, sys, tempfile
from pathlib import Path
from oxide.errors import QueryError
from oxide.sql import query
from sql.plain_repository import PlainRepository, file_row
repository = PlainRepository(Path(sys.argv[1]))
repository.add_commit("v1", [file_row("a.png", 1, 10)])
for text in json.load(sys.stdin):
    try:
        answer = query(repository, text, timeout=3, memory_limit="500MB").fetch_rows()[0][0]
    except QueryError as error:
        answer = f"{type(error).__name__}: {error}"
    print(json.dumps(answer), flush=True)
"""


@pytest.mark.parametrize(
    "asked", [PATTERNS, SIZES, NESTED, _of_json()], ids=["patterns", "sizes", "nested texts", "nested JSON"]
)
def test_it_ends_and_the_process_lives(asked: dict[str, object], tmp_path: Path) -> None:
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)])
    ended = subprocess.run(
        [sys.executable, "-c", ASKING, str(tmp_path)],
        input=json.dumps(list(asked)),
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    answers = list(map(json.loads, ended.stdout.splitlines()))
    for (text, expected), answer in zip(asked.items(), answers, strict=False):
        shown = f"{text[:100]}: {str(answer)[:200]}"
        if str(answer).startswith("QueryTimeout: "):
            assert "stopped after" in str(answer), shown
        elif isinstance(expected, str):
            assert str(answer).startswith("QueryError: ") and expected in str(answer), shown
            assert len(str(answer)) < 1000
        else:
            assert answer is expected, shown
    lost = list(asked)[len(answers)][:200] if len(answers) < len(asked) else ""
    assert not lost, f"ended with {ended.returncode} at {lost}\n{ended.stderr[-2000:]}"
