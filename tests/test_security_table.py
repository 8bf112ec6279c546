"""
The table of threats in docs/security.md: every line names tests, and each of them is there.
"""

import ast
import re
from functools import cache

import pytest

from tests.servers import ROOT

DOCUMENT = (ROOT / "docs" / "security.md").read_text("utf-8")
ROW = re.compile(r"^\| (T\d+) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
ROWS = {
    number: (threat, defence, tests) for number, threat, defence, tests in ROW.findall(DOCUMENT)
}
THREATS = [f"T{number}" for number in range(1, 33)]


@cache
def defined_in(path: str) -> set[str]:
    """The tests that a file defines."""
    tree = ast.parse((ROOT / "tests" / path).read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        one.name
        for one in ast.walk(tree)
        if isinstance(one, functions) and one.name.startswith("test_")
    }


def missing(cell: str) -> list[str]:
    """The tests that a line names and that are not there."""
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", cell)
    assert len(named) == cell.count("`") // 2 > 0, "write `folder/test_file.py::test_name`"
    return [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / "tests" / path).exists() or name not in defined_in(path)
    ]


def test_every_threat_has_a_line() -> None:
    assert list(ROWS) == THREATS


@pytest.mark.parametrize("number", ROWS)
def test_every_line_has_its_tests(number: str) -> None:
    """
    A defence without a test, or with one that has another name by now, is found out.
    """
    threat, defence, tests = ROWS[number]

    assert threat
    assert defence
    assert missing(tests) == []


@pytest.mark.parametrize(
    "cell",
    ["`test_security_table.py::test_that_is_not_there`", "`no/test_file.py::test_anything`"],
)
def test_a_test_that_is_not_there(cell: str) -> None:
    assert len(missing(cell)) == 1
