"""Pages in the portal: the consent to an app's request, and a company's connected apps."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from markupsafe import Markup

from trunkline import NotFound, PluginContext
from trunkline.pages import PortalContent, PortalPage, PortalRedirect, PortalRequest
from trunkline.routes import Principal, company_number, company_title, describe_scope
from trunkline_oauth import requests, security_events
from trunkline_oauth.apps import Apps
from trunkline_oauth.errors import OAuthError
from trunkline_oauth.grants import Grants
from trunkline_oauth.model import SELF_PREFIX, App, Connection, Consent
from trunkline_oauth.redirect_uris import is_loopback, target_of
from trunkline_oauth.requests import AuthorizationRequest

Fields = Mapping[str, Sequence[str]]
UNNAMED_LINK = "Sign-in link"
"""The portal's name for people who signed in by a link without a name."""
_GONE = Markup(
    '<section class="card"><h2>This request is no longer valid</h2>'
    "<p>Go back to the app that sent you here, and connect it once more. Nothing was changed.</p></section>"
)
_CONSENT = Markup(
    '<section class="card"><h2>{app} asks for access to {company}</h2>'
    '<form method="post" class="stack">{form}{unknown}<fieldset class="group"><legend>{app} may</legend>{scopes}{fault}</fieldset>{missing}'
    '<p class="muted">You will be led to <strong>{host}</strong>. Under <em>Connected apps</em> you or an administrator can end this at '
    'any time. {end}</p>{keep}<p class="actions">'
    '<button class="button is-primary" type="submit" name="decision" value="chosen">Allow</button>'
    '<button class="button" type="submit" name="decision" value="deny">Deny</button></p></form></section>'
)
_SCOPE = Markup(
    '<div class="check"><input id="scope-{scope}" type="checkbox" name="scope" value="{scope}"{checked} '
    'aria-describedby="scope-{scope}-name"><label for="scope-{scope}">{meaning}</label>'
    '<p class="field-help" id="scope-{scope}-name">{scope}</p></div>'
)
_DESCRIBES_ITSELF = Markup(
    '<p class="notice is-warn">{app} is not registered here. It describes itself at <strong>{host}</strong>: '
    "allow it only if you trust this address.{program}</p>"
)
_REGISTERED_ITSELF = Markup(
    '<p class="notice is-warn">{app} has registered itself here, and nobody has checked its name: '
    "allow it only if you have just connected it yourself.{program}</p>"
)
_PROGRAM = " You will be led to a program on your own machine."
_NONE_CHOSEN = Markup('<p class="field-error" role="alert">Choose at least one, or deny it.</p>')
_KEEP = Markup(
    '<div class="check"><input id="keep" type="checkbox" name="keep" value="yes"><label for="keep">It belongs to {company}, '
    "and goes on when that ends</label></div>"
)
_NOTHING = Markup(
    '<section class="card"><h2>{app} asks for access to {company}</h2>'
    "<p>It asks for {scopes}, and your own key has none of these. Somebody who has them must connect it.</p>"
    '<form method="post">{form}<p class="actions">'
    '<button class="button" type="submit" name="decision" value="deny">Back to {host}</button></p></form></section>'
)
_TABLE = Markup(
    '<div class="table-frame" role="group" aria-label="Connected apps" tabindex="0"><table class="table"><thead><tr>'
    '<th scope="col">App</th><th scope="col">May</th><th scope="col">Connected</th><th scope="col">Last used</th>'
    '<th scope="col"><span class="visually-hidden">Actions</span></th></tr></thead><tbody>{rows}</tbody></table></div>'
)
_ROW = Markup(
    '<tr><td data-label="App"><strong>{app}</strong></td><td data-label="May">{scopes}</td>'
    '<td data-label="Connected">{created} by {by}<br>until {until}</td><td data-label="Last used">{used}</td>'
    '<td><form method="get"><input type="hidden" name="connection" value="{id}">'
    '<button class="button is-danger is-small" type="submit">Disconnect…</button></form></td></tr>'
)
_ASK = Markup(
    '<section class="card stack"><h2>Disconnect {app} from {company}?</h2><p>Its access ends at once and for good. Subscriptions '
    "that it made are disabled, and keys that it made are revoked. It can be connected again, and asks you then.</p>"
    '<form method="post">{form}<input type="hidden" name="connection" value="{id}"><p class="actions">'
    '<a class="button" href="apps">Cancel</a><button class="button is-danger" type="submit">Disconnect</button></p></form></section>'
)
_NONE = Markup(
    '<section class="card"><p>No app is connected with {company}. An app asks for it where it says '
    "<em>Connect</em> or <em>Sign in</em>.</p></section>"
)


