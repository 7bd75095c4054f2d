"""The stub of the binding names what the binding has: every function, method, attribute and parameter."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from oxide import _core

Parameters = tuple[list[str], list[str]]
TYPING_ONLY = {"ArrowArrayExportable", "ArrowStreamExportable", "Progress", "Record", "Table", "FileRoots"}
CONSTRUCTION = {"__init__", "__exit__"}
"""The binding's text signature of these says less than the stub."""


def stated(function: ast.FunctionDef) -> Parameters:
    """(positional, keyword-only) parameters in the stub."""
    arguments = function.args
    positional = [argument.arg for argument in arguments.posonlyargs + arguments.args if argument.arg != "self"]
    return positional, [argument.arg for argument in arguments.kwonlyargs]


def real(function: object) -> Parameters:
    """(positional, keyword-only) parameters in the binding."""
    assert callable(function)
    parameters = [one for one in inspect.signature(function).parameters.values() if one.name != "self"]
    keyword_only = [one.name for one in parameters if one.kind is one.KEYWORD_ONLY]
    return [one.name for one in parameters if one.name not in keyword_only], keyword_only


def differences(where: str, body: list[ast.stmt], holder: object) -> Iterator[str]:
    """What the stub's body and the binding's module or class do not share."""
    names: set[str] = set()
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            names.add(statement.name)
            if not hasattr(holder, statement.name):
                yield f"{where}.{statement.name} is not in the binding"
            elif statement.name not in CONSTRUCTION and stated(statement) != real(getattr(holder, statement.name)):
                yield f"{where}.{statement.name}: {stated(statement)} is {real(getattr(holder, statement.name))}"
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            names.add(statement.target.id)
            if not hasattr(holder, statement.target.id):
                yield f"{where}.{statement.target.id} is not in the binding"
        elif isinstance(statement, ast.ClassDef) and statement.name not in TYPING_ONLY:
            names.add(statement.name)
            yield from differences(statement.name, statement.body, getattr(holder, statement.name))
    unknown = {name for name in dir(holder) if not name.startswith("_")} - names
    yield from (f"{where}.{name} is not in the stub" for name in sorted(unknown))


def test_stub_and_binding_agree(root: Path) -> None:
    stub = ast.parse((root / "engine" / "oxide" / "_core.pyi").read_text(encoding="utf-8"))
    assert list(differences("_core", stub.body, _core)) == []
