"""English for the names of operations and events."""

import pytest

from trunkline.schemas.catalog import EventType
from trunkline.schemas.definitions import Definition
from trunkline.schemas.wording import happening, plural, singular, those_of, with_article, wording_of


@pytest.mark.parametrize(
    ("several", "one"),
    [
        ("leads", "lead"),
        ("companies", "company"),
        ("client statuses", "client status"),
        ("addresses", "address"),
        ("boxes", "box"),
        ("batches", "batch"),
    ],
)
def test_a_noun_has_a_singular_and_a_plural(several, one):
    assert (singular(several), plural(one)) == (one, several)


@pytest.mark.parametrize("noun", ["status", "analysis", "staff", "purchase"])
def test_a_noun_in_the_singular_stays(noun):
    assert singular(noun) == noun


@pytest.mark.parametrize(
    "spoken", ["a lead", "an invoice", "a unit", "an SMS", "a user", "a URL", "an FAQ", "a UK client"]
)
def test_an_article_is_as_it_is_spoken(spoken):
    assert with_article(spoken.partition(" ")[2]) == spoken


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("payment.failed", "a payment fails"),
        ("payment.succeeded", "a payment succeeds"),
        ("lead.created", "a new lead is created"),
        ("invoice.status_changed", "the status of an invoice changes"),
        ("agreement.signed", "an agreement is signed"),
        ("shop.order.placed", "a shop order is placed"),
        ("client_notes.price_updated", "the price of a client note is updated"),
    ],
)
def test_what_happens_is_told_in_a_sentence(name, sentence):
    assert happening(EventType(name, title="x", description="x", schema={})) == sentence


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lead.created", "new leads"),
        ("payment.failed", "failed payments"),
        ("client.status_changed", "client status changes"),
        ("agreement.signed", "signed agreements"),
        ("invoice.line_added", "added invoice lines"),
    ],
)
def test_what_events_are_about_is_named(name, words):
    assert those_of(EventType(name, title="x", description="x", schema={})) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("update_lead_status", ("update", "lead status")),
        ("find_lead", ("find", "lead")),
        ("archive", ("archive", "client")),
    ],
)
def test_an_operation_is_a_verb_and_a_noun(name, words):
    definition = Definition(
        "action", name, "X", "x", "POST", "/clients/{id}/x", parameters={}, input={}, output={}
    )
    wording = wording_of(definition)
    assert (wording.verb, wording.noun) == words
    assert wording.is_reading == (name == "find_lead")
