"""
What is to be known of each provider: its address, our keys, and how it is asked.
"""

from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from carvalue.core.answers import Scale
from carvalue.core.valuation import MileageUnit


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


GOOGLE: Final = "google-auto-tagging"
AWS: Final = "aws-auto-tagging"
Key = Annotated[SecretStr, Field(min_length=1), AfterValidator(_printable)]
HttpAddress = Annotated[str, AfterValidator(_address)]
ProviderId = Annotated[str, StringConstraints(pattern=r"^(tags/)?[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class ProviderSettings(BaseModel):
    """
    What holds for every provider.

    `concurrency` and `monthly_calls` are the limits of the subscription, kept to before the
    provider refuses; the month begins on `resets_on_day`.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    concurrency: int | None = Field(
        None, ge=1, le=1000, description="Calls at the same time that the subscription allows."
    )
    monthly_calls: int | None = Field(
        None, ge=0, description="Calls a month that the subscription allows."
    )
    resets_on_day: int = Field(1, ge=1, le=28, description="Day on which its month begins.")
    seconds: float | None = Field(
        None,
        gt=0,
        le=60,
        description="Seconds that one call may take, if not those of all providers.",
    )


class ImaggaSettings(ProviderSettings):
    """
    Access to Imagga. The categorizer is the one trained for the account, or a tagger: `tags`.

    The gates ask Imagga's own `personal_photos` and `nsfw_beta` first, `colors` asks for the car's
    colour: a call more for each photo. `send` is how a photo gets there: `upload` sends it once
    for all that is asked about it. The limits of tags are for a categorizer that is a tagger.
    """

    base_url: HttpAddress = "https://api.imagga.com/v2"
    api_key: Key = Field(description="Your key of Imagga.")
    api_secret: Key = Field(description="Your secret of Imagga.")
    categorizer_id: ProviderId = Field(description="Your categorizer, trained on your cars.")
    scale: Scale = Scale.percent
    send: Literal["file", "base64", "upload"] = "file"
    tag_threshold: float | None = Field(None, ge=0, le=100)
    tag_limit: int | None = Field(None, ge=1)
    car_gate: bool = False
    nsfw_gate: bool = False
    colors: bool = False


class CloudinarySettings(ProviderSettings):
    """
    Access to Cloudinary, whose add-ons categorize. Its confidences run from 0 to 1.

    Photos are uploaded into `folder`. Version 1 of the signature is for accounts that refuse 2.
    """

    base_url: HttpAddress = "https://api.cloudinary.com"
    cloud_name: ProviderId = Field(description="Your cloud's name at Cloudinary.")
    api_key: Key = Field(description="Your key of Cloudinary.")
    api_secret: Key = Field(description="Your secret of Cloudinary.")
    addons: str = Field("imagga_tagging", pattern=r"^[a-z_]+(,[a-z_]+)*$")
    auto_tagging: float | None = Field(None, ge=0, le=1)
    signature: Literal["sha1", "sha256"] = "sha1"
    signature_version: int = Field(2, ge=1, le=2)
    folder: str = Field("carvalue", pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", max_length=100)
    keep_photos: bool = False


class ImageKitSettings(ProviderSettings):
    """Access to ImageKit, whose extensions tag. `webhook_secret` proves its notices."""

    upload_url: HttpAddress = "https://upload.imagekit.io"
    base_url: HttpAddress = "https://api.imagekit.io"
    private_key: Key = Field(description="Your private key of ImageKit.")
    webhook_secret: Key | None = None
    extensions: str = Field("google-auto-tagging,aws-auto-tagging", pattern=r"^[a-z-]+(,[a-z-]+)*$")
    min_confidence: int = Field(10, ge=0, le=100)
    max_tags: int = Field(30, ge=1, le=30)
    keep_photos: bool = False

    def taggers(self) -> list[Literal["google-auto-tagging", "aws-auto-tagging"]]:
        """The extensions, each once."""
        wanted = self.extensions.split(",")
        return [one for one in (GOOGLE, AWS) if one in wanted]


class SpecsApiSettings(ProviderSettings):
    """Access to the specs API. `source` is how answers name it."""

    base_url: HttpAddress = Field(description="Where the specs API is.")
    api_key: Key = Field(description="Your key of the specs API.")
    source: str = "specs_api"


class CarQuerySettings(ProviderSettings):
    """CarQuery takes no key, but refuses the agents of HTTP libraries."""

    base_url: HttpAddress = "https://www.carqueryapi.com/api/0.3/"
    user_agent: str = Field("Mozilla/5.0 (compatible; carvalue)", pattern=r"^[ -~]{1,200}$")
    pause: float = Field(1.5, ge=0, le=10)
    source: str = "carquery"


class VpicSettings(ProviderSettings):
    """NHTSA's vPIC over the web takes no key; it knows cars by their VIN only."""

    base_url: HttpAddress = "https://vpic.nhtsa.dot.gov/api/vehicles"
    source: str = "vpic"


class ValuationApiSettings(ProviderSettings):
    """Access to the valuation API. `source` is how answers name it."""

    base_url: HttpAddress = Field(description="Where the valuation API is.")
    api_key: Key = Field(description="Your key of the valuation API.")
    source: str = "valuation_api"


class MarketCheckSettings(ProviderSettings):
    """
    Access to MarketCheck. `monthly_calls` is that of the free plan; `predict` costs a call.

    Prices are of the whole country, or of so many miles (`radius`) around a `zip` code or a point
    in degrees. Predictions are of the prices of franchise or of independent dealers.
    """

    base_url: HttpAddress = "https://api.marketcheck.com/v2"
    api_key: Key = Field(description="Your key of MarketCheck.")
    source: str = "marketcheck"
    monthly_calls: int | None = Field(500, ge=0)
    mileage_band: int = Field(10_000, ge=1_000, le=100_000)
    predict: bool = True
    dealer_type: Literal["franchise", "independent"] = "franchise"
    zip: str | None = Field(None, pattern=r"^[A-Z0-9]{3,10}$")
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    radius: int | None = Field(None, ge=1, le=500)


class ListingsSettings(BaseModel):
    """
    Asking prices of one's own: where they are kept, and how their file is to be read.

    `country` is the one that they are of; without one they are taken for any. The columns are
    guessed by common names where none is named.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    folder: Path = Field(
        Path("listings"), description="Where your own asking prices are kept; see docs/listings.md."
    )
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$", description="What they are in (ISO 4217).")
    country: str | None = Field(
        None, pattern=r"^[A-Z]{2}$", description="The country that they are of; none: any."
    )
    mileage_unit: MileageUnit = Field(
        MileageUnit.km, description="What mileages are in where their column does not say it."
    )
    make_column: str | None = Field(None, description="Name of your file's column of makes.")
    model_column: str | None = Field(None, description="Name of your file's column of models.")
    year_column: str | None = Field(None, description="Name of your file's column of model years.")
    mileage_column: str | None = Field(None, description="Name of your file's column of mileages.")
    trim_column: str | None = Field(None, description="Name of your file's column of trims.")
    price_column: str | None = Field(None, description="Name of your file's column of prices.")
    date_column: str | None = Field(None, description="Name of your file's column of days.")
    id_column: str | None = Field(None, description="Name of your file's column of ids.")
    source: str = Field("listings", description="How answers name them.")
