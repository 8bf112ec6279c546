"""
The OpenAPI description, made so that generated clients come out clean.

FastAPI's own has traps for generators: nullable fields as unions, a title on every field, uploads
without `format: binary`, problems under the wrong media type.
"""

import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from carvalue.web.openapi_examples import add_examples, event_examples, problem_examples
from carvalue.web.problem_schemas import Problem
from carvalue.web.problems import MEDIA_TYPE

ABOUT = """\
Send a front and a back photo (`POST /v1/appraisals`), show the candidates, confirm the car with its
mileage and condition (`PUT /v1/appraisals/{id}/car`): specs and price come back.

Every answer about a car is the same flat `Appraisal`. Follow its `next_action`, not its `status`.
Enums may get more values: treat one that you do not know as the most general one. Errors are
problems (RFC 9457); match on `code`. All keys are always there, and null is unknown.
"""
TAGS = {
    "appraisals": "One car's way from photos to valuation.",
    "valuations": "Prices of a confirmed car, as often as it is asked for.",
    "catalog": "Makes, models, years and trims to choose from, and the categorizers.",
    "devices": "Sessions for phones, which cannot keep a key.",
    "webhook-endpoints": "Where partners' servers are told what happens.",
    "events": "What is sent to them.",
}

SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A server's or an app's key, the token of a device session, or a token of "
        "the team's own identity provider.",
    }
}
IMAGE_TYPES = "image/jpeg, image/png, image/webp, image/heic"

HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "The request's id, for support.",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    },
    "ETag": {
        "description": "The version of what was answered.",
        "required": True,
        "schema": {"type": "string", "pattern": '^"[^"]+"$'},
    },
    "Location": {
        "description": "Where what was made is to be found.",
        "required": True,
        "schema": {"type": "string", "pattern": "^/v1/"},
    },
    "Retry-After": {
        "description": "Seconds to wait, where the same request may succeed later.",
        "schema": {"type": "integer", "minimum": 1},
    },
}


def describe(app: FastAPI) -> None:
    """Let the app serve and print the description below instead of FastAPI's."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = full_description(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # as FastAPI's docs extend it


def full_description(app: FastAPI) -> dict[str, Any]:
    """The description with everything in it."""
    schema = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        routes=app.routes,
        webhooks=app.webhooks.routes,
    )
    schema["info"]["description"] = ABOUT
    schema["servers"] = [{"url": "/", "description": "Where this description comes from."}]
    schema["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    schema["components"]["securitySchemes"] = SECURITY_SCHEMES
    schema["security"] = [{"bearer": []}]
    components = schema["components"]
    _add(Problem, components["schemas"])
    for component in components["schemas"].values():
        _tidy(component)
    for operation in _operations(schema["paths"]):
        _describe_operation(operation, components["schemas"])
        add_examples(operation)
    for event in _operations(schema["webhooks"]):
        _describe_event(event)
    components["headers"] = HEADERS
    components["examples"] = problem_examples(schema["paths"])
    return schema


def client_description(app: FastAPI) -> dict[str, Any]:
    """For client generators: without `encoding`, webhooks, headers, and examples of problems."""
    schema = full_description(app)
    schema.pop("webhooks")
    schema["components"].pop("headers")
    schema["components"].pop("examples")
    for operation in _operations(schema["paths"]):
        for response in operation["responses"].values():
            response.pop("headers")
            response.get("content", {}).get(MEDIA_TYPE, {}).pop("examples", None)
        for content in operation.get("requestBody", {}).get("content", {}).values():
            content.pop("encoding", None)
    _drop_unused(schema)
    return schema


_COMPONENT = "#/components/schemas/{model}"
_PROBLEM = {"$ref": _COMPONENT.format(model="Problem")}
_APPRAISAL = {"$ref": _COMPONENT.format(model="Appraisal")}


def _add(model: type[BaseModel], schemas: dict[str, Any]) -> None:
    """Add a model, and those that it names, among the components, which stay sorted."""
    described = model.model_json_schema(ref_template=_COMPONENT, mode="serialization")
    schemas.update(described.pop("$defs", {}))
    schemas[model.__name__] = described
    for name in sorted(schemas):
        schemas[name] = schemas.pop(name)


def _describe_operation(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", []):
        _tidy(parameter["schema"])
    for status, response in operation["responses"].items():
        if int(status) >= 400:
            response.setdefault("content", {MEDIA_TYPE: {"schema": _PROBLEM}})
        schema = response.get("content", {}).get("application/json", {}).get("schema", {})
        if response["description"] == "Successful Response":
            known = schemas.get(_name(schema), {"description": "It is done."})
            response["description"] = known["description"]
        response["headers"] = {
            name: {"$ref": f"#/components/headers/{name}"}
            for name in _headers_of(status, response, schemas)
        }
    body = operation.get("requestBody", {}).get("content", {})
    if form := body.get("multipart/form-data"):
        form["encoding"] = {
            field: {"contentType": IMAGE_TYPES}
            for field, one in schemas[_name(form["schema"])]["properties"].items()
            if one.get("format") == "binary"
        }
    if "application/json" in body:
        _tidy(body["application/json"]["schema"])


def _describe_event(operation: dict[str, Any]) -> None:
    operation["security"] = []  # it is proved by its signature
    for parameter in operation["parameters"]:
        _tidy(parameter["schema"])
    operation["requestBody"]["content"]["application/json"]["examples"] = event_examples()


def _name(reference: dict[str, Any]) -> str:
    """The component that a reference names; empty for what is none."""
    return str(reference.get("$ref", "")).rpartition("/")[2]


def _drop_unused(schema: dict[str, Any]) -> None:
    """Take out the components that nothing names; what only they name goes too."""
    schemas = schema["components"]["schemas"]
    while True:
        text = json.dumps(schema)
        unused = [name for name in schemas if f'"#/components/schemas/{name}"' not in text]
        if not unused:
            return
        for name in unused:
            del schemas[name]


def _headers_of(status: str, response: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    """The headers that an answer with this status has."""
    yield "X-Request-Id"
    about = response.get("content", {}).get("application/json", {}).get("schema", {})
    if status == "304" or about == _APPRAISAL:
        yield "ETag"
    made = schemas.get(_name(about), {})
    if status == "201" and "id" in made["properties"]:
        yield "Location"
    if status in ("202", "409", "429", "502", "503", "504"):
        yield "Retry-After"


def _operations(paths: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in paths.values():
        yield from path.values()


def _tidy(schema: dict[str, Any]) -> None:
    """Fold nullable unions, drop titles, mark uploads; `schema` is changed in place."""
    if isinstance(schema.get("title"), str):  # a field may be called title
        del schema["title"]
    if schema.get("contentMediaType") == "application/octet-stream":
        schema["format"] = "binary"
    _fold_null(schema)
    if schema.get("default", "") is None:  # what is left out is no value that a client need send
        del schema["default"]
    for field in schema.get("properties", {}).values():
        _tidy(field)
    if isinstance(schema.get("items"), dict):
        _tidy(schema["items"])


def _fold_null(schema: dict[str, Any]) -> None:
    """`anyOf: [x, null]` becomes `type: [x, null]`; references keep the union, as they must."""
    options = schema.get("anyOf", [])
    rest = [option for option in options if option != {"type": "null"}]
    if len(rest) == len(options) or len(rest) != 1 or "type" not in rest[0]:
        return
    del schema["anyOf"]
    (option,) = rest
    schema.update(option | {"type": [option["type"], "null"]})
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
