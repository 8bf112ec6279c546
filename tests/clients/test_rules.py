"""
The description by two linters and our own rules; each rule is broken once to be seen at work.
"""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.tools import CLIENT, FULL, node_tool
from tests.servers import ROOT

pytestmark = pytest.mark.clients

Json = dict[str, Any]

SPECTRAL = ROOT / "openapi" / "spectral.yaml"
REDOCLY = ROOT / "openapi" / "redocly.yaml"
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def refusal(text: str) -> Json:
    return {"description": text, "content": copy.deepcopy(PROBLEM)}


def small() -> Json:
    """A description that keeps all rules."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "wheels", "version": "1", "description": "Wheels."},
        "servers": [{"url": "/"}],
        "tags": [{"name": "wheels", "description": "They turn."}],
        "security": [{"bearer": []}],
        "paths": {
            "/wheels": {
                "post": {
                    "operationId": "create_wheel",
                    "summary": "Make a wheel",
                    "description": "It is round.",
                    "tags": ["wheels"],
                    "parameters": [
                        {
                            "name": "side",
                            "in": "query",
                            "schema": {"$ref": "#/components/schemas/Side"},
                        }
                    ],
                    "requestBody": {
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/Wheel"},
                                "example": {"size": 17, "photo": "(bytes)", "side": None},
                            }
                        }
                    },
                    "responses": {
                        "201": {
                            "description": "It is made.",
                            "content": {
                                "application/json": {
                                    "schema": {"$ref": "#/components/schemas/Wheel"},
                                    "example": {"size": None, "photo": "(bytes)", "side": "front"},
                                }
                            },
                        }
                    }
                    | {one: refusal("No.") for one in ("401", "422", "429", "500", "503")},
                }
            }
        },
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Problem": {"type": "object", "properties": {"code": {"type": "string"}}},
                "Side": {"type": "string", "enum": ["front", "back"]},
                "Wheel": {
                    "type": "object",
                    "properties": {
                        "size": {"type": ["integer", "null"]},
                        "photo": {
                            "type": "string",
                            "contentMediaType": "application/octet-stream",
                            "format": "binary",
                        },
                        "side": {
                            "anyOf": [{"$ref": "#/components/schemas/Side"}, {"type": "null"}]
                        },
                    },
                },
            },
        },
    }


def operation(description: Json) -> Json:
    found: Json = description["paths"]["/wheels"]["post"]
    return found


def fields(description: Json) -> Json:
    found: Json = description["components"]["schemas"]["Wheel"]["properties"]
    return found


def without_a_body(description: Json) -> None:
    del operation(description)["responses"]["500"]["content"]


def as_plain_json(description: Json) -> None:
    content = operation(description)["responses"]["422"]["content"]
    content["application/json"] = content.pop("application/problem+json")


def union(*kinds: Json) -> Json:
    return {"anyOf": list(kinds)}


WHEEL, SIDE = ({"$ref": f"#/components/schemas/{name}"} for name in ("Wheel", "Side"))

BROKEN: dict[str, tuple[Callable[[Json], object], str]] = {
    "camel case": (
        lambda d: operation(d).update(operationId="createWheel"),
        "operation-id-is-snake-case",
    ),
    "FastAPI's own name": (
        lambda d: operation(d).update(operationId="create_wheel_wheels__post"),
        "operation-id-is-snake-case",
    ),
    "an error without a body": (without_a_body, "errors-are-problems"),
    "an error as plain JSON": (as_plain_json, "errors-are-problems"),
    "no 429": (
        lambda d: operation(d)["responses"].pop("429"),
        "operations-say-what-may-happen",
    ),
    "a form without a name": (
        lambda d: d["components"]["schemas"].update({"Body_create_wheel": {"type": "object"}}),
        "no-generated-names",
    ),
    "one of two objects": (
        lambda d: fields(d).update(side=union(WHEEL, SIDE)),
        "no-unions",
    ),
    "one of two objects, or null": (
        lambda d: fields(d).update(side=union(WHEEL, SIDE, {"type": "null"})),
        "no-unions",
    ),
    "one of": (lambda d: fields(d).update(side={"oneOf": [WHEEL, SIDE]}), "no-one-of"),
    "a number or null as a union": (
        lambda d: fields(d).update(size=union({"type": "integer"}, {"type": "null"})),
        "null-is-a-type",
    ),
    "an enum in a field": (
        lambda d: fields(d).update(side={"type": "string", "enum": ["front", "back"]}),
        "enums-have-names",
    ),
    "an enum in a parameter": (
        lambda d: operation(d)["parameters"][0].update(schema={"type": "string", "enum": ["a"]}),
        "enums-have-names",
    ),
    "a title": (lambda d: fields(d)["size"].update(title="Size"), "no-titles"),
    "an answer without an example": (
        lambda d: operation(d)["responses"]["201"]["content"]["application/json"].pop("example"),
        "answers-have-examples",
    ),
    "a request without an example": (
        lambda d: operation(d)["requestBody"]["content"]["application/json"].pop("example"),
        "requests-have-examples",
    ),
    "an upload as text": (lambda d: fields(d)["photo"].pop("format"), "uploads-are-binary"),
    "a wrong example": (
        lambda d: operation(d)["responses"]["201"]["content"]["application/json"].update(
            example={"size": "large"}
        ),
        "oas3-valid-media-example",
    ),
}


def test_the_description_keeps_all_rules() -> None:
    done = node_tool("spectral", "lint", "-F", "warn", "-r", SPECTRAL, FULL, CLIENT)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_description_by_another_linter() -> None:
    done = node_tool("redocly", "lint", "--format=json", "--config", REDOCLY, FULL, CLIENT)

    assert '"errors": 0' in done.stdout
    assert '"warnings": 0' in done.stdout
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The rules that each broken description breaks, by what is wrong with it."""
    folder = tmp_path_factory.mktemp("broken")
    paths = {"nothing": written(small(), folder / "small.json")}
    for number, (wrong, (change, _)) in enumerate(BROKEN.items()):
        description = small()
        change(description)
        paths[wrong] = written(description, folder / f"{number}.json")
    done = node_tool("spectral", "lint", "-f", "json", "-q", "-r", SPECTRAL, *paths.values())
    results = json.loads(done.stdout)
    return {
        wrong: {one["code"] for one in results if Path(one["source"]).name == path.name}
        for wrong, path in paths.items()
    }


