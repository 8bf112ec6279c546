"""
Checks answers against `openapi/providers/<provider>.yaml`, the written form of a wire format.
"""

from functools import cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from tests.servers import ROOT


@cache
def contract(provider: str) -> dict[str, Any]:
    """The description of a provider's API."""
    path = ROOT / "openapi" / "providers" / f"{provider}.yaml"
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def assert_fits(provider: str, method: str, path: str, status: int, body: object) -> None:
    """
    Fail unless the contract allows this JSON as the answer of an operation with this status.

    `path` is written as in the contract, its parameters in braces.
    """
    operation = contract(provider)["paths"][path][method.lower()]
    assert str(status) in operation["responses"], f"{path} does not answer {status}"
    response = _resolved(provider, operation["responses"][str(status)])
    schema = response["content"]["application/json"]["schema"]
    whole = {**schema, "components": contract(provider).get("components", {})}
    error = best_match(Draft202012Validator(whole).iter_errors(body))
    assert error is None, f"{path} {status}: {error.message} at {error.json_path}"


def _resolved(provider: str, node: dict[str, Any]) -> dict[str, Any]:
    """The node that a `$ref` names, or the node itself."""
    if "$ref" not in node:
        return node
    found: Any = contract(provider)
    for key in node["$ref"].removeprefix("#/").split("/"):
        found = found[key]
    return _resolved(provider, found)
