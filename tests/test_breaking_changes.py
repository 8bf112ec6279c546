"""
What a release may not take away from apps that people have on their phones.
"""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.breaking_changes import breaking_changes
from tests.servers import ROOT

Json = dict[str, Any]
Change = Callable[[Json], object]

RELEASED = ROOT / "openapi" / "released.json"
PRESENT = ROOT / "openapi" / "carvalue.json"
CONFIRM = "/v1/appraisals/{appraisal_id}/car"
ENUM_VALUE = "a value from the future"


def schema(description: Json, name: str) -> Json:
    found: Json = description["components"]["schemas"][name]
    return found


def field(description: Json, name: str, key: str) -> Json:
    found: Json = schema(description, name)["properties"][key]
    return found


def operation(description: Json, path: str, method: str) -> Json:
    found: Json = description["paths"][path][method]
    return found


BREAKING: dict[str, tuple[Change, str]] = {
    "a path": (lambda d: d["paths"].pop(CONFIRM), f"PUT {CONFIRM} is gone"),
    "an operation": (
        lambda d: d["paths"]["/v1/appraisals"].pop("get"),
        "GET /v1/appraisals is gone",
    ),
    "the name of an operation": (
        lambda d: operation(d, CONFIRM, "put").update(operationId="choose_car"),
        "another operationId than confirm_car",
    ),
    "a parameter": (
        lambda d: operation(d, "/v1/appraisals", "get")["parameters"].pop(0),
        "GET /v1/appraisals: parameter status is gone",
    ),
    "a parameter to be left out": (
        lambda d: operation(d, "/v1/appraisals", "get")["parameters"][1].update(required=True),
        "parameter limit is required now",
    ),
    "a longer list": (
        lambda d: operation(d, "/v1/appraisals", "get")["parameters"][1]["schema"].update(
            maximum=10
        ),
        "parameter limit: maximum is 10 now",
    ),
    "a kind of body": (
        lambda d: operation(d, CONFIRM, "put")["requestBody"]["content"].pop("application/json"),
        "no application/json is taken any more",
    ),
    "a status": (
        lambda d: operation(d, CONFIRM, "put")["responses"].pop("202"),
        "the answer 202 is gone",
    ),
    "a kind of answer": (
        lambda d: operation(d, CONFIRM, "put")["responses"]["404"]["content"].clear(),
        "404 is no application/problem+json any more",
    ),
    "a field of a request": (
        lambda d: schema(d, "CarConfirm")["properties"].pop("trim_id"),
        "trim_id is not taken any more",
    ),
    "a field to be left out": (
        lambda d: schema(d, "CarConfirm")["required"].append("mileage"),
        "mileage is required now",
    ),
    "null in a request": (
        lambda d: field(d, "CarConfirm", "mileage").update(type="integer"),
        "mileage: null is not taken any more",
    ),
    "a value of a request": (
        lambda d: schema(d, "Condition")["enum"].remove("poor"),
        "condition: poor is not taken any more",
    ),
    "large numbers": (
        lambda d: field(d, "CarConfirm", "mileage").update(maximum=1000),
        "mileage: maximum is 1000 now",
    ),
    "small numbers": (
        lambda d: field(d, "CarConfirm", "year").update(minimum=1990),
        "year: minimum is 1990 now",
    ),
    "free text": (
        lambda d: field(d, "CarConfirm", "make_id").update(pattern="^toyota$"),
        "make_id: pattern is ^toyota$ now",
    ),
    "a field of an answer": (
        lambda d: schema(d, "Price")["properties"].pop("median"),
        "median is gone",
    ),
    "a field that is always there": (
        lambda d: schema(d, "Appraisal")["required"].remove("candidates"),
        "candidates may be left out now",
    ),
    "a number in an answer": (
        lambda d: field(d, "Price", "median").update(type=["integer", "null"]),
        "median: may be null now",
    ),
    "a date in an answer": (
        lambda d: field(d, "Appraisal", "created_at").pop("format"),
        "created_at: format is None now",
    ),
    "a field of an event": (
        lambda d: schema(d, "WebhookEventData")["properties"].pop("client_reference"),
        "client_reference is gone",
    ),
}

HARMLESS: dict[str, Change] = {
    "nothing": lambda d: None,
    "a new operation": lambda d: d["paths"].update(
        {"/v1/wheels": {"get": operation(d, "/v1/appraisals", "get")}}
    ),
    "a new optional field": lambda d: schema(d, "CarConfirm")["properties"].update(
        color={"type": "string"}
    ),
    "a new field of an answer": lambda d: (
        schema(d, "Price")["properties"].update(color={"type": "string"}),
        schema(d, "Price")["required"].append("color"),
    ),
    "a new status": lambda d: schema(d, "AppraisalStatus")["enum"].append(ENUM_VALUE),
    "a new value of a request": lambda d: schema(d, "Condition")["enum"].append(ENUM_VALUE),
    "a wider number": lambda d: field(d, "CarConfirm", "mileage").update(maximum=10**9),
    "broken numbers": lambda d: field(d, "CarConfirm", "mileage").update(type=["number", "null"]),
    "another text": lambda d: schema(d, "Price").update(description="It costs something."),
}


@pytest.fixture
def released() -> Json:
    read: Json = json.loads(RELEASED.read_text("utf-8"))
    return read


def test_nothing_is_taken_away() -> None:
    """
    Apps that were built for the last release go on working with what is here now.
    """
    run = compare(RELEASED, PRESENT)

    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("lost", BREAKING)
def test_what_breaks_apps(lost: str, released: Json) -> None:
    change, expected = BREAKING[lost]
    present = copy.deepcopy(released)
    change(present)

    found = list(breaking_changes(released, present))

    assert any(expected in line for line in found), found


@pytest.mark.parametrize("added", HARMLESS)
def test_what_breaks_none(added: str, released: Json) -> None:
    """
    The API can grow without an app noticing.
    """
    present = copy.deepcopy(released)
    HARMLESS[added](present)

    assert list(breaking_changes(released, present)) == []


def test_a_check_that_fails(tmp_path: Path, released: Json) -> None:
    """
    `make check` ends with an error, and says what is missing.
    """
    del released["paths"][CONFIRM]
    (tmp_path / "present.json").write_text(json.dumps(released))

    run = compare(RELEASED, tmp_path / "present.json")

    assert run.returncode == 1
    assert f"PUT {CONFIRM} is gone" in run.stdout
    assert "breaking_changes.py openapi/released.json" in (ROOT / "Makefile").read_text()


def compare(old: Path, new: Path) -> subprocess.CompletedProcess[str]:
    script = ROOT / "scripts" / "breaking_changes.py"
    return subprocess.run(
        [sys.executable, str(script), str(old), str(new)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
