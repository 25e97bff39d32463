"""Channels with a defect in their headers, or in their own route."""

from tests.kit.broken.breaking import breaks
from tests.kit.broken.channel import acme, pushing, through

sends_plain_text = through("headers=lambda given: {**given, 'content-type': 'text/plain'}").breaks(
    "channel.says-what-it-sends"
)

makes_headers_of_lines = acme(
    "def split(given):\n"
    "    made = {}\n"
    "    for name, value in given.items():\n"
    "        first, *more = value.splitlines() or ['']\n"
    "        made[name] = first\n"
    "        made |= dict(line.split(': ', 1) for line in more if ': ' in line)\n"
    "    return made\n\n"
    "async def deliver(push, http):\n"
    "    return await post(push, Client(http, headers=split))\n"
).breaks("channel.lets-nothing-into-its-headers")

leaves_out_the_subscriptions_headers = pushing(
    "replace(push, target=replace(push.target, headers={}))"
).breaks("channel.sends-the-subscriptions-headers")

dates_every_attempt_alike = pushing("replace(push, timestamp=1_700_000_000)").breaks(
    "channel.dates-each-attempt"
)

calls_every_attempt_the_first = pushing("replace(push, attempt=1)").breaks("channel.numbers-each-attempt")

signs_something_else = through("body=lambda given: given + b' '").breaks("channel.signs-what-it-sends")

signs_with_the_newest_secret_only = pushing(
    "replace(push, target=replace(push.target, secrets=push.target.secrets[:1]))"
).breaks("channel.signs-with-every-live-secret")

OWN_ROUTES = """
class Room(Strict):
    target_url: str
    event_types: list[str]


@hookimpl
def register_routes(context):
    router = APIRouter(route_class=StrictRoute)

    @router.post("", status_code=201)
    async def subscribe(body: Room, caller: Caller = Depends(requires("webhooks:write", bucket="admin"))):
        {body}

    return [Routes(router, prefix="/acme/rooms")]
"""

makes_no_subscription = acme(
    routes=OWN_ROUTES.replace("{body}", "return {'id': 'sub_00000000000000000000'}")
).breaks("channel.subscribes-by-its-own-route")


@breaks("channel.refuses-impossible-targets")
def says_yes_to_every_target():
    body = (
        "with contextlib.suppress(Exception):\n"
        "            return await context.subscriptions.create(caller.company_id, body.model_dump(), channel='acme')\n"
        "        return {'id': 'sub_00000000000000000000'}"
    )
    return acme(routes=OWN_ROUTES.replace("{body}", body))


leaks_headers_by_a_mutable_default = acme(
    "async def deliver(push, http, more={}):\n"
    "    more.update(push.target.headers)\n"
    "    return await post(replace(push, target=replace(push.target, headers=dict(more))), http)\n"
).breaks("channel.keeps-headers-apart")
