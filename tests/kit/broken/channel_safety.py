"""Channels that break a prohibition."""

from tests.kit.broken.channel import CHANNEL, acme, altering, delivering, pushing

asks_for_more_than_it_gets = acme(
    "async def deliver(push, http, room):\n    return await post(push, http)\n"
).breaks("channel.can-be-called")

calls_home = delivering(
    "    with contextlib.suppress(OSError):\n"
    "        socket.create_connection(('127.0.0.1', 9), 0.2).close()\n"
    "    return await post(push, http)\n"
).breaks("channel.sends-only-through-the-client")

dials_by_itself = delivering(
    "    parts = urlsplit(push.target.url)\n"
    "    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)\n"
    "    writer.write(b'POST %b HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 0\\r\\n\\r\\n' % parts.path.encode())\n"
    "    answer = await reader.readline()\n"
    "    writer.close()\n"
    "    return Result(Outcome.DELIVERED if b' 200 ' in answer else Outcome.RETRY, 200)\n"
).breaks("channel.reaches-no-private-address")

hopes_for_the_best = delivering(
    "    with contextlib.suppress(Exception):\n"
    "        await http.post(push.target.url, body=push.body, headers={})\n"
    "    return Result(Outcome.DELIVERED, 200)\n"
).breaks("channel.takes-no-raise-for-success")

names_no_error = altering("replace(result, error=None)").breaks("channel.names-what-went-wrong")

shows_the_secret_in_the_error = altering(
    "replace(result, error=f'cannot sign with {push.target.secrets}')"
).breaks("channel.tells-no-secret-in-errors")

logs_the_headers = pushing(
    "(logging.getLogger('acme').debug('sending %s', push.target.headers), push)[1]"
).breaks("channel.logs-no-secret")

carries_the_token_about = acme(
        "async def deliver(push, http, *, token):\n    return await post(push, http)\n",
        channel=CHANNEL.replace(
            "deliver=deliver", "deliver=functools.partial(deliver, token=context.settings.token.get_secret_value())"
        ),
    ).breaks("channel.shows-no-secret-in-a-repr")  # fmt: skip

remembers_everything = acme(
    "sent = []\n\nasync def deliver(push, http):\n    sent.append(push)\n    return await post(push, http)\n"
).breaks("channel.keeps-no-memory-of-events")

prints_the_event = pushing("(print(push.event_id), push)[1]").breaks("channel.prints-nothing")

raises_with_the_secret = delivering(
    "    result = await post(push, http)\n"
    "    if result.outcome is not Outcome.DELIVERED:\n"
    "        raise ValueError(f'cannot sign with {push.target.secrets}')\n"
    "    return result\n"
).breaks("channel.raises-no-secret")
