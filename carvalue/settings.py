"""
Every knob, from the environment (`CARVALUE_*`) or a `.env` file.

Read once, at the start, and handed on as plain arguments: adapters never see it.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from dotenv import dotenv_values
from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationError,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from carvalue.access_settings import LongKey, OidcSettings
from carvalue.core.confirming import CorrectionScope
from carvalue.core.errors import SettingsIncomplete
from carvalue.merge_settings import MergeSettings
from carvalue.provider_settings import (
    CarQuerySettings,
    CloudinarySettings,
    HttpAddress,
    ImageKitSettings,
    ImaggaSettings,
    ListingsSettings,
    MarketCheckSettings,
    ProviderSettings,
    SpecsApiSettings,
    ValuationApiSettings,
    VpicSettings,
)
from carvalue.secret_files import SUFFIX, files_read, secret_variables

ENV_FILES = (".env", "merge.env")
"""The second is what `carvalue evaluate --fit` writes."""
VALUERS = "valuers_"
"""`CARVALUE_VALUERS_US` names the valuers of a country, `CARVALUE_VALUERS_DEFAULT` all others'."""

CategorizerName = Literal["imagga", "cloudinary", "imagekit"]
SpecsSourceName = Literal["specs_api", "carquery", "vpic", "epa"]
ValuerName = Literal["valuation_api", "marketcheck", "listings"]
Country = Annotated[str, Field(pattern="^([A-Z]{2}|DEFAULT)$")]


def _split(names: object) -> object:
    """A list as it is written into an environment variable: "imagga, cloudinary"."""
    if not isinstance(names, str):
        return names
    return [name.strip() for name in names.split(",") if name.strip()]


def _without_password(url: str) -> str:
    # Up to the last @, for a password in which one was not escaped; and it may stand in the query.
    return re.sub(r"://.*@", "://[...]@", url.partition("?")[0], flags=re.DOTALL)


