"""A good channel, and one for every check of ``ChannelConformance`` with one defect."""

from tests.testing.broken.breaking import Broken, breaks

from trunkline.testing import Source

HEAD = '''"""A channel that posts to a room."""
import asyncio, contextlib, functools, json, logging, re, socket, time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit
from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, SecretStr
from trunkline import (
    Caller, Channel, HttpResponse, Outcome, PluginContext, Result, Routes, Strict, StrictRoute, deliver_by_http, hookimpl,
    requires, rest_hook_routes,
)


class Settings(BaseModel):
    token: SecretStr = Field(default="none", description="opens the room")


@hookimpl
def register_settings():
    return Settings


async def post(push, http):
    result = await deliver_by_http(push, http)
    return replace(result, outcome=Outcome.REJECTED) if result.status_code == 422 else result


class Client:
    """The client that was handed over, with what a defect alters on the way out and back."""

    def __init__(self, http, *, headers=lambda given: given, body=lambda given: given, answer=lambda given: given):
        self.http, self.headers, self.body, self.answer = http, headers, body, answer

    async def post(self, url, *, body, headers):
        response = await self.http.post(url, body=self.body(body), headers=self.headers(headers))
        return self.answer(response)
'''
CHANNEL = """
@hookimpl
def register_channels(context):
    return [Channel("acme", "Acme", "Posts each event to a room.", deliver=deliver)]
"""
DELIVER = """
async def deliver(push, http):
    return await post(push, http)
"""
ROUTES = """
@hookimpl
def register_routes(context):
    return [rest_hook_routes(context, channel="acme", title="Acme")]
"""
ATTRIBUTES = {
    "channel": "acme",
    "settings": {"acme.token": "the-token-of-the-room"},
    "signs": True,
    "rejects": (422,),
    "patience_seconds": 4.0,
}

PULLED = '''"""A channel that is pulled."""
from fastapi import APIRouter, Depends, Response
from trunkline import Caller, Channel, Routes, hookimpl, requires


@hookimpl
def register_channels(context):
    return [Channel("acme", "Acme", "Gives each event to whoever asks.")]


@hookimpl
def register_routes(context):
    router = APIRouter()

    @router.get("/events")
    async def read(cursor: str = "", limit: int = 50, caller: Caller = Depends(requires("events:read"))):
        page = await context.events.page(caller.company_id, cursor=cursor or None, limit=limit)
        bodies = give(list(page.bodies))
        return Response(b'{"events":[' + b",".join(bodies) + b'],"next_cursor":"' + page.next_cursor.encode() + b'"}')

    return [Routes(router)]
'''


def acme(deliver: str = DELIVER, *, channel: str = CHANNEL, routes: str = ROUTES, **attributes) -> Broken:
    """Put a plugin together out of its parts."""
    return Broken(
        Source("acme", f"{HEAD}\n\n{deliver}\n\n{channel}\n\n{routes}"), {**ATTRIBUTES, **attributes}
    )


def altering(expression: str) -> Broken:
    """Make a channel that gives another result than it got: *expression*, of which ``result`` is the one it got."""
    return acme(
        "async def deliver(push, http):\n    result = await post(push, http)\n    return " + expression + "\n"
    )


def with_outcome(condition: str, outcome: str) -> Broken:
    """Make a channel that calls what fulfils *condition* by another *outcome*."""
    return altering(f"replace(result, outcome=Outcome.{outcome}) if {condition} else result")


def pushing(expression: str) -> Broken:
    """Make a channel that sends another push than it was given: *expression*."""
    return acme(f"async def deliver(push, http):\n    return await post({expression}, http)\n")


def through(alterations: str) -> Broken:
    """Make a channel that alters what goes through its client."""
    return acme(f"async def deliver(push, http):\n    return await post(push, Client(http, {alterations}))\n")


def pulled(give: str) -> Broken:
    """Make a channel that is pulled, and gives of a page of events what the expression *give* makes of ``bodies``."""
    return Broken(
        Source("acme", f"{PULLED}\n\ndef give(bodies):\n    return {give}\n"),
        {"channel": "acme", "patience_seconds": 4.0},
    )


def good() -> Broken:
    return acme(patience_seconds=20.0)  # a good one has time; it is the broken ones that would use it up


def good_pulled() -> Broken:
    return pulled("bodies")


