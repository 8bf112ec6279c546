"""
What routes are handed: the use cases, and the headers that they share.
"""

import re
import secrets
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from fastapi import Depends, Header, Path, Query, Request

from carvalue.core.appraisal import Appraisal
from carvalue.core.appraiser import Appraiser
from carvalue.core.authentication import Authenticator
from carvalue.core.callers import Caller
from carvalue.core.devices import DeviceSessions
from carvalue.core.errors import AppraisalNotFound
from carvalue.core.signing import Signer
from carvalue.core.webhook_endpoints import WebhookEndpoints
from carvalue.web.cursors import Cursors
from carvalue.web.idempotency import InProgress
from carvalue.web.limits import Limits
from carvalue.web.prefer import DEFAULT_SECONDS


class ProviderStates(Protocol):
    """Tells how the providers are."""

    async def states(self) -> dict[str, dict[str, Any]]:
        """The state of each provider, and what of its subscription is used."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes work with; the app's lifespan puts it on `app.state.services`."""

    appraiser: Appraiser
    provider_watch: ProviderStates
    webhooks: WebhookEndpoints | None = None
    patience: float = DEFAULT_SECONDS
    """Seconds that a caller waits who does not say how long."""
    in_progress: InProgress = field(default_factory=InProgress)
    authenticator: Authenticator | None = None
    """Without one nobody is let in, unless the API is open to all."""
    sessions: DeviceSessions | None = None
    cursors: Cursors = field(default_factory=lambda: Cursors(Signer(secrets.token_bytes(32))))
    limits: Limits = field(default_factory=Limits)


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _appraiser(services: Annotated[Services, Depends(_services)]) -> Appraiser:
    return services.appraiser


def _cursors(request: Request) -> Cursors:
    cursors: Cursors = request.app.state.services.cursors
    return cursors


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller  # `web.access` has put it there
    return caller


ServicesDep = Annotated[Services, Depends(_services)]
AppraiserDep = Annotated[Appraiser, Depends(_appraiser)]
CursorsDep = Annotated[Cursors, Depends(_cursors)]
CallerDep = Annotated[Caller, Depends(_caller)]


async def own_appraisal(
    appraisal_id: Annotated[
        str, Path(max_length=100, examples=["apr_a6cc60494d594fd6a91ea96f51049134"])
    ],
    appraiser: AppraiserDep,
    caller: CallerDep,
) -> str:
    """
    The id of an appraisal that the caller may see.

    Raises `AppraisalNotFound` for one that is another's, as for one that is not there.
    """
    if not caller.may_see(await appraiser.store.owner(appraisal_id)):
        raise AppraisalNotFound("There is no such appraisal.")
    return appraisal_id


AppraisalId = Annotated[str, Depends(own_appraisal)]
"""Whoever has one has been let through: an owner never changes."""
MAX_PAGE = 100
Limit = Annotated[
    int, Query(ge=1, description=f"How many at most; more than {MAX_PAGE} count as {MAX_PAGE}.")
]
Cursor = Annotated[
    str | None, Query(max_length=300, description="`next_cursor` of the page before.")
]
IfMatch = Annotated[
    str | None, Header(max_length=200, description="ETag of the appraisal as it was shown.")
]
IfNoneMatch = Annotated[str | None, Header(max_length=2000, description="ETags known already.")]


def etag_of(appraisal: Appraisal) -> str:
    """The strong ETag of one version of an appraisal."""
    return f'"{appraisal.id[-8:]}-{appraisal.version}"'


NEVER = 0
"""No appraisal has this version: the first one is 1."""


def version_in(if_match: str | None, appraisal_id: str) -> int | None:
    """
    The version that `If-Match` asks for; None for any, `NEVER` for an ETag that it never had.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    found = re.fullmatch(r'"([0-9a-f]{8})-([0-9]{1,9})"', if_match.strip())
    if found is None or not appraisal_id.endswith(found[1]):
        return NEVER
    return int(found[2])


def is_known(etag: str, if_none_match: str | None) -> bool:
    """Whether the caller has this ETag already (RFC 9110, 13.1.2: weak comparison)."""
    if if_none_match is None:
        return False
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in known or "*" in known
