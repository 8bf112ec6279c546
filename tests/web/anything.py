"""
Requests that nobody means well with, and what every answer to one must be.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from carvalue.web.api import create_api
from carvalue.web.problems import TITLE_OF
from tests.web.conftest import problem_of

CANARY = "CaNaRy17"
"""Is in what is sent, and in no answer."""

MANY = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    # The service keeps what other examples have left behind, as it does in life.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def around_canary(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts with the canary somewhere in them."""
    return st.builds(lambda before, after: f"{before}{CANARY}{after}", texts, texts)


@cache
def described() -> dict[str, Any]:
    """The operations of the API by path and method."""
    paths: dict[str, Any] = create_api().openapi()["paths"]
    return paths


def operations() -> Iterator[tuple[str, str]]:
    for path, methods in described().items():
        for method in methods:
            yield path, method


def assert_documented(answer: httpx.Response, path: str, method: str) -> None:
    """
    Fail unless the description of the operation foresees this answer, which is no 5xx, tells a
    problem as every other and repeats nothing of what was sent.
    """
    documented = described()[path][method]["responses"]
    assert str(answer.status_code) in documented, (path, method, answer.status_code)
    assert_answer(answer)


def assert_answer(answer: httpx.Response) -> None:
    """As `assert_documented`, for what is sent to no operation at all."""
    # The loop stands still between examples, which on a busy machine looks like too much to do.
    assert answer.status_code < 500 or answer.json()["code"] == "overloaded", answer.text
    if answer.status_code >= 400:
        code = answer.json()["code"]
        assert code in TITLE_OF
        problem_of(answer, answer.status_code, code)
        assert CANARY not in answer.text
    assert CANARY not in str(answer.headers)
