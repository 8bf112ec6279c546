"""
The examples in the OpenAPI description: there for everything, valid, and as the service answers.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from carvalue.web.api import create_api
from carvalue.web.openapi import client_description, full_description
from carvalue.web.openapi_examples import FOLDER
from scripts.examples.recording import KEY, recorded

Json = Any
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def description() -> dict[str, Json]:
    return full_description(create_api())


def operations(description: dict[str, Json]) -> Iterator[dict[str, Json]]:
    for path in description["paths"].values():
        yield from path.values()


def contents(description: dict[str, Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    """All that is sent and answered: where, and schema with examples."""
    for operation in operations(description):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            yield f"{operation['operationId']} request", content
        for status, response in operation["responses"].items():
            for media_type, content in response.get("content", {}).items():
                if media_type != "image/jpeg":
                    yield f"{operation['operationId']} {status}", content
    for path in description["webhooks"].values():
        for operation in path.values():
            yield operation["operationId"], operation["requestBody"]["content"]["application/json"]


def examples(content: dict[str, Json], description: dict[str, Json]) -> list[Json]:
    if "example" in content:
        return [content["example"]]
    found = []
    for one in content.get("examples", {}).values():
        name = one.get("$ref", "").rpartition("/")[2]
        found.append((description["components"]["examples"][name] if name else one)["value"])
    return found


def test_everything_has_an_example(description: dict[str, Json]) -> None:
    """
    Whoever reads about an operation sees what is sent and what comes back, errors too.
    """
    places = [*contents(description)]

    assert len(places) > 200
    assert [where for where, content in places if not examples(content, description)] == []
    events = dict(places)["receive_webhook_event"]["examples"]
    assert {"appraisal.categorized", "appraisal.confirmed", "appraisal.valued"} <= events.keys()


def test_every_example_is_valid(description: dict[str, Json]) -> None:
    """
    An example that is copied is accepted, and a client reads the answers as they are shown.
    """
    for where, content in contents(description):
        schema = content["schema"] | {"components": description["components"]}
        for example in examples(content, description):
            errors = [*Draft202012Validator(schema).iter_errors(example)]
            assert errors == [], where


def test_problems_are_shown_where_they_happen(description: dict[str, Json]) -> None:
    for operation in operations(description):
        for status, response in operation["responses"].items():
            for example in examples(response.get("content", {}).get(PROBLEM, {}), description):
                assert str(example["status"]) == status, operation["operationId"]


def test_clients_are_shown_what_succeeds() -> None:
    """
    The description for generators leaves the problems out, which repeat on every operation.
    """
    description = client_description(create_api())

    assert "examples" not in description["components"]
    for operation in operations(description):
        for status, response in operation["responses"].items():
            if "application/json" in response.get("content", {}):
                assert response["content"]["application/json"]["example"], status


@pytest.mark.journey
@pytest.mark.anyio
async def test_the_examples_are_what_the_service_answers() -> None:
    """
    A field that is new, gone or of another kind shows here; `python -m scripts.examples` mends it.
    """
    kept = {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}

    now = await recorded()

    assert {name: shape(one) for name, one in now.items()} == {
        name: shape(one) for name, one in kept.items()
    }
    assert KEY not in json.dumps(kept)


def shape(value: Json) -> Json:
    """What is there, without the values."""
    match value:
        case dict():
            return {key: shape(inner) for key, inner in value.items()}
        case list():
            return [shape(inner) for inner in value[:1]]
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case None:
            return "null"
        case _:
            return "text"
