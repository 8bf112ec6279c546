"""
Writes the tables of docs/configuration.md from the settings: `python -m scripts.settings_table`.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from carvalue.provider_settings import ProviderSettings
from tests.variables import providers, variables, variables_of

DOCUMENT = Path(__file__).parents[1] / "docs" / "configuration.md"
BEGIN, END = "<!-- {}: `make settings` writes this -->", "<!-- end -->"
HEAD = "| Setting | Means | Default, or choices |\n|---|---|---|\n"


def main() -> None:
    DOCUMENT.write_text(filled(DOCUMENT.read_text("utf-8")), "utf-8")


def filled(document: str) -> str:
    """The document with its tables as the settings are now."""
    of_providers = {name for one in providers() for name in variables_of(one)}
    general = {name: one for name, one in variables().items() if name not in of_providers}
    needed = {name: variables()[name] for name in variables() if name in of_providers}
    common = {
        f"CARVALUE_<PROVIDER>__{name.upper()}": one
        for name, one in ProviderSettings.model_fields.items()
    }
    tables = {
        "general": general,
        "access": {name: one for name, one in needed.items() if one.is_required()},
        "common": common,
    }
    for name, fields in tables.items():
        begin = BEGIN.format(name)
        before, found, rest = document.partition(begin)
        after = rest.partition(END)[2]
        if not found or not rest.count(END):
            raise ValueError(f"{DOCUMENT.name} has no place for the table {name}")
        required = "none" if name == "general" else "to be set"
        rows = "".join(_rows(fields, required))
        document = f"{before}{begin}\n{HEAD}{rows}{END}{after}"
    return document


def _rows(fields: Mapping[str, FieldInfo], required: str) -> Iterator[str]:
    for name, one in fields.items():
        default = required if one.is_required() else _default(one)
        yield f"| `{name}` | {one.description} | {default} |\n"


def _default(field: FieldInfo) -> str:
    choices = [f"`{one}`" for one in _choices(field.annotation)]
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is None or default is PydanticUndefined or default in ((), {}):
        return "; ".join(["none", ", ".join(choices)] if choices else ["none"])
    shown = f"`{_written(default)}`"
    return "; ".join([shown, ", ".join(one for one in choices if one != shown)]).removesuffix("; ")


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return str(value.value if isinstance(value, Enum) else value)


def _choices(annotation: Any) -> list[str]:
    """What may be chosen from, however deep the type hides it."""
    if get_origin(annotation) is Literal:
        return [str(one) for one in get_args(annotation)]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(one.value) for one in annotation]
    return [choice for inner in get_args(annotation) for choice in _choices(inner)]


if __name__ == "__main__":
    main()