GOOD = {
    good: None,
    good_pulled: (
        "channel.is-described",
        "channel.has-a-name-of-its-own",
        "channel.gives-what-was-accepted",
        "channel.gives-each-event-once-in-order",
    ),
}


# ---- what a channel is -----------------------------------------------------------------------------------------------


@breaks("channel.is-described")
def says_nothing_of_itself():
    return acme(channel=CHANNEL.replace("Posts each event to a room.", "posts"))


@breaks("channel.has-a-name-of-its-own")
def takes_the_name_of_a_built_in():
    broken = acme(channel=CHANNEL.replace('"acme"', '"webhooks"'))
    return Broken(broken.plugin, {**broken.attributes, "channel": "webhooks"})


@breaks("channel.can-be-called")
def is_not_async():
    return acme("def deliver(push, http):\n    return post(push, http)\n")


# ---- what arrives ----------------------------------------------------------------------------------------------------


@breaks("channel.delivers-an-event")
def rejects_everything():
    return acme("async def deliver(push, http):\n    return Result(Outcome.REJECTED, error='no')\n")


@breaks("channel.delivers-once")
def sends_everything_twice():
    return acme(
        "async def deliver(push, http):\n    await post(push, http)\n    return await post(push, http)\n"
    )


@breaks("channel.keeps-the-bytes")
def encodes_anew():
    return pushing("replace(push, body=json.dumps(json.loads(push.body)).encode())")


@breaks("channel.delivers-every-event-type")
def knows_some_types_only():
    return acme(
        "async def deliver(push, http):\n"
        "    if push.event_type == 'payment.failed':\n"
        "        return Result(Outcome.DELIVERED, 200)\n"
        "    return await post(push, http)\n"
    )


@breaks("channel.keeps-any-text")
def speaks_ascii():
    return pushing("replace(push, body=push.body.decode('ascii', 'ignore').encode())")


@breaks("channel.takes-large-events")
def cuts_large_events():
    return pushing("replace(push, body=push.body[:65536])")


@breaks("channel.sends-the-same-on-every-attempt")
def notes_the_attempt_in_the_body():
    return pushing("replace(push, body=push.body + b' ' * push.attempt)")


@breaks("channel.delivers-many-at-once")
def shares_what_is_sent():
    return acme(
        "current = {}\n\n"
        "async def deliver(push, http):\n"
        "    current['push'] = push\n"
        "    await asyncio.sleep(0)\n"
        "    return await post(current['push'], http)\n"
    )


@breaks("channel.gives-what-was-accepted")
def loses_events_of_a_page():
    return pulled("bodies[:2]")


@breaks("channel.gives-each-event-once-in-order")
def gives_the_newest_first():
    return pulled("bodies[::-1]")


# ---- in a hub --------------------------------------------------------------------------------------------------------


@breaks("channel.retries-when-refused-for-now")
def rejects_a_503():
    return with_outcome("result.status_code == 503", "REJECTED")


@breaks("channel.retries-after-a-broken-connection")
def takes_a_broken_connection_for_the_end():
    return with_outcome("result.error", "GONE")


@breaks("channel.stops-when-refused-for-good")
def takes_a_rejection_for_success():
    return with_outcome("result.status_code == 422", "DELIVERED")


@breaks("channel.ends-when-the-target-is-gone")
def takes_gone_for_rejected():
    return with_outcome("result.status_code == 410", "REJECTED")


@breaks("channel.makes-test-calls")
def takes_ids_for_numbers():
    return pushing("replace(push, event_id=str(int(push.event_id)))")


FAN_OUT = """
targets = {}

async def deliver(push, http):
    targets[push.target.url] = push.target
    for target in list(targets.values()):
        result = await post(replace(push, target=target), http)
    return result
"""


@breaks("channel.keeps-companies-apart", "channel.forgets-a-deleted-target")
def sends_to_every_target_that_it_has_seen():
    return acme(FAN_OUT)


@breaks("channel.serves-each-target")
def keeps_the_first_target_of_a_company():
    return acme(
        "targets = {}\n\n"
        "async def deliver(push, http):\n"
        "    target = targets.setdefault(push.target.company_id, push.target)\n"
        "    return await post(replace(push, target=target), http)\n"
    )


