"""The site as a hub serves it: public, equal to the exported site, with strict headers, and cheap to revalidate."""

import pytest

from trunkline_docs.generator import make_site

from .html import read

TYPES = {
    "html": "text/html; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


async def test_what_is_served_is_what_is_exported(api):
    site = make_site(api.hub.deployment.product(), served_as="events", has_portal=True)
    assert site.files
    for path, content in site.files.items():
        answer = await api.anonymous.get(f"/docs/events/{path}")
        assert (answer.status_code, answer.content) == (200, content), path
        if not path.endswith(".json"):
            assert answer.headers["content-type"] == TYPES[path.rpartition(".")[2]]
    front = await api.anonymous.get("/docs/events")
    assert (front.status_code, front.content) == (200, site.front)


@pytest.mark.slow
async def test_every_link_on_the_served_pages_is_answered(api):
    waiting, seen = ["http://hub.test/docs/events"], set()
    while waiting:
        url = waiting.pop()
        answer = await api.anonymous.get(url)
        assert answer.status_code == (303 if "/portal/" in url else 200), url
        seen.add(url)
        if answer.headers.get("content-type", "").startswith("text/html"):
            for _, link in read(answer.content).links:
                target = str(answer.url.join(link)).partition("#")[0]
                if target.startswith("http://hub.test") and target not in seen:
                    waiting.append(target)
    assert len(seen) > 60


@pytest.mark.parametrize(
    ("short", "whole"),
    [
        ("/", "/index.html"),
        ("/lead.created", "/lead.created.html"),
        ("/lead.created.md", "/lead.created.html.md"),
        ("/actions/create_lead", "/actions/create_lead.html"),
        ("/index.md", "/index.html.md"),
        ("/lead.created?utm_source=mail", "/lead.created.html"),
    ],
)
async def test_a_page_has_a_short_address_too(api, short, whole):
    first, second = [await api.anonymous.get(f"/docs/events{path}") for path in (short, whole)]
    assert (first.status_code, first.content) == (200, second.content)
    head = await api.anonymous.head(f"/docs/events{short}")
    assert head.headers.items() >= (first.headers.items() - {("x-request-id", first.headers["x-request-id"])})


async def test_no_page_may_run_what_is_written_in_it_and_any_site_may_frame_it(api):
    lead = ("/lead.created.html", "/lead.created.html.md", "/schemas/lead.created.json")
    for path in ("", *lead, "/assets/docs.js"):
        headers = (await api.anonymous.get(f"/docs/events{path}")).headers
        parts = headers["content-security-policy"].split(";")
        policy = dict(part.strip().partition(" ")[::2] for part in parts)
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["img-src"] == "'self'"
        assert policy["base-uri"] == policy["form-action"] == "'none'"
        assert "frame-ancestors" not in policy
        assert "x-frame-options" not in headers
        assert headers["x-content-type-options"] == "nosniff"
    drawing = (await api.anonymous.get("/docs/events/assets/icon.svg")).headers["content-security-policy"]
    assert "script-src" not in drawing
    for part in ("default-src 'none'", "sandbox"):
        assert part in drawing


async def test_a_page_that_is_known_is_not_sent_again(api):
    first = await api.anonymous.get("/docs/events/lead.created")
    etag = first.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await api.anonymous.get("/docs/events/lead.created", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["cache-control"] == first.headers["cache-control"] == "public, max-age=300"
        assert "content-security-policy" in again.headers
    other = await api.anonymous.get("/docs/events/lead.created", headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


@pytest.mark.parametrize(
    "path", ["/nothing", "/actions", "/../../etc/passwd", "/%2e%2e/routes.py", "/assets/"]
)
async def test_what_is_not_there_is_not_found(api, path):
    answer = await api.anonymous.get(f"/docs/events{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_reference_is_still_at_its_place(api):
    assert (await api.anonymous.get("/docs")).status_code == 200
    assert (await api.anonymous.get("/docs/assets/swagger-ui.css")).status_code == 200


async def test_pages_lead_to_the_portal_where_there_is_one(api, sqlite_database_url, make_hub):
    send = "portal/catalogue/lead.created#send-a-test"
    page = await api.anonymous.get("/docs/events/lead.created")
    assert ("a", f"../../{send}") in read(page.content).links
    for path, portal in (("", "events/../../portal"), ("/actions/create_lead", "../../../portal")):
        answer = await api.anonymous.get(f"/docs/events{path}")
        assert f'data-portal="{portal}"' in answer.text
        assert str(answer.url.join(portal)).endswith("hub.test/portal")
    alone = await make_hub(sqlite_database_url, {"plugins.disabled": '["portal"]'}, dispatch=False)
    assert "portal" not in (await alone.anonymous.get("/docs/events/lead.created")).text


async def test_without_the_plugin_there_is_no_documentation(sqlite_database_url, make_hub):
    hub = await make_hub(sqlite_database_url, {"plugins.disabled": '["docs"]'}, dispatch=False)
    assert (await hub.anonymous.get("/docs/events")).status_code == 404