DatabaseUrl = Annotated[str, PlainSerializer(_without_password, return_type=str)]
CategorizerNames = Annotated[tuple[CategorizerName, ...], NoDecode, BeforeValidator(_split)]
SpecsSourceNames = Annotated[tuple[SpecsSourceName, ...], NoDecode, BeforeValidator(_split)]
ValuerNames = Annotated[tuple[ValuerName, ...], BeforeValidator(_split)]


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

    categorizers: CategorizerNames = Field(
        default=(), description="Who says what a photo shows, in order."
    )
    categorizer_mode: Literal["in_order", "at_once"] = Field(
        default="in_order",
        description="Ask the next categorizer when one fails, or all of them for every photo.",
    )
    imagga: ImaggaSettings | None = None
    cloudinary: CloudinarySettings | None = None
    imagekit: ImageKitSettings | None = None
    specs_sources: SpecsSourceNames = Field(
        default=(),
        description="Who knows the specs, in order; what one lacks may come from the next.",
    )
    specs_api: SpecsApiSettings | None = None
    carquery: CarQuerySettings = Field(default_factory=CarQuerySettings)
    vpic: VpicSettings = Field(default_factory=VpicSettings)
    valuers: Annotated[Mapping[Country, ValuerNames], NoDecode] = Field(
        default_factory=dict,
        description="Who knows the prices, by country: CARVALUE_VALUERS_US, ..._DEFAULT.",
    )
    valuation_api: ValuationApiSettings | None = None
    marketcheck: MarketCheckSettings | None = None
    listings: ListingsSettings = Field(default_factory=ListingsSettings)

    merge: MergeSettings = Field(
        default_factory=MergeSettings, description="How the photos' answers are merged."
    )
    webhooks_allow_local: bool = Field(
        default=False, description="Whether webhooks may go to http and to this very machine."
    )
    patience: float = Field(
        default=8.0,
        ge=0,
        le=25,
        description="Seconds that a caller waits who does not say (`Prefer: wait=n`).",
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
    database_url: DatabaseUrl = Field(
        default="sqlite:///carvalue.db",
        # It may have a password.
        repr=False,
        description="Where appraisals are kept: a SQLite file, or PostgreSQL.",
    )
    database_pool: int = Field(
        default=10, ge=1, le=200, description="Connections to PostgreSQL, of each process."
    )
    photos_kept_hours: int = Field(
        default=24, ge=0, le=720, description="Hours that photos are kept; 0: until categorized."
    )
    provider_seconds: float = Field(
        default=6.0, gt=0, le=25, description="Seconds that one call to a provider may take."
    )
    cache: bool = Field(
        default=True, description="Whether a provider's answer is kept, and not asked for again."
    )
    public_url: HttpAddress | None = Field(
        default=None, description="Where providers reach this service with their notices."
    )
    api_key: LongKey | None = Field(
        default=None,
        description="A key that may do everything, 16 characters or more; for small deployments.",
    )
    oidc: OidcSettings | None = None
    attestation_test_secret: LongKey | None = Field(
        default=None,
        description="Devices that know it count as attested: for tests of your app only.",
    )
    rate_per_caller: int = Field(
        default=600, ge=10, description="What a caller may ask for in a minute; reading costs 1."
    )
    rate_per_unattested: int = Field(
        default=120, ge=10, description="The same of a device that cannot prove its app."
    )
    rate_per_address: int = Field(
        default=60_000, ge=10, description="The same of an address, without access control."
    )
    guesses_per_address: int = Field(
        default=60, ge=1, description="Wrong keys that may come from an address in a minute."
    )
    uploads_per_caller: int = Field(
        default=4, ge=1, le=1000, description="Uploads of a caller at the same time."
    )
    daily_calls: int | None = Field(
        default=None, ge=0, description="Calls to providers that a key may cause in a day."
    )
    redis_url: str | None = Field(default=None, description="A Redis that requests are counted in.")
    trusted_proxies: str = Field(
        default="127.0.0.1",
        description="Addresses and networks whose X-Forwarded-For is believed, by commas.",
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="How the service logs: for machines, or for a terminal."
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="Address on which Prometheus reads the metrics."
    )
    metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of it; without one nothing is shown."
    )
    page: bool = Field(default=True, description="Whether the page is served, to everybody.")
    mocks: str | None = Field(
        default=None,
        description="Import string of an ASGI app that stands in for all providers, in-process.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        files = getattr(dotenv_settings, "env_file", None)
        by_country = _ValuersByCountry(settings_cls, files)
        for source in (env_settings, dotenv_settings):
            if isinstance(source, EnvSettingsSource):
                source.env_vars = files_read(source.env_vars, cls._secret())
        return init_settings, by_country, env_settings, dotenv_settings

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
        ours = (name for name in _variables(ENV_FILES) if name.startswith(prefix))
        return sorted(name for name in ours if not cls._known(name.removeprefix(prefix).lower()))

    @classmethod
    def _known(cls, name: str) -> bool:
        if name.startswith(VALUERS):
            return True
        if f"{cls.model_config['env_prefix']}{name.upper()}".removesuffix(SUFFIX) in cls._secret():
            return True
        return name != "valuers" and name.partition("__")[0] in cls.model_fields

    @classmethod
    def _secret(cls) -> set[str]:
        """The variables that may have a file in their place."""
        return set(secret_variables(cls, cls.model_config["env_prefix"]))

    def missing(self) -> list[str]:
        """The variables that must still be set before anything can start."""
        chosen = {
            "categorizers": self.categorizers,
            "specs_sources": self.specs_sources,
            "valuers_default": tuple(
                dict.fromkeys(one for some in self.valuers.values() for one in some)
            ),
        }
        choices = {
            "categorizers": get_args(CategorizerName),
            "specs_sources": get_args(SpecsSourceName),
            "valuers_default": get_args(ValuerName),
        }
        missing = []
        for port, names in chosen.items():
            if not names:
                missing.append(f"{_variable(port)}={'|'.join(choices[port])}")
            # Of those who are not chosen yet the first is shown: the article's own.
            for provider in names or choices[port][:1]:
                if getattr(self, provider, True) is None:
                    missing += [f"{_variable(provider, name)}=..." for name in _needed(provider)]
        return missing


class _ValuersByCountry(PydanticBaseSettingsSource):
    """Reads `CARVALUE_VALUERS_<country>`: the countries are not known beforehand."""

    def __init__(self, settings_cls: type[BaseSettings], files: object) -> None:
        super().__init__(settings_cls)
        self._files = files

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False  # it has one field only, which `__call__` gives

    def __call__(self) -> dict[str, Any]:
        prefix = self.config.get("env_prefix", "") + VALUERS.upper()
        valuers = {
            name.removeprefix(prefix): value
            for name, value in _variables(self._files).items()
            if name.startswith(prefix) and value
        }
        return {"valuers": valuers} if valuers else {}


def _variables(files: object) -> dict[str, str | None]:
    """The variables of the environment and of the files, names in capitals."""
    paths = files if isinstance(files, tuple | list) else (files,) if files else ()
    found: dict[str, str | None] = {}
    try:
        for path in paths:
            found |= dotenv_values(path)
    except UnicodeDecodeError:
        raise SettingsIncomplete(f"{' or '.join(ENV_FILES)} is not UTF-8.") from None
    return {name.upper(): value for name, value in {**found, **os.environ}.items()}


def _needed(provider: str) -> list[str]:
    """The settings of a provider that have no default."""
    kinds: dict[str, type[ProviderSettings]] = {
        "imagga": ImaggaSettings,
        "cloudinary": CloudinarySettings,
        "imagekit": ImageKitSettings,
        "specs_api": SpecsApiSettings,
        "valuation_api": ValuationApiSettings,
        "marketcheck": MarketCheckSettings,
    }
    return [name for name, field in kinds[provider].model_fields.items() if field.is_required()]


def _variable(*path: str | int) -> str:
    names = [part.upper() for part in path if isinstance(part, str)]
    joint = "_" if names[0] == "VALUERS" else "__"
    return "CARVALUE_" + joint.join(names)


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
        categorizers=("imagga",),
        imagga=ImaggaSettings(
            base_url="http://mocks/v2",
            api_key=SecretStr(imagga_key),
            api_secret=SecretStr("mock-secret"),
            categorizer_id="custom-car-categorizer",
        ),
        specs_sources=("specs_api",),
        specs_api=SpecsApiSettings(
            base_url="http://mocks", api_key=SecretStr(specs_api_key), source="mock:specs_api"
        ),
        valuers={"DEFAULT": ("valuation_api",)},
        valuation_api=ValuationApiSettings(
            base_url="http://mocks",
            api_key=SecretStr(valuation_api_key),
            source="mock:valuation_api",
        ),
        database_url=database_url,
        provider_seconds=provider_seconds,
        mocks="mocks.app:app",
    )
