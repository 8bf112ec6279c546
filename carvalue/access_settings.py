"""
The settings of who may come in that belong together.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from carvalue.provider_settings import HttpAddress, Key

LongKey = Annotated[Key, Field(min_length=16)]
"""Nobody guesses it."""


class OidcSettings(BaseModel):
    """The team's own identity provider: whose tokens, made for whom, and where its keys are."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    issuer: HttpAddress = Field(description="Your own identity provider, whose users may come in.")
    audience: str = Field(min_length=1, description="Whom its tokens are made for.")
    jwks_url: HttpAddress | None = Field(
        None, description="Where its keys are, if it does not say."
    )
