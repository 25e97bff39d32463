"""The methods of HTTP beside POST, over a real socket and under the same policy."""

import pytest
from tests.core.outbound.test_outbound import DEVELOPMENT, PATIENT_SECONDS, STRICT

from trunkline.errors import AddressRefused
from trunkline.outbound import Outbound
from trunkline.outbound.origins import OriginClient

CALLS = (("get", False), ("put", True), ("patch", True), ("delete", False), ("post", True))


@pytest.mark.parametrize(("method", "has_body"), CALLS)
@pytest.mark.parametrize("through", ["tenant", "hub", "origin"])
async def test_each_method_is_sent_with_its_body(receiver, through, method, has_body):
    origin = OriginClient(receiver.url, timeout_seconds=PATIENT_SECONDS)
    async with Outbound(DEVELOPMENT, timeout_seconds=PATIENT_SECONDS) as hub:
        client = {"tenant": hub.for_tenant(92), "hub": hub, "origin": origin}[through]
        body = {"body": b'{"a": 1}'} if has_body else {}
        answer = await getattr(client, method)(receiver.url, headers={"x-own": "1"}, **body)
    await origin.close()
    (request,) = receiver.requests
    assert answer.status == 200
    assert (request.method, request.headers["x-own"]) == (method.upper(), "1")
    assert request.body == (b'{"a": 1}' if has_body else b"")


@pytest.mark.parametrize(("method", "has_body"), CALLS)
async def test_each_method_is_under_the_policy(receiver, method, has_body):
    async with Outbound(STRICT, timeout_seconds=PATIENT_SECONDS) as hub:
        body = {"body": b"{}"} if has_body else {}
        with pytest.raises(AddressRefused):
            await getattr(hub.for_tenant(92), method)(receiver.url, headers={}, **body)
    assert receiver.connections == 0
