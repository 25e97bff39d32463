"""API keys: format, scopes, and the principal of a request."""

import asyncio
import hashlib
import re
from base64 import b64decode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import clock_steps
from tests.databases import limits_over
from tests.statements import execute

from trunkline.access.keys import Keys, ParsedKey, Principal, new_key, parse_key
from trunkline.access.vault import Vault
from trunkline.errors import BodyInvalid, Forbidden, KeysTooFast, NotFound, StoreUnavailable, Unauthenticated
from trunkline.model.companies import MAX_COMPANY_ID
from trunkline.model.principals import COMPANY_SCOPES, OPERATOR
from trunkline.runtime import callers
from trunkline.store import clock
from trunkline.store.clock import ClockGuard
from trunkline.store.database import Database
from trunkline.store.engines import EngineDatabase

FAR_MS = 4_000_000_000_000
VAULT = Vault(pepper="p" * 32, encryption_key="k" * 32)


@pytest.fixture
async def keys(database: Database) -> AsyncIterator[Keys]:
    async with Keys(database, vault=VAULT, prefix="wlcro", limits=limits_over(database)) as started:
        yield started


async def stored_values(database: Database) -> list[object]:
    async with database.read() as connection:
        rows = await connection.exec_driver_sql("SELECT * FROM api_keys")
        return [value for row in rows for value in row]


def _scanner():
    """Load the page's program for scanners of source code."""
    page = (Path(__file__).parents[3] / "docs/explanation/security.md").read_text()
    program: dict[str, Any] = {}
    exec(page.partition("```python no-test\n")[2].partition("```")[0], program)
    return program["find_keys"]


def test_a_scanner_tells_a_key_by_its_checksum():
    find_keys = _scanner()
    keys = [new_key("wlcro", 92), new_key("acme2", -92), new_key("wlcro", None)]
    assert find_keys(f"a = '{keys[0]}'; b = {keys[1]}\n{keys[2]}") == keys
    altered = keys[0][:-9] + ("A" if keys[0][-9] != "A" else "B") + keys[0][-8:]
    others = [f"wlcro_live_92_{SECRET}", keys[0].replace("_92_", "_93_"), f"{keys[0]}x", keys[0][:-1]]
    for other in (altered, *others):
        assert find_keys(other) == []
    assert parse_key(altered) is not None  # keys of earlier versions have no checksum, and are accepted


def test_new_keys_differ_in_all_but_their_beginning():
    drawn = [b64decode(new_key("wlcro", 92).removeprefix("wlcro_live_92_") + "=", b"-_") for _ in range(64)]
    assert {len(one) for one in drawn} == {32}
    assert all(len({one[at] for one in drawn}) > 16 for at in range(32))


@given(st.integers(1, MAX_COMPANY_ID) | st.none())
def test_a_new_key_has_the_form_of_the_contract_and_can_be_taken_apart(company_id):
    api_key = new_key("wlcro", company_id)
    assert re.fullmatch(rf"wlcro_live_{company_id or 0}_[A-Za-z0-9_-]{{43}}", api_key)
    assert parse_key(api_key) == ParsedKey("wlcro", company_id, api_key[-4:])


SECRET = "A" * 43


@pytest.mark.parametrize(
    "text",
    [
        "",
        SECRET,
        f"wlcro_live_92_{SECRET}A",
        f"wlcro_live_92_{SECRET[1:]}",
        f"wlcro_live_092_{SECRET}",
        f"wlcro_live__{SECRET}",
        f"wlcro_live_-1_{SECRET}",
        f"wlcro_live_٩٢_{SECRET}",
        f"wlcro_live_9223372036854775808_{SECRET}",
        f"wlcro_demo_92_{SECRET}",
        f"WLCRO_live_92_{SECRET}",
        f" wlcro_live_92_{SECRET}",
        f"wlcro_live_92_{SECRET}\n",
        f"wlcro_live_92_{SECRET[1:]}é",
        f"wlcro_live_92_{SECRET[1:]}=",
    ],
)
def test_what_is_not_written_as_a_key_is_none(text):
    assert parse_key(text) is None