class ConsentPage:
    """Asks for consent to an app's request."""

    def __init__(self, context: PluginContext, apps: Apps, grants: Grants) -> None:
        self._context = context
        self._apps = apps
        self._grants = grants

    async def render(self, request: PortalRequest) -> PortalContent:
        """Show the app and its request."""
        asked, app = await self._asked(request)
        if asked is None or app is None:
            return PortalContent(_GONE)
        return await self._ask(request, asked, app)

    async def submit(self, request: PortalRequest, fields: Fields) -> PortalContent | PortalRedirect:
        """Redirect to the app with a code, or with the refusal."""
        asked, app = await self._asked(request)
        if asked is None or app is None:
            return PortalContent(_GONE)
        given, principal = _given(asked, request.principal), request.principal
        facts = {"client_id": app.client_id, "app": app.name, "company_id": request.company_id}
        decision = next(iter(fields.get("decision", ())), "")
        if decision not in {"allow", "chosen"} or not given:
            security_events.CONSENT_REFUSED.note(principal, **facts)
            description = "Access was denied."
            return PortalRedirect(asked.answer(error="access_denied", error_description=description))
        wanted = fields.get(
            "scope", given if decision == "allow" else ()
        )  # a form without a choice of scopes
        chosen = tuple(scope for scope in given if scope in wanted)
        if not chosen:
            return await self._ask(request, asked, app, is_none_chosen=True)
        is_kept = principal.has("admin") and list(fields.get("keep", ())) == ["yes"]
        consent = Consent(
            app.client_id,
            request.company_id,
            chosen,
            granted_by=principal.id or "",
            granted_name=principal.name,
            resource=asked.resource,
            granted_by_kind=principal.kind,
            ends_with=None if is_kept else principal.key_id,
            networks=principal.networks,
            until_ms=None if is_kept else principal.expires_ms,
        )
        code = await self._grants.consent(consent, challenge=asked.challenge, redirect_uri=asked.sent_uri)
        security_events.CONSENT_GIVEN.note(principal, **facts, scopes=",".join(chosen))
        return PortalRedirect(asked.answer(code=code))

    async def _ask(
        self, request: PortalRequest, asked: AuthorizationRequest, app: App, *, is_none_chosen: bool = False
    ) -> PortalContent:
        company = await _named(self._context, request.company_id)
        targets = (target_of(asked.redirect_uri),)
        given = _given(asked, request.principal)
        lacking = [scope for scope in asked.scopes if scope not in given]
        words = {"app": app.name, "company": company, "form": Markup(request.form)}  # noqa: S704 - the portal's own
        host = urlsplit(asked.redirect_uri).hostname or urlsplit(asked.redirect_uri).scheme
        if not given:
            html = _NOTHING.format(**words, host=host, scopes=", ".join(asked.scopes))
            return PortalContent(html, targets)
        checked = "" if is_none_chosen else Markup(" checked")
        scopes = Markup("").join(
            _SCOPE.format(meaning=describe_scope(scope), scope=scope, checked=checked) for scope in given
        )
        sentence = Markup(
            "<p>It also asks for {scopes}, which your own key does not have and cannot give.</p>"
        )
        missing = sentence.format(scopes=", ".join(lacking)) if lacking else ""
        stranger = Markup("")
        if app.document_host is not None or app.client_id.startswith(SELF_PREFIX):
            stranger = (_REGISTERED_ITSELF if app.document_host is None else _DESCRIBES_ITSELF).format(
                app=app.name,
                host=app.document_host,
                program=_PROGRAM if is_loopback(asked.redirect_uri) else "",
            )
        html = _CONSENT.format(
            **words,
            unknown=stranger,
            host=host,
            scopes=scopes,
            missing=missing,
            fault=_NONE_CHOSEN if is_none_chosen else "",
            end=_ending(request.principal),
            keep=_KEEP.format(company=company) if request.principal.has("admin") else "",
        )
        return PortalContent(html, targets)

    async def _asked(self, request: PortalRequest) -> tuple[AuthorizationRequest | None, App | None]:
        """Return the request and the app. The app is None if it was removed, or if its description is no longer available."""
        asked = requests.unseal(self._context, request.query.get("request", ""))
        if asked is None:
            return None, None
        try:
            return asked, await self._apps.find(asked.client_id, asker=request.principal.id or "")
        except OAuthError:
            return asked, None


