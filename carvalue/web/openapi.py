"""
The OpenAPI description, made so that generated clients come out clean.

FastAPI's own has traps for generators: nullable fields as unions, a title on every field, uploads
without `format: binary`, problems under the wrong media type.
"""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from carvalue.web.problems import MEDIA_TYPE

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
    schema["components"]["securitySchemes"] = SECURITY_SCHEMES
    schema["security"] = [{"bearer": []}]
    for component in schema["components"]["schemas"].values():
        _tidy(component)
    for operation in _operations(schema):
        for parameter in operation.get("parameters", []):
            _tidy(parameter["schema"])
        for response in operation["responses"].values():
            content = response.get("content", {})
            if content.get("application/json", {}).get("schema") == _PROBLEM:
                content[MEDIA_TYPE] = content.pop("application/json")
        for status, response in operation["responses"].items():
            response["headers"] = {
                name: {"$ref": f"#/components/headers/{name}"}
                for name in _headers_of(status, response, schema["components"]["schemas"])
            }
        form = operation.get("requestBody", {}).get("content", {}).get("multipart/form-data")
        if form:
            name = form["schema"]["$ref"].rpartition("/")[2]
            fields = schema["components"]["schemas"][name]["properties"]
            form["encoding"] = {
                field: {"contentType": IMAGE_TYPES}
                for field, one in fields.items()
                if one.get("format") == "binary"
            }
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body:
            _tidy(body["schema"])
    schema["components"]["headers"] = HEADERS
    return schema


def client_description(app: FastAPI) -> dict[str, Any]:
    """The description for client generators: without `encoding`, webhooks and headers."""
    schema = full_description(app)
    schema.pop("webhooks", None)
    schema["components"].pop("headers")
    for operation in _operations(schema):
        for response in operation["responses"].values():
            response.pop("headers")
        for content in operation.get("requestBody", {}).get("content", {}).values():
            content.pop("encoding", None)
    return schema


_PROBLEM = {"$ref": "#/components/schemas/Problem"}


_APPRAISAL = {"$ref": "#/components/schemas/Appraisal"}


def _headers_of(status: str, response: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    """The headers that an answer with this status has."""
    yield "X-Request-Id"
    about = response.get("content", {}).get("application/json", {}).get("schema", {})
    if status == "304" or about == _APPRAISAL:
        yield "ETag"
    made = schemas.get(about.get("$ref", "").rpartition("/")[2], {})
    if status == "201" and "id" in made["properties"]:
        yield "Location"
    if status in ("202", "409", "429", "502", "503", "504"):
        yield "Retry-After"


def _operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in schema["paths"].values():
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
