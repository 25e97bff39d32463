"""Channels with a defect in the content that they deliver."""

from tests.kit.broken.breaking import Broken, breaks
from tests.kit.broken.channel import CHANNEL, acme, pulled, pushing


@breaks("channel.is-described")
def says_nothing_of_itself():
    return acme(channel=CHANNEL.replace("Posts each event to a room.", "posts"))


@breaks("channel.has-a-name-of-its-own")
def takes_the_name_of_a_built_in():
    broken = acme(channel=CHANNEL.replace('"acme"', '"webhooks"'))
    return Broken(broken.plugin, {**broken.attributes, "channel": "webhooks"})


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
