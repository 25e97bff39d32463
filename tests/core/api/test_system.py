import pytest
async def test_a(running):
    r = await running.client.get("/api/v1/me")
    assert r.status_code == 200
@pytest.mark.parametrize("n", range(20))
async def test_b(api, n):
    r = await api.client.get("/api/v1/me")
    assert r.status_code == 200
