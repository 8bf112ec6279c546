"""
Builds the providers that the settings name, each behind its gate and its kept answers.

The only file that names the providers.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TypeVar, assert_never

import httpx

from carvalue.core.access import LONGEST_CALL, Access, ProviderUsage, QuotaBook, Turns
from carvalue.core.categorizers import Categorizers
from carvalue.core.errors import CarvalueError, SettingsIncomplete
from carvalue.core.ledger import Ledger
from carvalue.core.paid import PaidCategorizer
from carvalue.core.ports import (
    Categorizer,
    ColorReader,
    NoticeReader,
    PhotoGate,
    SpecsSource,
    TextReader,
    Valuer,
)
from carvalue.core.remembered import Recollection, RememberingSpecs, RememberingValuer
from carvalue.core.suppliers import SpecsInOrder, ValuersByCountry
from carvalue.provider_settings import ImaggaSettings, ListingsSettings, ProviderSettings
from carvalue.providers.carquery import CarQuery
from carvalue.providers.cloudinary import Cloudinary
from carvalue.providers.epa import Epa, EpaRows
from carvalue.providers.http import Channel
from carvalue.providers.imagekit import ImageKit
from carvalue.providers.imagga import Imagga, ImaggaGate
from carvalue.providers.imagga_extras import ImaggaExtras
from carvalue.providers.imagga_usage import ImaggaUsage
from carvalue.providers.marketcheck import MarketCheck
from carvalue.providers.specs_api import SpecsApi
from carvalue.providers.valuation_api import ValuationApi
from carvalue.providers.vpic_api import VpicApi
from carvalue.settings import CategorizerName, Settings, SpecsSourceName, ValuerName

WEBHOOKS = "/v1/webhooks/"
"""Where providers send their notices, below our public URL, by their names in our settings."""


@dataclass(slots=True)
class Providers:
    """Those who are asked, and what can be said of each by its name in the settings."""

    categorizers: Categorizers
    specs_source: SpecsSource
    valuers: ValuersByCountry
    gate: PhotoGate | None = None
    colors: ColorReader | None = None
    texts: TextReader | None = None
    notice_readers: dict[str, NoticeReader] = field(default_factory=dict)
    checks: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    accesses: dict[str, Access] = field(default_factory=dict)
    starts: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def start(self) -> None:
        """Ask those who know it what our subscriptions allow; one that is away costs nothing."""
        await asyncio.gather(*(start() for start in self.starts))

    async def health(self) -> dict[str, CarvalueError | None]:
        """What is wrong with each provider; None if nothing is."""

        async def wrong_with(check: Callable[[], Awaitable[None]]) -> CarvalueError | None:
            try:
                await check()
            except CarvalueError as error:
                return error
            return None

        found = await asyncio.gather(*map(wrong_with, self.checks.values()))
        return dict(zip(self.checks, found, strict=True))

    async def usage(self) -> dict[str, ProviderUsage]:
        """How much of each provider is used."""
        return {name: await access.usage() for name, access in self.accesses.items()}


@dataclass(slots=True)
class _Wiring:
    """What all adapters are built from, and what has been built."""

    settings: Settings
    http: httpx.AsyncClient
    book: QuotaBook
    recollection: Recollection
    epa_rows: EpaRows
    turns: Turns | None
    built: Providers

    def channel(self, name: str, wanted: ProviderSettings) -> Channel:
        seconds = wanted.seconds or self.settings.provider_seconds
        access = self.built.accesses.get(name)
        if access is None:
            access = access_to(name, wanted, self.book, self.turns, seconds)
            self.built.accesses[name] = access
        return Channel(self.http, name, seconds, access)

    def webhook_url(self, name: str) -> str | None:
        base = self.settings.public_url
        return f"{base.rstrip('/')}{WEBHOOKS}{name}" if base else None


def wired(
    settings: Settings,
    http: httpx.AsyncClient,
    book: QuotaBook,
    recollection: Recollection,
    ledger: Ledger,
    epa_rows: EpaRows,
    turns: Turns | None = None,
) -> Providers:
    """
    All providers of the settings; `turns` if other processes ask them, too.

    Raises `SettingsIncomplete`.
    """
    built = Providers(Categorizers(()), SpecsInOrder(()), ValuersByCountry({}))
    wiring = _Wiring(settings, http, book, recollection, epa_rows, turns, built)
    members = []
    for name in settings.categorizers:
        categorizer = _categorizer(name, wiring)
        built.checks[name] = categorizer.check
        members.append(PaidCategorizer(categorizer, ledger, recollection, shared=settings.cache))
    built.categorizers = Categorizers(tuple(members), settings.categorizer_mode == "at_once")

    sources = []
    for specs_name in settings.specs_sources:
        source = _specs_source(specs_name, wiring)
        built.checks[specs_name] = source.check
        local = isinstance(source, Epa)  # asks nobody, so there is nothing to keep
        kept = settings.cache and not local
        sources.append(RememberingSpecs(source, recollection) if kept else source)
    built.specs_source = SpecsInOrder(tuple(sources))

    valuers: dict[str, Valuer] = {}
    for valuer_name in dict.fromkeys(one for some in settings.valuers.values() for one in some):
        valuer = _valuer(valuer_name, wiring)
        built.checks[valuer_name] = valuer.check
        kept = settings.cache and valuer_name != "listings"  # which asks nobody
        valuers[valuer_name] = RememberingValuer(valuer, recollection) if kept else valuer
    built.valuers = ValuersByCountry(
        {
            country: tuple(valuers[name] for name in names)
            for country, names in settings.valuers.items()
        }
    )
    return built


def _categorizer(name: CategorizerName, wiring: _Wiring) -> Categorizer:
    settings, built = wiring.settings, wiring.built
    match name:
        case "imagga":
            wanted = _given(settings.imagga)
            channel = wiring.channel(name, wanted)
            imagga = imagga_of(wanted, channel, built.accesses[name])
            built.starts.append(imagga.start)
            extras = ImaggaExtras(imagga)
            built.texts = extras
            if wanted.colors:
                built.colors = extras
            if wanted.car_gate or wanted.nsfw_gate:
                built.gate = ImaggaGate(imagga, cars=wanted.car_gate, nsfw=wanted.nsfw_gate)
            return imagga
        case "cloudinary":
            cloudinary = _given(settings.cloudinary)
            adapter = Cloudinary(
                wiring.channel(name, cloudinary),
                base_url=cloudinary.base_url,
                cloud_name=cloudinary.cloud_name,
                api_key=cloudinary.api_key.get_secret_value(),
                api_secret=cloudinary.api_secret.get_secret_value(),
                addons=cloudinary.addons.split(","),
                auto_tagging=cloudinary.auto_tagging,
                folder=cloudinary.folder,
                signature_algorithm=cloudinary.signature,
                signature_version=1 if cloudinary.signature_version == 1 else 2,
                notification_url=wiring.webhook_url(name),
                keep_photos=cloudinary.keep_photos,
            )
            built.notice_readers[name] = adapter
            return adapter
        case "imagekit":
            imagekit = _given(settings.imagekit)
            secret = imagekit.webhook_secret
            kit = ImageKit(
                wiring.channel(name, imagekit),
                upload_url=imagekit.upload_url,
                base_url=imagekit.base_url,
                private_key=imagekit.private_key.get_secret_value(),
                extensions=imagekit.taggers(),
                min_confidence=imagekit.min_confidence,
                max_tags=imagekit.max_tags,
                folder="carvalue",
                webhook_url=wiring.webhook_url(name),
                webhook_secret=secret.get_secret_value() if secret else None,
                keep_photos=imagekit.keep_photos,
                now=lambda: datetime.now(UTC),
            )
            built.notice_readers[name] = kit
            return kit
        case _:
            assert_never(name)


def imagga_of(wanted: ImaggaSettings, channel: Channel, access: Access) -> Imagga:
    """Imagga as the settings want it; it tells `access` what our subscription allows."""

    async def learn(usage: ImaggaUsage) -> None:
        await access.learn(**asdict(usage))

    return Imagga(
        channel,
        base_url=wanted.base_url,
        api_key=wanted.api_key.get_secret_value(),
        api_secret=wanted.api_secret.get_secret_value(),
        categorizer_id=wanted.categorizer_id,
        scale=wanted.scale,
        send=wanted.send,
        tag_threshold=wanted.tag_threshold,
        tag_limit=wanted.tag_limit,
        learn=learn,
    )


def access_to(
    name: str,
    wanted: ProviderSettings,
    book: QuotaBook,
    turns: Turns | None = None,
    seconds: float = LONGEST_CALL,
) -> Access:
    """The way to a provider, within the limits of the settings, for calls of so many seconds."""
    return Access(
        name,
        book,
        turns=turns,
        longest_call=seconds,
        concurrency=wanted.concurrency,
        monthly_limit=wanted.monthly_calls,
        resets_on_day=wanted.resets_on_day,
    )


def _specs_source(name: SpecsSourceName, wiring: _Wiring) -> SpecsSource:
    settings = wiring.settings
    match name:
        case "specs_api":
            specs_api = _given(settings.specs_api)
            return SpecsApi(
                wiring.channel(name, specs_api),
                base_url=specs_api.base_url,
                api_key=specs_api.api_key.get_secret_value(),
                source=specs_api.source,
            )
        case "carquery":
            carquery = settings.carquery
            return CarQuery(
                wiring.channel(name, carquery),
                base_url=carquery.base_url,
                user_agent=carquery.user_agent,
                source=carquery.source,
                pause=carquery.pause,
            )
        case "vpic":
            vpic = settings.vpic
            return VpicApi(wiring.channel(name, vpic), base_url=vpic.base_url, source=vpic.source)
        case "epa":
            return Epa(wiring.epa_rows)
        case _:
            assert_never(name)


def _valuer(name: ValuerName, wiring: _Wiring) -> Valuer:
    settings = wiring.settings
    match name:
        case "valuation_api":
            valuation_api = _given(settings.valuation_api)
            return ValuationApi(
                wiring.channel(name, valuation_api),
                base_url=valuation_api.base_url,
                api_key=valuation_api.api_key.get_secret_value(),
                source=valuation_api.source,
            )
        case "marketcheck":
            marketcheck = _given(settings.marketcheck)
            return MarketCheck(
                wiring.channel(name, marketcheck),
                base_url=marketcheck.base_url,
                api_key=marketcheck.api_key.get_secret_value(),
                source=marketcheck.source,
                mileage_band=marketcheck.mileage_band,
                predict=marketcheck.predict,
                dealer_type=marketcheck.dealer_type,
                zip=marketcheck.zip,
                latitude=marketcheck.latitude,
                longitude=marketcheck.longitude,
                radius=marketcheck.radius,
            )
        case "listings":
            return _listings(settings.listings)
        case _:
            assert_never(name)


def _listings(wanted: ListingsSettings) -> Valuer:
    try:
        # Needs the extra `carvalue[listings]`, which no other provider does.
        from carvalue.listings.valuer import ListingsValuer
    except ImportError as error:
        raise SettingsIncomplete(
            "The valuer listings needs its extra: pip install 'carvalue[listings]'"
        ) from error
    return ListingsValuer(
        wanted.folder, currency=wanted.currency, country=wanted.country, source=wanted.source
    )


SettingsT = TypeVar("SettingsT")


def _given(settings: SettingsT | None) -> SettingsT:
    if settings is None:
        raise SettingsIncomplete("A provider is chosen but not configured.")
    return settings