def test_an_operator_may_do_everything_and_a_company_what_its_scopes_say():
    operator = Principal("key_1", None, "Back end", frozenset({"operator"}))
    company = Principal("key_2", 92, "Zapier", frozenset({"admin"}))
    assert (operator.is_operator, company.is_operator) == (True, False)
    assert operator.has("events:write")
    scopes = [scope for scope in ("admin", "events:read", "operator") if company.has(scope)]
    assert scopes == ["admin"]


async def test_a_key_that_was_made_tells_who_it_is(keys):
    record, api_key = await keys.create(92, name="Zapier", scopes=["events:read", "admin", "admin"])
    assert api_key.startswith("wlcro_live_92_")
    assert record.last4 == api_key[-4:]
    scopes = frozenset({"events:read", "admin"})
    assert await keys.authenticate(api_key) == Principal(record.id, 92, "Zapier", scopes)


async def test_an_operators_key_has_company_zero_in_its_text_and_none_elsewhere(keys):
    record, api_key = await keys.create(None, name="Back end", scopes=["operator"])
    assert api_key.startswith("wlcro_live_0_")
    assert record.company_id is None
    assert (await keys.authenticate(api_key)).is_operator


async def test_neither_the_key_nor_its_plain_hash_is_stored(keys, database):
    _, api_key = await keys.create(92, name="Zapier", scopes=["admin"])
    stored = await stored_values(database)
    assert api_key[-43:] not in repr(stored)
    assert hashlib.sha256(api_key.encode()).digest() not in stored
    assert VAULT.digest(api_key) in stored


@pytest.mark.parametrize(
    ("scopes", "path"), [([], "/scopes"), (["admin", "operator"], "/scopes/1"), (["x"], "/scopes/0")]
)
async def test_unknown_scopes_are_refused_with_the_known_ones(keys, scopes, path):
    with pytest.raises(BodyInvalid) as refused:
        await keys.create(92, name="Zapier", scopes=scopes)
    assert [fault.path for fault in refused.value.errors] == [path]
    assert "integrations:write" in refused.value.errors[0].message
    assert await keys.list(None) == []


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (None, "needs an API key in the header X-Api-Key"),
        ("", "needs an API key in the header X-Api-Key"),
        ("nonsense", "is no API key"),
        (f"other_live_92_{SECRET}", "is no API key"),
        (f"wlcro_live_92_{SECRET}", "unknown or was revoked"),
    ],
)
async def test_whoever_has_no_valid_key_is_told_why(keys, header, says):
    with pytest.raises(Unauthenticated, match=says):
        await keys.authenticate(header)


async def test_another_pepper_makes_every_key_unknown(keys, database):
    _, api_key = await keys.create(92, name="Zapier", scopes=["admin"])
    other = Vault(pepper="q" * 32, encryption_key="k" * 32)
    async with Keys(database, vault=other, prefix="wlcro", limits=limits_over(database)) as elsewhere:
        with pytest.raises(Unauthenticated):
            await elsewhere.authenticate(api_key)


async def test_a_key_stays_valid_when_the_prefix_changes(keys, database):
    record, api_key = await keys.create(92, name="Zapier", scopes=["admin"])
    async with Keys(database, vault=VAULT, prefix="acme", limits=limits_over(database)) as renamed:
        assert (await renamed.authenticate(api_key)).key_id == record.id


async def test_revoking_in_another_process_works_at_once(keys, database_url):
    record, api_key = await keys.create(92, name="Zapier", scopes=["admin"])
    await keys.authenticate(api_key)
    async with (
        EngineDatabase(database_url) as theirs,
        Keys(theirs, vault=VAULT, prefix="wlcro", limits=limits_over(theirs)) as elsewhere,
    ):
        await elsewhere.revoke(record.id, company_id=92)
    with pytest.raises(Unauthenticated, match="unknown or was revoked"):
        await keys.authenticate(api_key)


