"""
Where providers say that an awaited answer is there.

A notice is only a hint: it is proved to come from the provider, and then the answer is fetched
from the provider itself. Who is told that nobody waits learns nothing.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from carvalue.web.dependencies import AppraiserDep

router = APIRouter(prefix="/v1/webhooks", include_in_schema=False)

Provider = Annotated[str, Path(pattern="^[a-z_]{1,40}$")]


@router.post("/{provider}", status_code=200)
async def receive_notice(provider: Provider, request: Request, appraiser: AppraiserDep) -> Response:
    """Take the notice of a provider, named as in the settings."""
    # The bytes as they came: what is parsed and written again has another signature.
    await appraiser.notice(provider, dict(request.headers), await request.body())
    return Response()  # ImageKit asks for a 200
