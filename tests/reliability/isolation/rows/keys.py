"""Keys: listed, replaced, guessed, and with individual terms."""

import json

from attack import Attack
from fill import World
from row import row
from sqlalchemy import text

from trunkline.store.engines import EngineDatabase

OK, CREATED = 200, 201


@row()
async def keys_listed(attack: Attack) -> None:
    """A caller without the right to it lists and makes keys, eight at a time."""

    async def ask(turn: int) -> None:
        await attack.call("GET", "/keys", company=turn % 3)
        await attack.call("POST", "/keys", {"name": "mine", "scopes": ["operator"]}, company=turn % 3)

    await attack.repeat(ask, at_once=8)


@row()
async def keys_rotated(attack: Attack) -> None:
    """Keys are replaced one after the other, so that each has a fresh limit, by four callers at a time, and all keys are listed."""
    held = list(attack.companies[1].keys)

    async def rotate(turn: int) -> None:
        key = held[turn % len(held)]
        listed = await attack.call("GET", "/keys", key=key)
        own = (
            [each["id"] for each in listed.json()["keys"] if key.endswith(each["last4"])]
            if listed.status == OK
            else []
        )
        for key_id in own:
            made = await attack.call("POST", f"/keys/{key_id}/rotate", {"overlap_seconds": 0}, key=key)
            if made.status == CREATED:
                held[turn % len(held)] = made.json()["key"]

    await attack.repeat(rotate, at_once=4)


@row()
async def keys_guessed(attack: Attack) -> None:
    """Keys are guessed, eight at a time, without a pause."""

    await attack.repeat(
        lambda turn: attack.call("GET", "/events", key=f"wlcro_live_7_{turn:043}"),
        at_once=8,
        pause_seconds=0.01,
    )


@row()
async def keys_guessed_at_length(attack: Attack) -> None:
    """Keys of 8,000 letters, the most that fit into a head, are guessed."""

    await attack.repeat(
        lambda turn: attack.call("GET", "/events", key=f"wlcro_live_7_{turn:08000}"), at_once=4
    )


async def keys_with_terms(world: World) -> None:
    """Restrict three keys of the attacker: to twenty foreign networks; to these and its own network; by an expiry."""
    elsewhere = [f"2001:db8:{n:x}::/48" for n in range(19)]
    terms: list[tuple[str | None, int | None]] = [
        (json.dumps([*elsewhere, "203.0.113.0/24"]), None),
        (json.dumps([*elsewhere, "127.0.0.1/32"]), None),
        (None, 1),
    ]
    company = {"company": world.attacker.id}
    async with EngineDatabase(world.url) as database, database.write() as connection:
        await connection.execute(  # the minute of the new keys is over
            text("UPDATE api_keys SET created_ms = created_ms - 3600000 WHERE company_id = :company"), company
        )
        for key, (networks, expires_ms) in zip(world.attacker.keys, terms, strict=False):
            await connection.execute(
                text(
                    "UPDATE api_keys SET networks = :networks, expires_ms = :at WHERE last4 = :last4 AND company_id = :company"
                ),
                {"networks": networks, "at": expires_ms, "last4": key[-4:], **company},
            )


@row(prepare=keys_with_terms, is_alone=True)
async def keys_from_elsewhere(attack: Attack) -> None:
    """Keys for twenty other networks, and an expired key, are used from behind thousands of proxies, eight at a time."""
    hops = {"X-Forwarded-For": ",".join(["203.0.113.7"] * 1_200)}

    await attack.repeat(
        lambda turn: attack.call("GET", "/events?limit=1", headers=hops), at_once=8, pause_seconds=0.005
    )


@row(prepare=keys_with_terms, is_alone=True)
async def keys_rotated_with_an_overlap(attack: Attack) -> None:
    """A key with twenty networks is replaced repeatedly, four at a time; every new key is valid for a month and used."""
    key = attack.companies[0].keys[1]
    own = [
        each["id"]
        for each in (await attack.call("GET", "/keys", key=key)).json()["keys"]
        if each["last4"] == key[-4:]
    ]

    async def rotate(_: int) -> None:
        made = await attack.call("POST", f"/keys/{own[0]}/rotate", {"overlap_seconds": 2_592_000}, key=key)
        if made.status == CREATED:
            newest = made.json()["key"]
            await attack.call("GET", "/events?limit=200", key=newest)
            await attack.call("GET", "/keys", key=newest)

    await attack.repeat(rotate, at_once=4)
