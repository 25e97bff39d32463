"""Showing a secret again: masked in the settings, in plain on request, and noted in the audit log."""

from tests.plugins.portal.worlds import HOOKS, subscribe


async def test_a_secret_is_masked_until_somebody_reveals_it_which_the_audit_log_says(
    running, browser, receiver
):
    made = await running.subscribe(receiver.url)
    rotated = (await running.client.post(f"{HOOKS}/{made['id']}/rotate-secret", json={})).json()
    settings = await browser.get(f"/portal/subscriptions/{made['id']}/settings")
    words = browser.words(settings)
    assert f"whsec_••••{rotated['secret'][-4:]}" in words
    assert "signs beside the newest, and ends" in words
    assert made["secret"] not in settings.text
    assert rotated["secret"] not in settings.text
    changes = f"/portal/changes?target={made['id']}"
    assert "secret.revealed" not in browser.words(await browser.get(changes))

    shown = await browser.post(f"/portal/subscriptions/{made['id']}/reveal", expect=200)
    assert shown.text.index(rotated["secret"]) < shown.text.index(made["secret"])
    assert "The overlap ends" in browser.words(shown)
    assert shown.headers["cache-control"] == "no-store"
    assert "secret.revealed" in browser.words(await browser.get(changes))


async def test_who_may_not_change_a_subscription_does_not_see_its_secret(api, sign_in, receiver):
    subscription = await subscribe(api, receiver.url)
    browser = await sign_in(api, ["webhooks:read"])
    page = await browser.get(f"/portal/subscriptions/{subscription}/settings")
    assert "Reveal" not in browser.words(page)
    await browser.post(f"/portal/subscriptions/{subscription}/reveal", expect=403)


async def test_a_key_pair_shows_its_public_key_alone(api, browser, receiver):
    subscription = await subscribe(api, receiver.url, signature="ed25519")
    shown = await browser.post(f"/portal/subscriptions/{subscription}/reveal", expect=200)
    assert "whpk_" in shown.text
    assert "whsk_" not in shown.text