class ConnectedAppsPage:
    """Lists the connected apps, and ends connections."""

    def __init__(self, context: PluginContext, grants: Grants) -> None:
        self._context, self._grants = context, grants

    async def render(self, request: PortalRequest) -> str:
        """List the apps that are connected with a company, or ask before one is disconnected."""
        connections = await self._seen(request)
        company = await _named(self._context, request.company_id)
        for one in connections:
            if one.id == request.query.get("connection"):
                form = Markup(request.form)  # noqa: S704 - the portal's own
                return _ASK.format(app=one.app_name, company=company, form=form, id=one.id)
        if not connections:
            return _NONE.format(company=company)
        rows = [
            _ROW.format(
                app=one.app_name,
                scopes=", ".join(one.consent.scopes),
                created=_moment(one.created_ms),
                by=one.consent.granted_name,
                until="its tokens expire" if one.ends_ms is None else _moment(one.ends_ms),
                used="never" if one.last_used_ms is None else _moment(one.last_used_ms),
                id=one.id,
            )
            for one in connections
        ]
        return _TABLE.format(rows=Markup("").join(rows))

    async def submit(self, request: PortalRequest, fields: Fields) -> PortalRedirect:
        """End a connection."""
        connection_id = next(iter(fields.get("connection", ())), "")
        if connection_id not in {one.id for one in await self._seen(request)}:
            raise NotFound("connected app", connection_id)
        ended = await self._grants.disconnect(
            connection_id, company_id=request.company_id, by=request.principal
        )
        made = [
            f"{count} {what}{'s' * (count != 1)} that it made {'is' if count == 1 else 'are'} {done}"
            for count, what, done in (
                (ended.subscriptions_disabled, "subscription", "disabled"),
                (ended.keys_revoked, "key", "revoked"),
            )
            if count
        ]
        return PortalRedirect(message=f"The app is disconnected{''.join(f'; {each}' for each in made)}.")

    async def _seen(self, request: PortalRequest) -> list[Connection]:
        """List a company's connections: an administrator sees all of them, others see those that they allowed."""
        listed, principal = await self._grants.list(request.company_id), request.principal
        return [one for one in listed if principal.has("admin") or _is_own(one.consent, principal)]


async def _named(context: PluginContext, company_id: int) -> str:
    company, title = await context.companies.view(company_number(company_id)), company_title(company_id)
    name = company["name"]
    return Markup("<bdi>{}</bdi> ({})").format(name, title) if name else title


def make_pages(context: PluginContext, apps: Apps, grants: Grants) -> Sequence[PortalPage]:
    """Make both pages."""
    consent, connected = ConsentPage(context, apps, grants), ConnectedAppsPage(context, grants)
    return [
        PortalPage(
            "connect", "Connect an app", consent.render, submit=consent.submit, listed=False, framed=False
        ),
        PortalPage("apps", "Connected apps", connected.render, submit=connected.submit),
    ]


def _is_own(consent: Consent, principal: Principal) -> bool:
    """Return True if *principal* gave *consent*.

    The principal gave it with the same link, key or name, or with another link of the same maker and name.
    """
    if consent.granted_by == principal.id:
        return True
    is_link = principal.kind == consent.granted_by_kind == "link"
    same = (consent.ends_with, consent.granted_name) == (principal.key_id, principal.name)
    return is_link and same and principal.name != UNNAMED_LINK


def _given(asked: AuthorizationRequest, principal: Principal) -> tuple[str, ...]:
    return tuple(scope for scope in asked.scopes if principal.has(scope))


def _ending(principal: Principal) -> str:
    """Write the sentence that says when a connection ends that *principal* allows."""
    until = (
        "" if principal.expires_ms is None else f", and so on {_moment(principal.expires_ms)} at the latest"
    )
    if principal.kind == "link":
        return f"It ends with the link that you came by{until}."
    whose = (
        f"the key “{principal.name}”" if principal.key_id.startswith("key_") else "your right to sign in here"
    )
    return f"It ends with {whose}{until}."


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
