"""The metadata that tell clients where to get tokens: they name no foreign host, and no cache keeps them."""

import pytest

PATHS = (
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
)


@pytest.mark.parametrize("path", PATHS)
async def test_metadata_names_the_host_of_a_request_in_development_only(api, path):
    for host, named in (("localhost:9", "http://localhost:9"), ("evil.example", "http://127.0.0.1:8000")):
        answer = await api.client.get(path, headers={"Host": host})
        assert answer.headers["cache-control"] == "no-store"
        assert named in answer.text
        assert "evil" not in answer.text


async def test_a_refusal_leads_to_no_host_that_a_request_names(api):
    answer = await api.client.post("/mcp", json={}, headers={"X-Api-Key": "", "Host": "evil.example"})
    assert answer.status_code == 401
    assert 'resource_metadata="http://127.0.0.1:8000/.well-known' in answer.headers["www-authenticate"]