async def test_new_keys_bring_a_company_no_new_limits_without_end(keys, monkeypatch):
    monkeypatch.setattr("trunkline.access.keys.MADE_PER_MINUTE", 3)
    monkeypatch.setattr("trunkline.access.keys.ENDED_KEPT", 2)
    record, _ = await keys.create(92, name="n", scopes=["admin"])
    own = Principal(record.id, 92, "n", frozenset(["admin"]))
    for _ in range(2):
        record, _ = await keys.rotate(record.id, company_id=92, by=own, overlap_seconds=0)
    with pytest.raises(KeysTooFast, match="has made 3 API keys in the last minute"):
        await keys.rotate(record.id, company_id=92, by=own, overlap_seconds=0)
    callers.work_for(92)
    with pytest.raises(KeysTooFast):
        await keys.create(92, name="n", scopes=["admin"])
    callers.work_for(None)

    operator = Principal("key_0", None, "o", frozenset([OPERATOR]))
    record, _ = await keys.rotate(record.id, company_id=92, by=operator, overlap_seconds=0)

    listed = [(key.id == record.id, key.revoked_ms is None) for key in await keys.list(92)]
    assert sorted(listed) == [(False, False), (False, False), (True, True)]  # three have ended


async def test_keys_that_have_expired_by_a_clock_that_is_not_trusted_are_refused_and_kept(
    keys, database, monkeypatch
):
    monkeypatch.setattr("trunkline.access.keys.ENDED_KEPT", 0)
    record, api_key = await keys.create(92, name="n", scopes=["admin"])
    guard = ClockGuard(database)
    await guard.look()
    await execute(database, "UPDATE api_keys SET expires_ms = 1")
    await clock_steps.step(database)
    await guard.look()
    with pytest.raises(Unauthenticated):
        await keys.authenticate(api_key)
    await keys.create(92, name="n", scopes=["admin"])
    assert record.id in {key.id for key in await keys.list(92)}
    async with database.write() as connection:
        await clock.confirm(connection)
    await keys.create(92, name="n", scopes=["admin"])
    assert record.id not in {key.id for key in await keys.list(92)}


async def test_another_companys_key_is_not_found(keys):
    record, api_key = await keys.create(92, name="Zapier", scopes=["admin"])
    with pytest.raises(NotFound):
        await keys.revoke(record.id, company_id=93)
    assert await keys.authenticate(api_key)


async def test_many_callers_at_once_each_get_their_own_answer(keys):
    made = [await keys.create(company, name="n", scopes=["admin"]) for company in range(1, 6)]
    asked = [api_key for _, api_key in made] * 20 + [f"wlcro_live_92_{SECRET}"] * 3
    answers = await asyncio.gather(*(keys.authenticate(key) for key in asked), return_exceptions=True)
    assert [a.company_id for a in answers[:100] if isinstance(a, Principal)] == list(range(1, 6)) * 20
    assert all(isinstance(answer, Unauthenticated) for answer in answers[100:])


async def test_the_last_use_is_written_behind_the_callers_back(database):
    async with Keys(database, vault=VAULT, prefix="wlcro", limits=limits_over(database)) as keys:
        _, api_key = await keys.create(92, name="Zapier", scopes=["admin"])
        await asyncio.gather(*(keys.authenticate(api_key) for _ in range(10)))
    async with Keys(database, vault=VAULT, prefix="wlcro", limits=limits_over(database)) as keys:
        (record,) = await keys.list(92)
    assert record.last_used_ms is not None
    assert record.last_used_ms >= record.created_ms


async def test_while_the_database_is_away_nobody_is_told_that_a_key_is_wrong():
    async with (
        EngineDatabase("postgresql://nobody@127.0.0.1:1/none") as away,
        Keys(away, vault=VAULT, prefix="wlcro", limits=limits_over(away)) as keys,
    ):
        with pytest.raises(StoreUnavailable):
            await keys.authenticate(f"wlcro_live_92_{SECRET}")


