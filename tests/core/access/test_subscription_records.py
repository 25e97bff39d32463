"""Rows of subscriptions in a delivering process: decrypted when they are read, and packed until they are used."""

import dataclasses

import pytest
from msgspec import structs

from trunkline.access.secrets_file import Secrets
from trunkline.access.subscription_records import SubscriptionRecords, pack, unpack
from trunkline.access.vault import Vault
from trunkline.model.subscriptions import Secret
from trunkline.store.subscriptions import Row

UNSET = ("filter", "description", "disabled_reason", "disabled_ms", "resume_position", "pins")
PLAIN = dict.fromkeys((*UNSET, "failing_since_ms", "failing_ms", "failed_ms")) | {
    "no": 7,
    "id": "sub_00000000000000000007",
    "company_id": 92,
    "channel": "webhooks",
    "target_url": "https://example.com/h",
    "event_types": '["lead.created","invoice.*"]',
    "signature": "standard",
    "status": "active",
    "start_position": 1003,
    "failures": 0,
    "created_ms": 1_790_000_000_000,
    "updated_ms": 1_790_000_000_001,
    "version": 12,
}
FULL = PLAIN | {
    "filter": '{"payload.status":{"starts_with":"Client"}}',
    "pins": '{"lead.created":2}',
    "resume_position": 1004,
    "options": {
        "ordering": {"key": "/payload/client_id"},
        "timeout_seconds": 2.5,
        "retry": {"schedule_seconds": [1, 2]},
        "max_in_flight": 3,
        "rate": "5/second",
        "name": "mine",
        "holder": "key_1",
        "notes": {"larger than a column": 2**70, "fraction": 0.1},
        "expires_ms": 1_790_000_009_000,
        "target": {"host": "example.com"},
        "defaults": {"rate": "9/second"},
        "gap_position": 1002,
    },
}


@pytest.fixture
def vault():
    return Vault(pepper="p" * 32, encryption_key="k" * 32)


@pytest.fixture
def records(vault):
    return SubscriptionRecords(vault)


def row_of(records, values):
    secrets = [Secret("whsec_new"), Secret("whsec_old", 1_790_000_005_000)]
    sealed = records.seal(values["id"], secrets, {"X-Team": "blue"}, {"password": "hunter2"})
    return Row(**values, sealed=sealed)


@pytest.mark.parametrize("values", [PLAIN, FULL])
def test_what_is_unpacked_is_what_the_row_holds_its_filter_beside_it(records, values):
    row = row_of(records, values)
    opened = records.open(row)
    assert opened.secrets == (Secret("whsec_new"), Secret("whsec_old", 1_790_000_005_000))
    subscription, wanted = unpack(pack(records.unseal(row)))
    assert wanted == row.filter
    assert subscription == dataclasses.replace(opened, filter=None)


def test_a_description_is_not_kept(records):
    opened = records.unseal(row_of(records, PLAIN | {"description": "x" * 5000}))
    assert len(pack(opened)) < 1000
    assert unpack(pack(opened))[0].description is None


def test_what_was_opened_needs_its_key_no_more(records, vault):
    """Secrets are re-encrypted without a change that dispatchers see; afterwards the old key is gone."""
    packed = pack(records.unseal(row_of(records, PLAIN)))
    vault.take(Secrets("p" * 32, "n" * 32))
    assert unpack(packed)[0].secrets[0].text == "whsec_new"


def test_an_altered_row_says_at_once_that_it_does_not_open(records):
    row = row_of(records, PLAIN)
    assert records.unseal(row).is_readable
    altered = structs.replace(row, sealed=row.sealed[:-1] + bytes([row.sealed[-1] ^ 1]))
    opened = records.unseal(altered)
    assert not opened.is_readable
    subscription, _ = unpack(pack(opened))
    assert subscription == records.open(altered)
    assert (subscription.is_readable, subscription.secrets) == (False, ())


def test_secrets_are_in_no_representation(records):
    assert "whsec_new" not in repr(records.unseal(row_of(records, PLAIN)))
