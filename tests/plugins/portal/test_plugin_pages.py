"""Pages of other plugins: a real plugin, beside ours, with a page for every possible fault."""

import asyncio
import contextlib
import time

import pytest

from trunkline.pages import FragmentInvalid, PortalPage, PortalRequest
from trunkline.pages import check_fragment as check
from trunkline.routes import Principal
from trunkline_portal.pages.extra import content_of

PLUGIN = """
import asyncio, time
from trunkline import Refused, hookimpl
from trunkline.pages import PortalContent, PortalPage, PortalRedirect

def show(request):
    from html import escape
    return f"<p id=seen>{request.company_id} {request.principal.name} {escape(request.query.get('q', ''))}</p>"

async def show_later(request):
    await asyncio.sleep(0)
    return "<p>later</p>"

def fail(request):
    raise RuntimeError("<b>secret</b>")

async def hang(request):
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(2)

def block(request):
    time.sleep(12)

def ask(request):
    return PortalContent(f"<form method=post>{request.form}<input name=fax></form>", ("https://fax.example",))

async def send(request, fields):
    if "elsewhere" in fields["fax"]:
        return PortalRedirect("https://fax.example/sent")
    if "refused" in fields["fax"]:
        raise Refused("There is no such number.")
    if "again" in fields["fax"]:
        return ask(request)
    return PortalRedirect(message=f"Sent {sorted(fields)} to company {request.company_id}.")

@hookimpl
def register_portal_pages(context):
    return [
        PortalPage("seen", "Faxes <seen>", show, icon='<svg viewBox="0 0 8 8"><path d="M0 0h8v8z"/></svg>'),
        PortalPage("later", "Later", show_later),
        PortalPage("ask", "Ask", ask, submit=send, listed=False, framed=False, scope="webhooks:write"),
        PortalPage("fails", "Fails", fail),
        PortalPage("hangs", "Hangs", hang),
        PortalPage("blocks", "Blocks", block),
        PortalPage("number", "Number", lambda request: 7),
        PortalPage("escapes", "Escapes", lambda request: "</main></div><h1>mine</h1>"),
        PortalPage("open", "Open", lambda request: "<div><!-- "),
        PortalPage("script", "Script", lambda request: "<script>alert(1)</script>"),
        PortalPage("handler", "Handler", lambda request: '<img src="x" onerror="alert(1)">'),
        PortalPage("admins", "For administrators", lambda request: "<p>admins</p>", scope="admin"),
        PortalPage("operators", "For operators", lambda request: "<p>operators</p>", scope="operator"),
    ]
"""


@pytest.fixture(scope="module")
def fax(tmp_path_factory) -> str:
    """Write the plugin ``fax`` to a file; return its path."""
    path = tmp_path_factory.mktemp("plugins") / "fax.py"
    path.write_text(PLUGIN)
    return str(path)


@pytest.fixture
async def hub(lend_hub, fax):
    settings = {"portal.frame_ancestors": "https://app.example", "plugins.enabled": "portal, fax"}
    return await lend_hub("sqlite", settings | {"plugins.paths": fax}, dispatch=False)


async def test_a_page_stands_in_our_frame_and_in_the_navigation(hub, browser):
    page = await browser.get("/portal/x/fax/seen", q="<i>")

    assert f"<p id=seen>{hub.company_id} Jane's key &lt;i&gt;</p>" in page.text
    assert "Faxes &lt;seen&gt;" in page.text
    assert f'<a href="{browser.root}/x/fax/seen" aria-current="page">' in page.text
    assert '<svg viewBox="0 0 8 8">' in page.text
    assert "later" in browser.words(await browser.get("/portal/x/fax/later"))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("fails", "failed: RuntimeError"),
        ("number", "cannot be shown: its HTML is a value of type int instead of text"),
        ("escapes", "cannot be shown: its HTML ends <main> where it is not open"),
        ("open", "cannot be shown: its HTML ends within a tag or a comment"),
        ("script", "cannot be shown: its HTML has <script> in it"),
    ],
)
async def test_a_page_that_goes_wrong_leaves_a_box_with_the_plugins_name(
    hub, browser, caplog, name, sentence
):
    page = await browser.get(f"/portal/x/fax/{name}")

    assert "The plugin “fax” could not show this page" in browser.words(page)
    assert sentence in browser.words(page)
    assert "secret" not in page.text
    assert 'id="navigation"' in page.text
    assert any(f"page '{name}' of plugin 'fax'" in record.getMessage() for record in caplog.records)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hangs", "blocks"])
async def test_a_page_that_hangs_is_not_waited_for_and_stops_nobody_else(hub, browser, name):
    began = time.monotonic()
    page = await browser.get(f"/portal/x/fax/{name}")
    assert 4.9 < time.monotonic() - began < 11.5
    assert "did not answer within 5 seconds" in browser.words(page)


