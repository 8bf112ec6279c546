"""
Examples for the OpenAPI description, as the service has answered: see `scripts/examples`.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from carvalue.web.problems import MEDIA_TYPE

FOLDER = Path(__file__).with_name("examples")
CODE = re.compile(r"^`([a-z-]+)`:", re.MULTILINE)


@cache
def example(name: str) -> Any:
    """What one file holds."""
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def add_examples(operation: dict[str, Any]) -> None:
    """Show what an operation is asked and answers; it is changed in place."""
    if not (FOLDER / f"{operation['operationId']}.json").exists():
        return  # a new one, before it is recorded
    recorded = example(operation["operationId"])
    for content in operation.get("requestBody", {}).get("content", {}).values():
        content["example"] = recorded["request"]
    for status, response in operation["responses"].items():
        for media_type, content in response.get("content", {}).items():
            if media_type == MEDIA_TYPE:
                content["examples"] = {
                    code: {"$ref": f"#/components/examples/{code}"}
                    for code in CODE.findall(response["description"])
                }
            elif status in recorded["responses"]:
                content["example"] = recorded["responses"][status]


def problem_examples(paths: dict[str, Any]) -> dict[str, Any]:
    """One of every problem that the operations name, by its code."""
    named = json.dumps(paths)
    return {
        code: {"value": problem}
        for code, problem in example("problems").items()
        if f'"#/components/examples/{code}"' in named
    }


def event_examples() -> dict[str, Any]:
    """One of every event, by its type."""
    return {name: {"value": event} for name, event in example("events").items()}
