"""
Every knob, from the environment (`CARVALUE_*`) or a `.env` file.

Read once, at the start, and handed on as plain arguments: adapters never see it.
"""

import os
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from carvalue.core.answers import Scale
from carvalue.core.confirming import CorrectionScope
from carvalue.core.errors import SettingsIncomplete
from carvalue.core.identification import DEFAULT_RULE, MergeRule


def _printable(key: SecretStr) -> SecretStr:
    # A line break that came along with a key would end a header.
    text = key.get_secret_value().strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("a key has printable ASCII characters and no blank")
    return SecretStr(text)


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        extra = parts.username or parts.password or parts.query or parts.fragment
    except ValueError:
        known, extra = False, ""
    if not known or extra or not url.isprintable() or " " in url:
        raise ValueError("write http(s)://host[:port][/path], without a key, ? or #")
    return url


ENV_FILES = (".env", "merge.env")
"""The second is what `carvalue evaluate --fit` writes."""

Key = Annotated[SecretStr, Field(min_length=1), AfterValidator(_printable)]
HttpAddress = Annotated[str, AfterValidator(_address)]
ProviderId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class _ProviderSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class ImaggaSettings(_ProviderSettings):
    """
    Access to Imagga. The categorizer is the one trained for the account.

    The gates ask Imagga's own `personal_photos` and `nsfw_beta` first: a call more for each photo.
    """

    base_url: HttpAddress = "https://api.imagga.com/v2"
    api_key: Key
    api_secret: Key
    categorizer_id: ProviderId
    scale: Scale = Scale.percent
    car_gate: bool = False
    nsfw_gate: bool = False


class MergeSettings(_ProviderSettings):
    """How answers are merged and what is decided; `carvalue evaluate --fit` finds the weights."""

    front_weight: float = Field(DEFAULT_RULE.front_weight, gt=0, le=2)
    back_weight: float = Field(DEFAULT_RULE.back_weight, gt=0, le=2)
    vocabulary: int = Field(DEFAULT_RULE.vocabulary, ge=1, le=100_000)
    temperature: float = Field(DEFAULT_RULE.temperature, gt=0.1, le=10)
    accept_from: float = Field(DEFAULT_RULE.accept_from, gt=0, le=1)
    retake_below: float = Field(DEFAULT_RULE.retake_below, ge=0, lt=1)
    conflict_from: float = Field(DEFAULT_RULE.conflict_from, gt=0, le=1)
    suggest_from: float = Field(DEFAULT_RULE.suggest_from, gt=0, le=1)
    suggest_at_least: int = Field(DEFAULT_RULE.suggest_at_least, ge=1, le=20)

    def rule(self) -> MergeRule:
        return MergeRule(**self.model_dump())


class SpecsApiSettings(_ProviderSettings):
    """Access to the specs API. `source` is how answers name it."""

    base_url: HttpAddress
    api_key: Key
    source: str = "specs_api"


class ValuationApiSettings(_ProviderSettings):
    """Access to the valuation API. `source` is how answers name it."""

    base_url: HttpAddress
    api_key: Key
    source: str = "valuation_api"


