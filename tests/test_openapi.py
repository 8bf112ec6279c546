"""
The OpenAPI description: as committed, and fit to generate clients from.
"""

import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from carvalue.web import appraisals, catalog, conditions, devices, valuations, webhook_endpoints
from carvalue.web.api import create_api
from carvalue.web.openapi import client_description, full_description

OPENAPI = Path(__file__).parent.parent / "openapi"
SCALARS = {"string", "integer", "number", "boolean"}
INPUTS = {
    "AppraisalCreate",
    "PhotoReplace",
    "CategorizationCreate",
    "CarConfirm",
    "ValuationCreate",
    "WebhookEndpointCreate",
    "WebhookEndpointChange",
    "DeviceSessionCreate",
    "DeviceAttestation",
    "Problem",
}


@pytest.fixture(scope="module", params=[full_description, client_description])
def description(request: pytest.FixtureRequest) -> dict[str, Any]:
    described: dict[str, Any] = request.param(create_api())
    return described


def operations(description: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in description["paths"].values() for operation in path.values()]


def schemas(node: Any) -> Iterator[dict[str, Any]]:
    """Every object in the description, however deep, but for examples."""
    if isinstance(node, dict):
        yield node
        for key, child in node.items():
            if key not in ("example", "examples"):
                yield from schemas(child)
    elif isinstance(node, list):
        for child in node:
            yield from schemas(child)


@pytest.mark.parametrize(
    ("file", "describe", "command"),
    [
        ("carvalue.json", full_description, "carvalue openapi > openapi/carvalue.json"),
        (
            "carvalue.client.json",
            client_description,
            "carvalue openapi --client > openapi/carvalue.client.json",
        ),
    ],
)
def test_the_committed_description(file: str, describe: Any, command: str) -> None:
    """
    A change of the API shows in review, and clients are generated from what is really served.
    """
    path = OPENAPI / file
    committed = path.read_text() if path.exists() else ""

    assert committed == json.dumps(describe(create_api()), indent=2) + "\n", f"run: {command}"


def test_names_of_operations(description: dict[str, Any]) -> None:
    """
    A client's method is called like our function, and no two are called alike.
    """
    names = [operation["operationId"] for operation in operations(description)]
    functions = {
        **vars(appraisals),
        **vars(valuations),
        **vars(catalog),
        **vars(conditions),
        **vars(webhook_endpoints),
        **vars(devices),
    }

    assert len(names) == len(set(names))
    assert [name for name in names if not callable(functions.get(name))] == []


def test_every_operation_is_described(description: dict[str, Any]) -> None:
    for operation in operations(description):
        assert operation["description"], operation["operationId"]
        assert operation["tags"], operation["operationId"]


def test_errors_are_problems(description: dict[str, Any]) -> None:
    """
    A generated client reads every error as the one type that it is.
    """
    for operation in operations(description):
        refusals = {s: a for s, a in operation["responses"].items() if s >= "400"}
        assert {"422", "500", "503"} <= refusals.keys()
        for status, answer in refusals.items():
            where = (operation["operationId"], status)
            assert list(answer["content"]) == ["application/problem+json"], where
            problem = answer["content"]["application/problem+json"]["schema"]
            assert problem == {"$ref": "#/components/schemas/Problem"}, where
            assert answer["description"].startswith("`"), where


def test_the_text_does_not_depend_on_the_python_version(description: dict[str, Any]) -> None:
    """
    Python 3.13 renamed some reason phrases, and strips docstrings: neither shows in the file.
    """
    renamed = {HTTPStatus(status).phrase for status in (413, 414, 416, 422)}
    renamed |= {"Unprocessable Entity", "Unprocessable Content", "Content Too Large"}

    text = json.dumps(description)
    assert [phrase for phrase in renamed if phrase in text] == []
    assert "\\n  " not in text


def test_no_generated_names(description: dict[str, Any]) -> None:
    """
    Neither classes called `Body_...` nor generic brackets end up in a client.
    """
    names = description["components"]["schemas"]

    assert [name for name in names if not name.isalnum()] == []
    assert "HTTPValidationError" not in names


def test_null_is_a_type(description: dict[str, Any]) -> None:
    """
    A nullable number is one type in a client, not a union class.
    """
    for schema in schemas(description):
        kinds = {one.get("type") for one in schema.get("anyOf", []) if isinstance(one, dict)}
        assert not ("null" in kinds and kinds & SCALARS), schema


