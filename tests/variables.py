"""
The variables that settings are read from, as a person writes them into `.env`.
"""

from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from carvalue.provider_settings import ProviderSettings
from carvalue.secret_files import secret_variables
from carvalue.settings import Settings


def variables() -> dict[str, FieldInfo]:
    """All variables by name; of the countries that may have valuers, the usual ones."""
    found: dict[str, FieldInfo] = {}
    for name, field in Settings.model_fields.items():
        if name == "valuers":
            found |= dict.fromkeys(("CARVALUE_VALUERS_DEFAULT", "CARVALUE_VALUERS_US"), field)
        elif (group := group_of(name)) is None:
            found[f"CARVALUE_{name.upper()}"] = field
        else:
            found |= {
                f"CARVALUE_{name.upper()}__{inner.upper()}": one
                for inner, one in group.model_fields.items()
            }
    return found


def variables_of(provider: str) -> dict[str, FieldInfo]:
    """Those of one provider; none of one that is not asked over the network."""
    prefix = f"CARVALUE_{provider.upper()}__"
    return {name: field for name, field in variables().items() if name.startswith(prefix)}


def providers() -> list[str]:
    """The providers that have settings."""
    groups = {name: group_of(name) for name in Settings.model_fields}
    return [name for name, group in groups.items() if group and issubclass(group, ProviderSettings)]


def group_of(name: str) -> type[BaseModel] | None:
    """The settings below a setting; None where it is a plain one."""
    annotation = Settings.model_fields[name].annotation
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def files() -> set[str]:
    """The variables that name the file of a secret."""
    return {f"{name}_FILE" for name in secret_variables(Settings, "CARVALUE_")}
