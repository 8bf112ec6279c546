"""
Where partners' servers are told what has happened to appraisals. Phones wait for an answer instead.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request, Response

from carvalue.core import errors
from carvalue.core.ports import Position
from carvalue.core.webhook_endpoints import WebhookEndpoints
from carvalue.core.webhooks import Endpoint
from carvalue.web import webhook_schemas as schemas
from carvalue.web.dependencies import MAX_PAGE, CallerDep, Cursor, CursorsDep, Limit
from carvalue.web.fields import ID
from carvalue.web.problems import problems

PATH = "/v1/webhook-endpoints"
router = APIRouter(prefix=PATH, tags=["webhook-endpoints"])


def _webhooks(request: Request) -> WebhookEndpoints:
    webhooks: WebhookEndpoints = request.app.state.services.webhooks
    return webhooks


WebhooksDep = Annotated[WebhookEndpoints, Depends(_webhooks)]


async def own_endpoint(
    endpoint_id: Annotated[
        str, Path(pattern=ID, examples=["whe_a6cc60494d594fd6a91ea96f51049134"])
    ],
    webhooks: WebhooksDep,
    caller: CallerDep,
) -> str:
    """
    The id of an endpoint of the caller.

    Raises `WebhookEndpointNotFound` for one that is another's, as for one that is not there.
    """
    if (await webhooks.store.get(endpoint_id)).owner != caller.tenant:
        raise errors.WebhookEndpointNotFound("There is no such webhook endpoint.")
    return endpoint_id


EndpointId = Annotated[str, Depends(own_endpoint)]
DeliveryId = Annotated[str, Path(pattern=ID, examples=["msg_0f7f60494d594fd6a91ea96f51049134"])]


def _with_secret(endpoint: Endpoint, response: Response) -> schemas.WebhookEndpointWithSecret:
    response.headers["Cache-Control"] = "no-store"
    return schemas.WebhookEndpointWithSecret.model_validate(endpoint)


@router.post(
    "",
    status_code=201,
    responses=problems(errors.WebhookUrlRefused, errors.TooManyWebhookEndpoints, body=True),
)
async def create_webhook_endpoint(
    body: schemas.WebhookEndpointCreate,
    webhooks: WebhooksDep,
    caller: CallerDep,
    response: Response,
) -> schemas.WebhookEndpointWithSecret:
    """
    Register an address that events are sent to, signed after Standard Webhooks.

    Keep the secret: it is not shown again.
    """
    made = await webhooks.register(
        body.url, body.event_types or (), body.description, owner=caller.tenant
    )
    response.headers["Location"] = f"{PATH}/{made.id}"
    return _with_secret(made, response)


@router.get("", responses=problems(errors.InvalidCursor))
async def list_webhook_endpoints(
    webhooks: WebhooksDep,
    caller: CallerDep,
    cursors: CursorsDep,
    response: Response,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> schemas.WebhookEndpointList:
    """List the webhook endpoints, newest first."""
    limit = min(limit, MAX_PAGE)
    listed = ("webhook-endpoints", caller.tenant)
    found = await webhooks.store.page(
        limit=limit + 1,
        after=cursors.position_of(cursor, of=listed),
        owner=caller.tenant,
    )
    page, next_cursor = cursors.first_of(
        found, limit, lambda one: Position(one.created_at, one.id), of=listed
    )
    if next_cursor:
        response.headers["Link"] = f'<{PATH}?limit={limit}&cursor={next_cursor}>; rel="next"'
    return schemas.WebhookEndpointList(
        data=[schemas.WebhookEndpoint.model_validate(one) for one in page],
        next_cursor=next_cursor,
    )


@router.get("/{endpoint_id}", responses=problems(errors.WebhookEndpointNotFound))
async def get_webhook_endpoint(
    endpoint_id: EndpointId, webhooks: WebhooksDep
) -> schemas.WebhookEndpoint:
    """Get one webhook endpoint."""
    return schemas.WebhookEndpoint.model_validate(await webhooks.store.get(endpoint_id))


@router.patch(
    "/{endpoint_id}",
    responses=problems(errors.WebhookEndpointNotFound, errors.WebhookUrlRefused, body=True),
)
async def change_webhook_endpoint(
    endpoint_id: EndpointId, body: schemas.WebhookEndpointChange, webhooks: WebhooksDep
) -> schemas.WebhookEndpoint:
    """
    Change a webhook endpoint, disable it or enable it again.

    What is still to be sent to a disabled endpoint is given up; it can be delivered again.
    """
    changed = await webhooks.change(endpoint_id, body.to_change())
    return schemas.WebhookEndpoint.model_validate(changed)


@router.delete(
    "/{endpoint_id}", status_code=204, responses=problems(errors.WebhookEndpointNotFound)
)
async def delete_webhook_endpoint(endpoint_id: EndpointId, webhooks: WebhooksDep) -> Response:
    """Delete a webhook endpoint with its secret and its log; nothing more is sent to it."""
    await webhooks.store.delete(endpoint_id)
    return Response(status_code=204)


@router.post("/{endpoint_id}/secret-rotations", responses=problems(errors.WebhookEndpointNotFound))
async def rotate_webhook_secret(
    endpoint_id: EndpointId, webhooks: WebhooksDep, response: Response
) -> schemas.WebhookEndpointWithSecret:
    """
    Give a webhook endpoint a new secret.

    For 24 hours everything is signed with that of before as well; a third one ends it at once.
    """
    return _with_secret(await webhooks.rotate_secret(endpoint_id), response)


@router.post(
    "/{endpoint_id}/test-deliveries",
    status_code=202,
    responses=problems(errors.WebhookEndpointNotFound, errors.WebhookEndpointDisabled),
)
async def send_test_webhook(
    endpoint_id: EndpointId, webhooks: WebhooksDep, response: Response
) -> schemas.WebhookDelivery:
    """Send a webhook endpoint a `webhook.test`; see at `Location` whether it has arrived."""
    made = await webhooks.test(endpoint_id)
    response.headers["Location"] = f"{PATH}/{endpoint_id}/deliveries/{made.id}"
    return schemas.WebhookDelivery.of(made)


@router.get(
    "/{endpoint_id}/deliveries",
    responses=problems(errors.WebhookEndpointNotFound, errors.InvalidCursor),
)
async def list_webhook_deliveries(
    endpoint_id: EndpointId,
    webhooks: WebhooksDep,
    caller: CallerDep,
    cursors: CursorsDep,
    response: Response,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> schemas.WebhookDeliveryList:
    """List what has been sent to a webhook endpoint in the last 30 days, newest first."""
    limit = min(limit, MAX_PAGE)
    listed = ("webhook-deliveries", caller.tenant, endpoint_id)
    found = await webhooks.store.deliveries(
        endpoint_id, limit=limit + 1, after=cursors.position_of(cursor, of=listed)
    )
    page, next_cursor = cursors.first_of(
        found, limit, lambda one: Position(one.created_at, one.id), of=listed
    )
    if next_cursor:
        path = f"{PATH}/{endpoint_id}/deliveries"
        response.headers["Link"] = f'<{path}?limit={limit}&cursor={next_cursor}>; rel="next"'
    return schemas.WebhookDeliveryList(
        data=[schemas.WebhookDelivery.of(one) for one in page], next_cursor=next_cursor
    )


@router.get(
    "/{endpoint_id}/deliveries/{delivery_id}",
    responses=problems(errors.WebhookEndpointNotFound, errors.WebhookDeliveryNotFound),
)
async def get_webhook_delivery(
    endpoint_id: EndpointId, delivery_id: DeliveryId, webhooks: WebhooksDep
) -> schemas.WebhookDelivery:
    """Get what has become of one message."""
    return schemas.WebhookDelivery.of(await webhooks.store.delivery(endpoint_id, delivery_id))


@router.post(
    "/{endpoint_id}/deliveries/{delivery_id}/redeliveries",
    status_code=202,
    responses=problems(
        errors.WebhookEndpointNotFound,
        errors.WebhookDeliveryNotFound,
        errors.WebhookEndpointDisabled,
    ),
)
async def redeliver_webhook(
    endpoint_id: EndpointId, delivery_id: DeliveryId, webhooks: WebhooksDep
) -> schemas.WebhookDelivery:
    """Send a message once more, whatever became of it, with the `webhook-id` that it had."""
    return schemas.WebhookDelivery.of(await webhooks.redeliver(endpoint_id, delivery_id))


events = APIRouter(tags=["events"])
"""What is sent to webhook endpoints, for the description of the API only."""


@events.post(
    "event",
    operation_id="receive_webhook_event",
    status_code=204,
    responses={
        "4XX": {"description": "Sent again later, for three days; 410 disables the endpoint."},
        "5XX": {"description": "Sent again later, for three days."},
    },
)
def receive_webhook_event(
    body: schemas.WebhookEvent,
    webhook_id: Annotated[str, Header(examples=["msg_0f7f60494d594fd6a91ea96f51049134"])],
    webhook_timestamp: Annotated[
        int, Header(description="Of this attempt, in Unix seconds.", examples=[1795602243])
    ],
    webhook_signature: Annotated[
        str,
        Header(
            description="HMAC-SHA256 of id, timestamp and body; two by a blank after a rotation.",
            examples=["v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="],
        ),
    ],
) -> None:
    """
    An event, signed after Standard Webhooks.

    Answer with 2xx within 15 seconds. The same `webhook-id` may come twice.
    """
