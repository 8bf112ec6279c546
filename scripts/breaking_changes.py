"""
Says what a new description of the API takes away from the clients of the released one.

    python scripts/breaking_changes.py openapi/released.json openapi/carvalue.json

ends with 1 and a line for each. Apps in people's hands are never updated all at once: what they
send must go on being taken, and what they read must go on being there. New operations, optional
fields, statuses, fields of answers, and values of enums in answers are no breaking changes.
"""

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]

ANYTHING = ("null", "boolean", "integer", "number", "string", "array", "object")
NARROWER_IF_MORE = ("minimum", "exclusiveMinimum", "minLength", "minItems")
NARROWER_IF_LESS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


def main(released: str, present: str) -> int:
    """Print what breaks; the answer is the exit code."""
    old, new = (json.loads(Path(one).read_text("utf-8")) for one in (released, present))
    found = list(breaking_changes(old, new))
    for line in found:
        print(line)
    print(f"{len(found) or 'no'} breaking changes since {released}.")
    return 1 if found else 0


def breaking_changes(old: Json, new: Json) -> Iterator[str]:
    """A line for everything that a client of the old description may stumble over."""
    for part, says in (("paths", _asked), ("webhooks", _told)):
        for path, operations in old.get(part, {}).items():
            for method, before in operations.items():
                where = f"{method.upper()} {path}"
                after = new.get(part, {}).get(path, {}).get(method)
                if after is None:
                    yield f"{where} is gone"
                    continue
                if before["operationId"] != after["operationId"]:
                    yield f"{where} has another operationId than {before['operationId']}"
                yield from says(where, before, after, old, new)


def _asked(where: str, before: Json, after: Json, old: Json, new: Json) -> Iterator[str]:
    """What breaks of an operation that clients ask for."""
    known = {(one["in"], one["name"]): one for one in before.get("parameters", [])}
    given = {(one["in"], one["name"]): one for one in after.get("parameters", [])}
    for key, one in given.items():
        if one.get("required") and not known.get(key, {}).get("required"):
            yield f"{where}: parameter {key[1]} is required now"
    for key, one in known.items():
        if key not in given:
            yield f"{where}: parameter {key[1]} is gone"
        else:
            about = f"{where}: parameter {key[1]}"
            yield from _taken(about, one["schema"], given[key]["schema"], old, new)
    if after.get("requestBody", {}).get("required") and "requestBody" not in before:
        yield f"{where}: a body is required now"
    for media, content in before.get("requestBody", {}).get("content", {}).items():
        taken = after.get("requestBody", {}).get("content", {}).get(media)
        if taken is None:
            yield f"{where}: no {media} is taken any more"
        else:
            yield from _taken(where, content["schema"], taken["schema"], old, new)
    for status, response in before["responses"].items():
        if status not in after["responses"]:
            yield f"{where}: the answer {status} is gone"
            continue
        for media, content in response.get("content", {}).items():
            answer = after["responses"][status].get("content", {}).get(media)
            if answer is None:
                yield f"{where}: {status} is no {media} any more"
            else:
                yield from _read(f"{where} {status}", content["schema"], answer["schema"], old, new)


def _told(where: str, before: Json, after: Json, old: Json, new: Json) -> Iterator[str]:
    """What breaks of an event: here the client reads the body of the request."""
    for media, content in before["requestBody"]["content"].items():
        sent = after["requestBody"]["content"].get(media)
        if sent is None:
            yield f"{where}: is no {media} any more"
        else:
            yield from _read(where, content["schema"], sent["schema"], old, new)


def _taken(where: str, before: Json, after: Json, old: Json, new: Json) -> Iterator[str]:
    """What was taken and is refused now."""
    before, after = _plain(before, old), _plain(after, new)
    if lost := _types(before) - _types(after):
        yield f"{where}: {' and '.join(sorted(lost))} is not taken any more"
    if "enum" in after:
        gone = [one for one in before.get("enum", ["anything"]) if one not in after["enum"]]
        yield from (f"{where}: {one} is not taken any more" for one in gone)
    for bound in NARROWER_IF_MORE:
        if after.get(bound, -math.inf) > before.get(bound, -math.inf):
            yield f"{where}: {bound} is {after[bound]} now"
    for bound in NARROWER_IF_LESS:
        if after.get(bound, math.inf) < before.get(bound, math.inf):
            yield f"{where}: {bound} is {after[bound]} now"
    for keyword in ("pattern", "format", "const"):
        if keyword in after and before.get(keyword) != after[keyword]:
            yield f"{where}: {keyword} is {after[keyword]} now"
    fields, known = before.get("properties", {}), after.get("properties", {})
    yield from (
        f"{where}: {name} is required now"
        for name in after.get("required", [])
        if name not in before.get("required", [])
    )
    for name, field in fields.items():
        if name in known:
            yield from _taken(f"{where}: {name}", field, known[name], old, new)
        else:
            yield f"{where}: {name} is not taken any more"
    if "items" in before and "items" in after:
        yield from _taken(f"{where}[]", before["items"], after["items"], old, new)


def _read(where: str, before: Json, after: Json, old: Json, new: Json) -> Iterator[str]:
    """What was there to be read and is not, or is something else now."""
    before, after = _plain(before, old), _plain(after, new)
    if added := _types(after) - _types(before):
        yield f"{where}: may be {' and '.join(sorted(added))} now"
    if before.get("format") != after.get("format"):
        yield f"{where}: format is {after.get('format')} now"
    fields, known = before.get("properties", {}), after.get("properties", {})
    for name, field in fields.items():
        if name not in known:
            yield f"{where}: {name} is gone"
            continue
        if name in before.get("required", []) and name not in after.get("required", []):
            yield f"{where}: {name} may be left out now"
        yield from _read(f"{where}: {name}", field, known[name], old, new)
    for inner in ("items", "additionalProperties"):
        if isinstance(before.get(inner), dict) and isinstance(after.get(inner), dict):
            yield from _read(f"{where}[]", before[inner], after[inner], old, new)


def _plain(schema: Json, description: Json) -> Json:
    """The schema that a reference, or a reference or null, stands for."""
    options = schema.get("anyOf", [])
    if {"type": "null"} in options:
        (rest,) = (one for one in options if one != {"type": "null"})
        plain = _plain(rest, description)
        return plain | {"type": sorted(_types(plain) | {"null"})}
    if "$ref" not in schema:
        return schema
    found: Any = description
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return _plain(found, description)


def _types(schema: Json) -> set[str]:
    """The types that a value may have; all, where none is named."""
    kind = schema.get("type", ANYTHING)
    kinds = {kind} if isinstance(kind, str) else set(kind)
    return kinds | ({"integer"} if "number" in kinds else set())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