@breaks("channel.follows-a-changed-target")
def keeps_the_target_of_a_subscription():
    return acme(
        "targets = {}\n\n"
        "async def deliver(push, http):\n"
        "    target = targets.setdefault(push.target.subscription_id, push.target)\n"
        "    return await post(replace(push, target=target), http)\n"
    )


@breaks("channel.pauses-and-resumes")
def sends_as_soon_as_an_event_is_accepted():
    return acme(
        "urls = set()\n\n"
        "async def deliver(push, http):\n"
        "    urls.add(push.target.url)\n"
        "    return await post(push, http)\n\n"
        "@hookimpl\n"
        "async def event_accepted(context, events):\n"
        "    for event in events:\n"
        "        for url in list(urls):\n"
        "            await context.http.post(url, body=event.body, headers={})\n"
    )


@breaks("channel.replays-the-same")
def gives_every_attempt_an_id_of_its_own():
    return pushing("replace(push, event_id=f'{push.event_id}-{push.attempt}')")


@breaks("channel.is-held-while-disabled")
def drops_what_is_older_than_itself():
    return acme(
        "started = {}\n\n"
        "async def deliver(push, http):\n"
        "    made = json.loads(push.body).get('createdUtc', '9')\n"
        "    if made < started['at']:\n"
        "        return Result(Outcome.DELIVERED, 200)\n"
        "    return await post(push, http)\n",
        channel=CHANNEL.replace(
            "    return", "    started['at'] = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(time.time() + 1))\n    return"
        ),
    )  # fmt: skip


@breaks("channel.loses-nothing-in-a-restart")
def keeps_what_failed_in_memory():
    return acme(
        "waiting = []\n\n"
        "async def deliver(push, http):\n"
        "    result = await post(push, http)\n"
        "    if result.outcome is Outcome.RETRY:\n"
        "        waiting.append(push)\n"
        "        return Result(Outcome.DELIVERED, 202)\n"
        "    return result\n"
    )


@breaks("channel.loses-nothing-in-a-crash")
def notes_an_event_as_sent_before_it_is():
    return acme(
        "async def deliver(push, http):\n"
        "    note = Path(__file__).parent / f'{push.target.subscription_id}-{push.event_id}'\n"
        "    if note.exists():\n"
        "        return Result(Outcome.DELIVERED, 200)\n"
        "    note.touch()\n"
        "    return await post(push, http)\n"
    )


@breaks("channel.delivers-on-postgresql")
def asks_what_only_sqlite_knows():
    return acme(
        "database = {}\n\n"
        "async def deliver(push, http):\n"
        "    async with database['it'].read() as connection:\n"
        "        await connection.exec_driver_sql('SELECT sqlite_version()')\n"
        "    return await post(push, http)\n",
        channel=CHANNEL.replace("    return", "    database['it'] = context.database\n    return"),
    )


# ---- what answers mean -----------------------------------------------------------------------------------------------


@breaks("channel.takes-every-2xx-as-delivered")
def knows_200_only():
    return with_outcome("result.status_code in {202, 204}", "RETRY")


@breaks("channel.retries-redirects")
def takes_redirects_for_success():
    return with_outcome("result.status_code in range(300, 400)", "DELIVERED")


@breaks("channel.follows-no-redirect")
def follows_redirects():
    return acme(
        "async def deliver(push, http):\n"
        "    response = await http.post(push.target.url, body=push.body, headers={})\n"
        "    if 'location' in response.headers:\n"
        "        response = await http.post(response.headers['location'], body=push.body, headers={})\n"
        "    return Result(Outcome.DELIVERED if response.status < 300 else Outcome.RETRY, response.status)\n"
    )


@breaks("channel.retries-client-errors")
def rejects_every_4xx():
    return with_outcome("result.status_code in range(400, 500)", "REJECTED")


@breaks("channel.retries-server-errors")
def rejects_a_501():
    return with_outcome("result.status_code == 501", "REJECTED")


@breaks("channel.ends-on-410")
def tries_again_after_410():
    return with_outcome("result.status_code == 410", "RETRY")


@breaks("channel.waits-as-long-as-429-says")
def does_not_read_the_wait_of_a_429():
    return altering("replace(result, retry_after_seconds=None) if result.status_code == 429 else result")