class Settings(BaseSettings):
    """All settings. Who is asked has no default: without providers nothing starts."""

    model_config = SettingsConfigDict(
        env_prefix="CARVALUE_",
        env_nested_delimiter="__",
        env_file=ENV_FILES,
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    categorizer: Literal["imagga"] | None = Field(
        default=None, description="Who says what a photo shows: imagga."
    )
    imagga: ImaggaSettings | None = None
    specs_source: Literal["specs_api"] | None = Field(
        default=None, description="Who knows the specs: specs_api."
    )
    specs_api: SpecsApiSettings | None = None
    valuer: Literal["valuation_api"] | None = Field(
        default=None, description="Who knows the prices: valuation_api."
    )
    valuation_api: ValuationApiSettings | None = None

    merge: MergeSettings = Field(
        default_factory=MergeSettings, description="How the photos' answers are merged."
    )
    photo_checks: bool = Field(
        default=True, description="Whether dark, bright, blurred and repeated photos cost no call."
    )
    correction_scope: CorrectionScope = Field(
        default=CorrectionScope.catalog,
        description="What a user may confirm: any car of the catalog, or only the candidates.",
    )
    catalog_extra: Path | None = Field(
        default=None, description="A CSV with cars and names of your own; see docs/catalog.md."
    )
    database_url: str = Field(
        default="sqlite:///carvalue.db", description="Where appraisals are kept: a SQLite file."
    )
    provider_seconds: float = Field(
        default=6.0, gt=0, le=25, description="How long one call to a provider may take, seconds."
    )
    mocks: str | None = Field(
        default=None,
        description="Import string of an ASGI app that stands in for all providers, in-process.",
    )

    @classmethod
    def read(cls) -> Self:
        """
        The settings of this process.

        Raises `SettingsIncomplete`, naming what is wrong but never its value.
        """
        if unknown := cls._unknown():
            raise SettingsIncomplete("There are no such settings:\n  " + "\n  ".join(unknown))
        try:
            return cls()
        except ValidationError as error:
            wrong = [
                f"{_variable(*problem['loc'])}: {problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False)
            ]
            raise SettingsIncomplete("Settings that do not fit:\n  " + "\n  ".join(wrong)) from None

    @classmethod
    def _unknown(cls) -> list[str]:
        """Variables that look like ours and are none: a misspelt setting is a lost one."""
        prefix = cls.model_config["env_prefix"]
        try:
            names = {*os.environ, *(name for file in ENV_FILES for name in dotenv_values(file))}
        except UnicodeDecodeError:
            raise SettingsIncomplete(f"{' or '.join(ENV_FILES)} is not UTF-8.") from None
        ours = (name for name in map(str.upper, names) if name.startswith(prefix))
        return sorted(
            name
            for name in ours
            if name.removeprefix(prefix).partition("__")[0].lower() not in cls.model_fields
        )

    def missing(self) -> list[str]:
        """The variables that must still be set before anything can start."""
        missing = []
        for port, choices in (
            ("categorizer", {"imagga": ("api_key", "api_secret", "categorizer_id")}),
            ("specs_source", {"specs_api": ("base_url", "api_key")}),
            ("valuer", {"valuation_api": ("base_url", "api_key")}),
        ):
            chosen = getattr(self, port)
            if chosen is None:
                missing.append(f"{_variable(port)}={'|'.join(choices)}")
            for provider, needed in choices.items():
                if chosen in (None, provider) and getattr(self, provider) is None:
                    missing += [f"{_variable(provider, name)}=..." for name in needed]
        return missing


def _variable(*path: str | int) -> str:
    return "CARVALUE_" + "__".join(str(part).upper() for part in path)


def mock_settings(
    *,
    database_url: str,
    imagga_key: str = "mock",
    specs_api_key: str = "mock",
    valuation_api_key: str = "mock",
    provider_seconds: float = 6.0,
) -> Settings:
    """
    The embedded mocks as providers, for the demo and for journeys; reads no environment.

    The keys are the mocks' magic ones: `mock-down` is a provider that is out of order.
    """
    return Settings(
        _env_file=None,
        categorizer="imagga",
        imagga=ImaggaSettings(
            base_url="http://mocks/v2",
            api_key=SecretStr(imagga_key),
            api_secret=SecretStr("mock-secret"),
            categorizer_id="custom-car-categorizer",
        ),
        specs_source="specs_api",
        specs_api=SpecsApiSettings(
            base_url="http://mocks", api_key=SecretStr(specs_api_key), source="mock:specs_api"
        ),
        valuer="valuation_api",
        valuation_api=ValuationApiSettings(
            base_url="http://mocks",
            api_key=SecretStr(valuation_api_key),
            source="mock:valuation_api",
        ),
        database_url=database_url,
        provider_seconds=provider_seconds,
        mocks="mocks.app:app",
    )