def written(description: Json, path: Path) -> Path:
    path.write_text(json.dumps(description))
    return path


def test_a_description_that_keeps_all_rules(found: dict[str, set[str]]) -> None:
    assert found["nothing"] == set()


@pytest.mark.parametrize("wrong", BROKEN)
def test_a_description_that_does_not(wrong: str, found: dict[str, set[str]]) -> None:
    """
    Every trap that a generator falls into is seen before one does.
    """
    assert BROKEN[wrong][1] in found[wrong]


def test_every_rule_of_ours_is_tried() -> None:
    rules = SPECTRAL.read_text("utf-8")
    own = {
        line.strip(" :\n")
        for line in rules.splitlines()
        if line.startswith("  ") and line[2:3] != " "
    }
    own = {one for one in own if f"  {one}:\n    description" in rules}

    assert len(own) >= 10
    assert own <= {rule for _, rule in BROKEN.values()}


def test_another_linter_sees_as_much(tmp_path: Path) -> None:
    """
    The second linter is no formality either.
    """
    description = small()
    del description["security"]
    del description["components"]["securitySchemes"]
    broken = written(description, tmp_path / "broken.json")

    done = node_tool("redocly", "lint", "--format=json", "--config", REDOCLY, broken)

    assert done.returncode != 0
    assert '"security-defined"' in done.stdout