async def hang(_):
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    await asyncio.sleep(3)


def block(_):
    time.sleep(3)


def never(_):
    return asyncio.Event().wait()


@pytest.mark.parametrize("render", [hang, block, never])
async def test_a_page_has_its_time_whatever_it_does_when_it_is_over(render):
    request = PortalRequest(92, Principal("key_1", 92, "Jane's key", frozenset()))
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await content_of(PortalPage("late", "Late", render), request, seconds=0.05)
    assert time.monotonic() - began < 2.5


async def test_what_runs_in_a_page_runs_nowhere(hub, browser):
    """Check that the policy blocks scripts that the check of the fragment misses: inline scripts and handlers."""
    page = await browser.get("/portal/x/fax/handler")
    assert "onerror" in page.text
    assert "script-src 'self';" in page.headers["content-security-policy"]


async def test_a_page_is_for_those_with_its_scope(hub, sign_in, reader):
    home = await reader.get("/portal")
    assert f"{reader.root}/x/fax/admins" not in home.text
    await reader.get("/portal/x/fax/admins", expect=403)
    await reader.get("/portal/x/fax/operators", expect=403)

    administrator = await sign_in(hub, ["events:read", "admin"])
    assert "admins" in administrator.words(await administrator.get("/portal/x/fax/admins"))
    await administrator.get("/portal/x/fax/operators", expect=403)


async def test_an_operator_sees_every_page_of_the_company_they_look_at(hub, operator):
    assert "operators" in operator.words(await operator.get("/portal/x/fax/operators"))
    await operator.post("/portal/company", {"company_id": str(hub.neighbour_id)})
    assert f"<p id=seen>{hub.neighbour_id} " in (await operator.get("/portal/x/fax/seen")).text


async def test_a_page_does_what_its_form_asks_for(hub, browser):
    page = await browser.get("/portal/x/fax/ask")
    assert "form-action 'self' https://fax.example;" in page.headers["content-security-policy"]
    path = f"{browser.root}/x/fax/ask"
    done = await browser.post(path, {"fax": "1"})
    assert done.headers["location"] == path
    assert f"Sent ['fax'] to company {hub.company_id}." in browser.words(await browser.follow(done))
    elsewhere = await browser.post(path, {"fax": "elsewhere"})
    assert elsewhere.headers["location"] == "https://fax.example/sent"
    refused = await browser.post(path, {"fax": "refused"}, expect=400)
    assert "There is no such number." in browser.words(refused)
    again = await browser.post(path, {"fax": "again"}, expect=200)
    assert "<input name=fax>" in again.text


async def test_a_form_of_a_page_needs_the_token_and_the_scope_and_a_page_that_takes_one(hub, browser, reader):
    path = f"{browser.root}/x/fax/ask"
    await browser.post(path, {"fax": "1", "csrf": "x"}, expect=403)
    await browser.post(path, {"fax": "1"}, expect=403, headers={"sec-fetch-site": "cross-site"})
    await browser.post(f"{browser.root}/x/fax/seen", {"fax": "1"}, expect=404)
    await reader.post(path, {"fax": "1"}, expect=403)


async def test_a_page_that_may_not_be_framed_is_in_no_frame_and_one_that_is_not_listed_in_no_list(
    hub, browser
):
    page = await browser.get("/portal/x/fax/ask")
    assert page.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert f'href="{browser.root}/x/fax/ask"' not in page.text
    assert f'href="{browser.root}/x/fax/later"' in page.text
    later = await browser.get("/portal/x/fax/later")
    assert "frame-ancestors https://app.example" in later.headers["content-security-policy"]


async def test_there_are_no_other_pages(hub, browser):
    for path in ("fax/none", "none/seen", "fax", "portal/seen"):
        await browser.get(f"/portal/x/{path}", expect=404)


@pytest.mark.parametrize(
    "html",
    [
        "", "words", "a < b", "<p>one<p>two", "<ul><li>a<li>b</ul>", "<p>a<br>b<br/>",
        "<table><tr><td>1<td>2<tr><td>3</table>", '<svg viewBox="0 0 1 1"><path d="M0 0"/></svg>', "<!-- a -->x",
    ],
)  # fmt: skip
def test_html_that_is_whole_is_shown(html):
    check(html)


@pytest.mark.parametrize(
    "html",
    [
        "<div>", "</div>", "<b><i></b></i>", "<p", "<!-- a", "<textarea>", "<style>*{}</style>", "<iframe></iframe>",
        '<base href="//evil.example">', '<meta http-equiv="refresh" content="0">', "<SCRIPT>", "<plaintext>", "<div/>",
    ],
)  # fmt: skip
def test_html_that_would_leave_the_frame_is_not(html):
    with pytest.raises(FragmentInvalid):
        check(html)
