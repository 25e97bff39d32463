"""The portal's page about alerts: the recipients, a test message, and the text of every alert."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from trunkline import Outcome, PluginContext, Refused
from trunkline.pages import PortalContent, PortalPage, PortalRedirect, PortalRequest
from trunkline.routes import company_number, environment_of
from trunkline_alerts.choices import Choices
from trunkline_alerts.settings import Settings

ROOMS = {"alerts_chat": "Chat room", "alerts_pagerduty": "PagerDuty"}
_BELL = (
    '<svg class="icon" viewBox="0 0 24 24" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.75" '
    'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">'
    '<path d="M6 17V11a6 6 0 0112 0v6l2 2H4zM10 21h4M12 3v2"/></svg>'
)
_MAIL = Markup(
    '<section class="card"><h2>Mail</h2>{notice}<form method="post" class="stack">{form}<div class="fields">'
    '<div class="field"><label for="recipients">Alert recipients</label>'
    '<input id="recipients" name="recipients" value="{recipients}" autocomplete="off"{invalid} aria-describedby="recipients-help">'
    '<p class="field-help" id="recipients-help">Up to 20 e-mail addresses, separated by commas. They get mail when a '
    "subscription fails, is disabled or recovers.</p></div>"
    '<div class="check"><input id="digest" type="checkbox" name="digest" value="yes"{digest}>'
    '<label for="digest">A daily digest: what failed, and what is open</label></div></div><p class="actions">'
    '<button class="button is-primary" type="submit" name="do" value="save">Save</button>'
    '<button class="button" type="submit" name="do" value="test">Send a test message</button></p></form></section>'
)
_NOTICE = Markup('<p class="field-error" id="mail-notice" role="alert">{sentence}</p>')
_INVALID = Markup(' aria-invalid="true" aria-errormessage="mail-notice"')
_VALID = Markup()
_NO_SERVER = "This hub has no mail server, so it mails nobody: its operators set alerts.smtp_host."
_ROOMS = Markup(
    '<section class="card"><h2>Rooms and services</h2>{rows}<p class="actions">{links}</p></section>'
)
_ROOM = Markup('<p>{room} <span class="muted">{title}</span> {test}</p>')
_SEEN = Markup('<a href="{root}/subscriptions/{id}">{target}</a>')
_TEST = Markup('<a class="button is-small" href="{root}/subscriptions/{id}/test">Test</a>')
_LINK = Markup(
    '<a class="button" href="{root}/subscriptions/new?channel={channel}&amp;type=operational.*">Add: {title}</a>'
)
_NO_LINKS = Markup('<span class="muted">A key with the scope webhooks:write adds rooms.</span>')
_TEXT = Markup(
    "<details><summary><code>{name}</code> {subject}</summary><p>Severity: {severity}</p><pre>{body}</pre></details>"
)
_TEXTS = Markup('<section class="card"><h2>Texts</h2>{texts}</section>')


class AlertsPage:
    """Shows and changes a company's choice."""

    def __init__(self, context: PluginContext[Settings], choices: Choices) -> None:
        self._context = context
        self._choices = choices

    async def render(self, request: PortalRequest) -> str:
        """Write the page."""
        return await self._write(request, await self._choices.view(request.company_id))

    async def submit(
        self, request: PortalRequest, fields: Mapping[str, Sequence[str]]
    ) -> PortalContent | PortalRedirect:
        """Save the choice; send a test message if the form asks for one."""
        entered = next(iter(fields.get("recipients", ())), "").split(",")
        recipients = [address.strip() for address in entered if address.strip()]
        digest = bool(fields.get("digest"))
        try:
            await self._choices.change(request.company_id, recipients=recipients, digest=digest)
            if "test" not in fields.get("do", ()):
                return PortalRedirect(message="Saved.")
            result = await self._choices.test(request.company_id)
        except Refused as error:
            sentence = " ".join(f"This {fault.message}." for fault in error.errors) or error.detail
            view = await self._choices.view(request.company_id)
            view |= {"alert_recipients": recipients, "digest": digest}
            invalid = _INVALID if error.errors else _VALID
            return PortalContent(await self._write(request, view, sentence=sentence, invalid=invalid))
        said = "; ".join(filter(None, (result.error, result.response_body)))
        begun = "is sent" if result.outcome is Outcome.DELIVERED else "is not sent to everybody"
        return PortalRedirect(message=f"The test message {begun} ({said}).")

    async def _write(
        self, request: PortalRequest, view: Mapping[str, Any], *, sentence: str = "", invalid: Markup = _VALID
    ) -> Markup:
        number = company_number(request.company_id)
        root = f"/portal/companies/{number}{'~test' if environment_of(request.company_id) == 'test' else ''}"
        sentence = sentence or ("" if view["has_mail_server"] else _NO_SERVER)
        mail = _MAIL.format(
            notice=_NOTICE.format(sentence=sentence) if sentence else "",
            invalid=invalid,
            form=Markup(request.form),  # noqa: S704 - the portal's own
            recipients=", ".join(view["alert_recipients"]),
            digest=Markup(" checked") if view["digest"] else "",
        )
        sees, adds = request.principal.has("webhooks:read"), request.principal.has("webhooks:write")
        rooms = []
        for channel, title in ROOMS.items():
            for each in await self._context.subscriptions.list(request.company_id, channel=channel):
                shown = {"root": root, "id": each["id"], "target": each["target_url"]}
                room = _SEEN.format(**shown) if sees else each["target_url"]
                test = _TEST.format(**shown) if adds else ""
                rooms.append(_ROOM.format(room=room, title=title, test=test))
        links = Markup("").join(
            _LINK.format(root=root, channel=channel, title=title) for channel, title in ROOMS.items()
        )
        texts = Markup("").join(
            _TEXT.format(name=name, subject=alert.subject, severity=alert.severity, body=alert.body)
            for name, alert in await self._choices.previews(request.company_id)
        )
        return (
            Markup('<div class="stack">')
            + mail
            + _ROOMS.format(rows=Markup("").join(rooms), links=links if adds else _NO_LINKS)
            + _TEXTS.format(texts=texts)
            + Markup("</div>")
        )


def make_page(context: PluginContext[Settings], choices: Choices) -> PortalPage:
    """Make the page."""
    page = AlertsPage(context, choices)
    return PortalPage("alerts", "Alerts", page.render, scope="admin", icon=_BELL, submit=page.submit)