async def test_a_key_is_known_by_its_id_until_it_is_revoked(keys):
    record, api_key = await keys.create(92, name="Zapier", scopes=["events:read"])
    assert await keys.principal(record.id) == await keys.authenticate(api_key)
    await keys.revoke(record.id, company_id=92)
    assert await keys.principal(record.id) is None
    assert await keys.principal("key_unknown") is None


async def test_asking_for_a_key_by_its_id_counts_as_using_it(database):
    async with Keys(database, vault=VAULT, prefix="wlcro", limits=limits_over(database)) as keys:
        record, _ = await keys.create(92, name="Zapier", scopes=["events:read"])
        await keys.principal(record.id)
    (found,) = await keys.list(92)  # waiting writes are done when the block ends
    assert found.last_used_ms is not None


BOUND = Principal("key_1", 92, "Jane", frozenset(COMPANY_SCOPES), networks=("10.0.0.0/8",), expires_ms=FAR_MS)


async def test_a_key_has_the_networks_and_the_end_of_the_one_that_makes_it(keys):
    callers.act_for(BOUND)
    record, _ = await keys.create(92, name="Zapier", scopes=["events:read"])
    assert (record.networks, record.expires_ms) == (BOUND.networks, FAR_MS)
    assert (record.created_by_kind, record.created_by) == ("key", "key_1")
    narrower, _ = await keys.create(92, name="n8n", scopes=["events:read"], networks=["10.1.0.0/16"])
    assert (narrower.networks, narrower.expires_ms) == (("10.1.0.0/16",), FAR_MS)


@pytest.mark.parametrize(
    ("terms", "path"),
    [
        ({"networks": ["10.1.0.0/16", "0.0.0.0/0"]}, "/allowed_networks/1"),
        ({"networks": ["::/0"]}, "/allowed_networks/0"),
        ({"expires_utc": "2999-01-01T00:00:00Z"}, "/expires_utc"),
    ],
)
async def test_a_key_never_exceeds_the_one_that_makes_it(keys, terms, path):
    callers.act_for(BOUND)
    with pytest.raises(BodyInvalid) as refused:
        await keys.create(92, name="Zapier", scopes=["events:read"], **terms)
    assert [error.path for error in refused.value.errors] == [path]


async def test_a_successor_exceeds_neither_the_old_key_nor_the_one_that_rotates_it(keys):
    free, _ = await keys.create(92, name="Zapier", scopes=["events:read"])
    record, _ = await keys.rotate(free.id, company_id=92, by=BOUND)
    assert (record.networks, record.expires_ms) == (BOUND.networks, FAR_MS)
    terms = {"networks": ["10.1.0.0/16"], "expires_utc": "2030-01-01T00:00:00Z"}
    inner, _ = await keys.create(92, name="n8n", scopes=["events:read"], **terms)
    record, _ = await keys.rotate(inner.id, company_id=92, by=BOUND)
    assert (record.networks, record.expires_ms) == (inner.networks, inner.expires_ms)
    other, _ = await keys.create(92, name="Make", scopes=["events:read"], networks=["192.0.2.0/24"])
    with pytest.raises(Forbidden, match="other networks than yours"):
        await keys.rotate(other.id, company_id=92, by=BOUND)
    assert await keys.principal(other.id) is not None


async def test_an_app_neither_makes_nor_rotates_keys(keys):
    app = Principal("con_1", 92, "Desk", frozenset(COMPANY_SCOPES))
    record, _ = await keys.create(92, name="Zapier", scopes=["events:read"])
    with pytest.raises(Forbidden):
        await keys.rotate(record.id, company_id=92, by=app)
    callers.act_for(app)
    with pytest.raises(Forbidden):
        await keys.create(92, name="n8n", scopes=["events:read"])
