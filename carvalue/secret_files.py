"""
Reads secrets from files: `CARVALUE_IMAGGA__API_KEY_FILE=/run/secrets/imagga` instead of the key.

So are secrets handed over by Docker, Kubernetes and systemd; the environment of a process is seen
by more eyes than a file.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, SecretStr

from carvalue.core.errors import SettingsIncomplete

SUFFIX = "_FILE"
LONGEST = 16 * 1024
"""Bytes of a file that are read; the longest key of a provider has some hundred."""


def files_read(variables: Mapping[str, str | None], secret: set[str]) -> dict[str, str | None]:
    """
    The variables, each `..._FILE` of a secret one replaced by what its file says.

    Names are compared without regard to capitals. Raises `SettingsIncomplete`, which shows neither
    a value nor a path: somebody may have written the key itself where its file belongs.
    """
    read = dict(variables)
    for name, path in variables.items():
        plain = name[: -len(SUFFIX)]
        if plain.upper() not in secret or not name.upper().endswith(SUFFIX):
            continue
        del read[name]
        if not path:
            continue
        if variables.get(plain):
            raise SettingsIncomplete(
                f"{plain.upper()} and {name.upper()} are both set; set one of them."
            )
        read[plain] = _secret_in(path, name.upper())
    return read


def secret_variables(settings: type[BaseModel], prefix: str) -> Iterator[str]:
    """The variables whose values are secret: keys, and addresses that may hold a password."""
    for name, field in settings.model_fields.items():
        variable = f"{prefix}{name.upper()}"
        kinds = set(_kinds(field.annotation))
        if SecretStr in kinds or name == "database_url":
            yield variable
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from secret_variables(kind, f"{variable}__")


def _kinds(annotation: object) -> Iterator[object]:
    """What an annotation is made of: `Annotated[SecretStr, ...] | None` of `SecretStr` and None."""
    yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)


def _secret_in(path: str, variable: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(LONGEST + 1)
    except (OSError, ValueError) as error:
        # Neither the path nor the cause, whose text has it.
        kind = type(error).__name__
        raise SettingsIncomplete(f"{variable}: The file cannot be read ({kind}).") from None
    if len(content) > LONGEST:
        raise SettingsIncomplete(f"{variable}: The file is too large for a secret.")
    try:
        secret = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise SettingsIncomplete(f"{variable}: The file is not UTF-8.") from None
    if not secret.strip():
        raise SettingsIncomplete(f"{variable}: The file is empty.")
    return secret