@breaks("channel.waits-as-long-as-503-says")
def does_not_read_the_wait_of_a_503():
    return altering("replace(result, retry_after_seconds=None) if result.status_code == 503 else result")


WITHOUT_DATES = "answer=lambda given: given if given.headers.get('retry-after', '0').isdigit() else HttpResponse(given.status, {}, given.body)"


@breaks("channel.reads-retry-after-dates")
def reads_seconds_only():
    return through(WITHOUT_DATES)


@breaks("channel.survives-odd-retry-after")
def believes_every_wait_to_be_a_number():
    return through(
        "answer=lambda given: given if float(given.headers.get('retry-after', '0')) >= 0 else None"
    )


@breaks("channel.leaves-waiting-to-the-hub")
def waits_itself():
    return acme(
        "async def deliver(push, http):\n"
        "    result = await post(push, http)\n"
        "    await asyncio.sleep(result.retry_after_seconds or 0)\n"
        "    return result\n"
    )


@breaks("channel.makes-one-request-per-attempt")
def tries_again_itself():
    return acme(
        "async def deliver(push, http):\n"
        "    result = await post(push, http)\n"
        "    return result if result.outcome is Outcome.DELIVERED else await post(push, http)\n"
    )


@breaks("channel.retries-when-nobody-listens")
def takes_a_closed_port_for_gone():
    return with_outcome("result.error == 'connection_refused'", "GONE")


@breaks("channel.retries-what-is-not-http")
def takes_garbage_for_success():
    return with_outcome("result.error == 'invalid_answer'", "DELIVERED")


@breaks("channel.survives-odd-answers")
def believes_every_answer_to_be_json():
    return through(
        "answer=lambda given: (json.loads(given.body.decode()), given)[1] if given.body else given"
    )


@breaks("channel.survives-a-huge-answer")
def refuses_long_answers():
    return through("answer=lambda given: HttpResponse(500, {}, b'') if len(given.body) > 60000 else given")


@breaks("channel.reports-the-status")
def reports_no_status():
    return altering("replace(result, status_code=None)")


@breaks("channel.keeps-what-the-target-said")
def keeps_no_answer():
    return altering("replace(result, response_body=None)")


# ---- headers ---------------------------------------------------------------------------------------------------------


@breaks("channel.says-what-it-sends")
def sends_plain_text():
    return through("headers=lambda given: {**given, 'content-type': 'text/plain'}")


@breaks("channel.lets-nothing-into-its-headers")
def makes_headers_of_lines():
    return acme(
        "def split(given):\n"
        "    made = {}\n"
        "    for name, value in given.items():\n"
        "        first, *more = value.splitlines() or ['']\n"
        "        made[name] = first\n"
        "        made |= dict(line.split(': ', 1) for line in more if ': ' in line)\n"
        "    return made\n\n"
        "async def deliver(push, http):\n"
        "    return await post(push, Client(http, headers=split))\n"
    )


@breaks("channel.sends-the-subscriptions-headers")
def leaves_out_the_subscriptions_headers():
    return pushing("replace(push, target=replace(push.target, headers={}))")


@breaks("channel.dates-each-attempt")
def dates_every_attempt_alike():
    return pushing("replace(push, timestamp=1_700_000_000)")


@breaks("channel.numbers-each-attempt")
def calls_every_attempt_the_first():
    return pushing("replace(push, attempt=1)")


@breaks("channel.signs-what-it-sends")
def signs_something_else():
    return through("body=lambda given: given + b' '")


@breaks("channel.signs-with-every-live-secret")
def signs_with_the_newest_secret_only():
    return pushing("replace(push, target=replace(push.target, secrets=push.target.secrets[:1]))")


# ---- the plugin's own route ------------------------------------------------------------------------------------------

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


@breaks("channel.subscribes-by-its-own-route")
def makes_no_subscription():
    return acme(routes=OWN_ROUTES.replace("{body}", "return {'id': 'sub_00000000000000000000'}"))


@breaks("channel.refuses-impossible-targets")
def says_yes_to_every_target():
    body = (
        "with contextlib.suppress(Exception):\n"
        "            return await context.subscriptions.create(caller.company_id, body.model_dump(), channel='acme')\n"
        "        return {'id': 'sub_00000000000000000000'}"
    )
    return acme(routes=OWN_ROUTES.replace("{body}", body))


