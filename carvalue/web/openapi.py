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
    return schema


def client_description(app: FastAPI) -> dict[str, Any]:
    """The description for client generators, which stumble over `encoding` and webhooks."""
    schema = full_description(app)
    schema.pop("webhooks", None)
    for operation in _operations(schema):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            content.pop("encoding", None)
    return schema


_PROBLEM = {"$ref": "#/components/schemas/Problem"}


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
