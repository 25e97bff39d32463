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
    ("name", "sentence", "words"),
    [
        ("payment.failed", "a payment fails", "failed payments"),
        ("payment.succeeded", "a payment succeeds", "succeeded payments"),
        ("lead.created", "a new lead is created", "new leads"),
        ("invoice.status_changed", "the status of an invoice changes", "invoice status changes"),
        ("agreement.signed", "an agreement is signed", "signed agreements"),
        ("shop.order.placed", "a shop order is placed", "placed shop orders"),
        ("client_notes.price_updated", "the price of a client note is updated", "updated client note prices"),
    ],
)
def test_an_event_is_told_in_a_sentence_and_several_are_named(name, sentence, words):
    event_type = EventType(name, title="x", description="x", schema={})
    assert (happening(event_type), those_of(event_type)) == (sentence, words)


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
