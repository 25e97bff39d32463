"""Each plugin is asked separately about a token: a failing plugin stops no other."""

import asyncio
from dataclasses import replace

import pytest

from trunkline import plugins
from trunkline.contract import BearerRequest
from trunkline.errors import Overloaded, Unauthenticated
from trunkline.model.principals import Principal
from trunkline.plugins import TokenPrincipals

REQUEST = BearerRequest("a-token", "GET", "/api/v1/me")
KNOWN = Principal("grant_1", 92, "An app", frozenset({"events:read"}))


async def knows(context, request):
    return KNOWN if request.token == "a-token" else None


def knows_in_a_thread(request):
    return KNOWN


async def knows_none(request):
    return None


async def raises(request):
    raise OSError("no route")


async def hangs(request):
    await asyncio.Event().wait()


def says_nonsense(request):
    return "yes"


async def refuses(request):
    raise Unauthenticated("It has expired.")


for function in (knows, knows_in_a_thread, knows_none, raises, hangs, says_nonsense, refuses):
    function.__name__ = "authenticate_request"


@pytest.fixture
def principals(make_registry, make_context):
    """Make the tokens of plugins that are these functions, with everything collected."""

    def make(**functions):
        registry = make_registry(**{name: [function] for name, function in functions.items()})
        plugins.collect_with(registry, contexts=make_context)
        return TokenPrincipals(registry, limit_seconds=0.05 if hangs in functions.values() else 30)

    return make


@pytest.mark.parametrize("function", [knows, knows_in_a_thread])
async def test_the_plugin_that_knows_a_token_tells_whose_it_is(principals, function):
    tokens = principals(one=knows_none, two=function)
    assert await tokens.authenticate(REQUEST) is KNOWN
    assert await tokens.find("grant_1") is None  # no plugin implements that


async def test_a_token_that_nobody_knows_is_nobodys(principals):
    assert await principals(one=knows_none).authenticate(REQUEST) is None


@pytest.mark.parametrize("bad", [raises, hangs, says_nonsense])
async def test_a_plugin_that_fails_stops_no_other_and_makes_no_token_invalid(principals, bad):
    assert await principals(a=bad, b=knows).authenticate(REQUEST) is KNOWN
    with pytest.raises(Overloaded):  # a client would discard a token that is refused
        await principals(a=bad, b=knows_none).authenticate(REQUEST)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"key_id": ""}, "key_id is empty"),
        ({"name": 7}, "name is a value of type int, not text"),
        ({"scopes": ["events:read"]}, "scopes are a value of type list, not a frozenset of events:read"),
        ({"scopes": frozenset({"events:raed"})}, "scopes are a value of type frozenset, not a frozenset of"),
        ({"company_id": "92"}, "company_id is '92', not the id of a company"),
        ({"key_id": "k" * 1001}, "key_id is longer than 1000 characters"),
        ({"name": "a\0b"}, "name is longer than 1000 characters, or has a NUL"),
        ({"company_id": 2**63}, "company_id is 9223372036854775808, not the id of a company"),
        ({"company_id": True}, "company_id is True, not the id of a company"),
        ({"company_id": None}, "company_id is None, which only the scope operator allows"),
    ],
)
async def test_a_faulty_principal_lets_nobody_in_and_is_logged_with_the_fault(
    principals, caplog, changed, fault
):
    def authenticate_request(request):
        return replace(KNOWN, **changed)

    with pytest.raises(Overloaded):
        await principals(bad=authenticate_request).authenticate(REQUEST)
    assert f"Plugin 'bad' returned a faulty Principal from authenticate_request: its {fault}" in caplog.text


async def test_a_plugin_refuses_what_is_its_own(principals):
    with pytest.raises(Unauthenticated, match="It has expired"):
        await principals(a=refuses, b=knows_none).authenticate(REQUEST)


async def test_the_token_is_in_no_repr():
    assert "a-token" not in repr(REQUEST)