def test_no_unions(description: dict[str, Any]) -> None:
    """
    A union of two objects cannot be decoded by some clients; a reference or null can.
    """
    for schema in schemas(description):
        rest = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
        assert len(rest) <= 1, schema
        assert "oneOf" not in schema


def test_no_titles(description: dict[str, Any]) -> None:
    """
    Titles become class names; there is none except of fields that are called so.
    """
    for schema in schemas({key: description[key] for key in ("paths", "components")}):
        assert not isinstance(schema.get("title"), str), schema


def test_uploads(description: dict[str, Any]) -> None:
    """
    A photo is a file in a client, not a string.
    """
    known = description["components"]["schemas"]

    photos = {
        "AppraisalCreate": ("front", "back"),
        "PhotoReplace": ("photo",),
        "VinReadingCreate": ("photo",),
    }
    for name, fields in photos.items():
        for field in fields:
            assert known[name]["properties"][field]["format"] == "binary"
    forms = [
        content["multipart/form-data"]
        for operation in operations(description)
        if "multipart/form-data" in (content := operation.get("requestBody", {}).get("content", {}))
    ]
    assert len(forms) == 3


def test_image_types_are_for_the_full_description_only() -> None:
    """
    Some generators send the list of types literally as the type of a part.
    """
    api = create_api()

    assert "encoding" in json.dumps(full_description(api))
    assert "encoding" not in json.dumps(client_description(api))


def test_answers_have_all_their_keys(description: dict[str, Any]) -> None:
    """
    What is not known is null, never left out: no client has to tell the two apart.
    """
    answers = {
        name: schema
        for name, schema in description["components"]["schemas"].items()
        if name not in INPUTS and "properties" in schema
    }

    assert len(answers) >= 20
    for name, schema in answers.items():
        assert set(schema["required"]) == set(schema["properties"]), name


def test_inputs_are_closed(description: dict[str, Any]) -> None:
    """
    A misspelled field is refused, and the description says so.
    """
    for name in INPUTS - {"Problem"}:
        assert description["components"]["schemas"][name]["additionalProperties"] is False


def test_instants_are_instants(description: dict[str, Any]) -> None:
    fields = description["components"]["schemas"]["Appraisal"]["properties"]

    for field in ("created_at", "updated_at", "expires_at"):
        assert fields[field] == {"type": "string", "format": "date-time"}


def test_numbers_keep_their_limits(description: dict[str, Any]) -> None:
    """
    A limit on a nullable field is easily lost on the way into the description.
    """
    fields = description["components"]["schemas"]["CarConfirm"]["properties"]

    assert (fields["year"]["minimum"], fields["year"]["maximum"]) == (1886, 2100)
    assert (fields["mileage"]["minimum"], fields["mileage"]["maximum"]) == (0, 2_000_000)
    assert fields["trim_id"]["pattern"]


def test_routes_with_a_body_say_what_they_refuse(description: dict[str, Any]) -> None:
    """
    A client that sends too much, or another content type, finds the answer described.
    """
    for path in description["paths"].values():
        for operation in path.values():
            described = {"413", "415"} <= operation["responses"].keys()
            assert described or "requestBody" not in operation, operation["operationId"]


def test_routes_with_photos_say_that_there_may_be_too_many(description: dict[str, Any]) -> None:
    """
    An app's developer learns to send photos again later, wherever they are sent to.
    """
    with_photos = [
        operation
        for operation in operations(description)
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
    ]

    assert len(with_photos) == 3
    for operation in with_photos:
        assert "`overloaded`" in operation["responses"]["503"]["description"]


def test_headers_are_described() -> None:
    """
    An app's developer finds where what was made is, its version, and how long to wait; every
    answer has an id.
    """
    description = full_description(create_api())

    made = description["paths"]["/v1/appraisals"]["post"]["responses"]
    assert {"X-Request-Id", "ETag", "Location"} == made["201"]["headers"].keys()
    assert {"X-Request-Id", "ETag", "Retry-After"} == made["202"]["headers"].keys()
    for operation in operations(description):
        for status, answer in operation["responses"].items():
            assert "X-Request-Id" in answer["headers"], (operation["operationId"], status)
    names = {"X-Request-Id", "ETag", "Location", "Retry-After"}
    assert description["components"]["headers"].keys() == names


def test_headers_are_for_the_full_description_only() -> None:
    assert '"headers"' not in json.dumps(client_description(create_api()))