# ---- what never happens ----------------------------------------------------------------------------------------------


@breaks("channel.sends-only-through-the-client")
def calls_home():
    return acme(
        "async def deliver(push, http):\n"
        "    with contextlib.suppress(OSError):\n"
        "        socket.create_connection(('127.0.0.1', 9), 0.2).close()\n"
        "    return await post(push, http)\n"
    )


@breaks("channel.reaches-no-private-address")
def dials_by_itself():
    return acme(
        "async def deliver(push, http):\n"
        "    parts = urlsplit(push.target.url)\n"
        "    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)\n"
        "    writer.write(b'POST %b HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 0\\r\\n\\r\\n' % parts.path.encode())\n"
        "    answer = await reader.readline()\n"
        "    writer.close()\n"
        "    return Result(Outcome.DELIVERED if b' 200 ' in answer else Outcome.RETRY, 200)\n"
    )


@breaks("channel.takes-no-raise-for-success")
def hopes_for_the_best():
    return acme(
        "async def deliver(push, http):\n"
        "    with contextlib.suppress(Exception):\n"
        "        await http.post(push.target.url, body=push.body, headers={})\n"
        "    return Result(Outcome.DELIVERED, 200)\n"
    )


@breaks("channel.names-what-went-wrong")
def names_no_error():
    return altering("replace(result, error=None)")


@breaks("channel.tells-no-secret-in-errors")
def shows_the_secret_in_the_error():
    return altering("replace(result, error=f'cannot sign with {push.target.secrets}')")


@breaks("channel.logs-no-secret")
def logs_the_headers():
    return pushing("(logging.getLogger('acme').debug('sending %s', push.target.headers), push)[1]")


@breaks("channel.shows-no-secret-in-a-repr")
def carries_the_token_about():
    return acme(
        "async def deliver(push, http, *, token):\n    return await post(push, http)\n",
        channel=CHANNEL.replace(
            "deliver=deliver", "deliver=functools.partial(deliver, token=context.settings.token.get_secret_value())"
        ),
    )  # fmt: skip


@breaks("channel.keeps-no-memory-of-events")
def remembers_everything():
    return acme(
        "sent = []\n\nasync def deliver(push, http):\n    sent.append(push)\n    return await post(push, http)\n"
    )


# ---- time ------------------------------------------------------------------------------------------------------------


@breaks("channel.ends-a-hang-in-time")
def takes_silence_for_consent():
    return with_outcome("result.error == 'timeout'", "DELIVERED")


@breaks("channel.waits-for-the-answer")
def sends_in_the_background():
    return acme(
        "tasks = set()\n\n"
        "async def deliver(push, http):\n"
        "    tasks.add(asyncio.create_task(post(push, http)))\n"
        "    return Result(Outcome.DELIVERED, 202)\n"
    )


@breaks("channel.ends-when-cancelled")
def goes_on_when_cancelled():
    return acme(
        "async def deliver(push, http):\n"
        "    try:\n"
        "        return await post(push, http)\n"
        "    except asyncio.CancelledError:\n"
        "        await asyncio.sleep(5)\n"
    )


@breaks("channel.gives-up-on-endless-answers")
def never_gives_up():
    return acme(
        "async def deliver(push, http):\n"
        "    while (result := await post(push, http)).error == 'timeout':\n"
        "        pass\n"
        "    return result\n"
    )


@breaks("channel.leaves-no-task-behind")
def leaves_a_task_running():
    return acme(
        "tasks = set()\n\n"
        "async def deliver(push, http):\n"
        "    tasks.add(asyncio.create_task(asyncio.sleep(30)))\n"
        "    return await post(push, http)\n"
    )


@breaks("channel.does-not-block-the-loop")
def sleeps_without_await():
    return acme("async def deliver(push, http):\n    time.sleep(0.6)\n    return await post(push, http)\n")


@breaks("channel.lets-other-targets-go-on")
def sends_one_at_a_time():
    return acme(
        "lock = asyncio.Lock()\n\n"
        "async def deliver(push, http):\n"
        "    async with lock:\n"
        "        return await post(push, http)\n"
    )


@breaks("channel.lets-other-channels-go-on")
def blocks_the_hub():
    return acme("async def deliver(push, http):\n    time.sleep(2.5)\n    return await post(push, http)\n")
