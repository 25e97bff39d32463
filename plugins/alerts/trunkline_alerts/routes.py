"""The routes below ``/api/v1/alerts``: the recipients of a company's alerts, the texts, and a test message."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from trunkline.routes import Caller, Strict, StrictRoute, requires, responses
from trunkline_alerts.choices import Choices
from trunkline_alerts.messages import Severity

Administers = Annotated[Caller, Depends(requires("admin", bucket="admin"))]
Reads = Annotated[Caller, Depends(requires("admin"))]
_CHOICE: JsonDict = {"alert_recipients": ["ops@acme.example"], "digest": True}


class ChangeAlerts(Strict):
    """A change; absent members stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CHOICE]})

    alert_recipients: list[str] | None = Field(
        default=None,
        max_length=20,
        description="the whole list, up to 20 e-mail addresses, which get mail when a subscription fails, is disabled or recovers",
    )
    digest: bool | None = Field(
        default=None, description="whether the recipients get a daily mail about failures and open problems"
    )


class AlertsView(BaseModel):
    """The recipients of a company's alert mails."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_CHOICE, "has_mail_server": True}]})

    alert_recipients: list[str] = Field(description="for company 0: the operators in the settings")
    digest: bool
    has_mail_server: bool = Field(description="false if no mail server is set, so that the hub sends no mail")


class AlertPreview(BaseModel):
    """An alert as it would be sent, written from the example of its event type."""

    event_type: str
    severity: Severity
    subject: str
    body: str


class AlertPreviews(BaseModel):
    """Every alert."""

    alerts: list[AlertPreview]
    count: int


class AlertTest(BaseModel):
    """The mail server's answer to a test message."""

    outcome: Literal["delivered", "retry"] = Field(description="`retry`: an alert would be tried again")
    error: str | None
    answer: str | None = Field(
        description="number of recipients, and each refused recipient with the refusal"
    )


class AlertRoutes:
    """Answers companies."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices

    async def show(self, caller: Reads) -> AlertsView:
        """Show the recipients of the company's alert mails. Chat rooms and services are subscriptions (`/api/v1/subscriptions`)."""
        return AlertsView(**await self._choices.view(caller.company_id))

    async def change(self, body: ChangeAlerts, caller: Administers) -> AlertsView:
        """Change the recipients of the company's alert mails, in both environments."""
        changed = await self._choices.change(
            caller.company_id, recipients=body.alert_recipients, digest=body.digest
        )
        return AlertsView(**changed)

    async def preview(self, caller: Reads) -> AlertPreviews:
        """Show every alert as it would be written for the company."""
        shown = [
            AlertPreview(event_type=name, severity=alert.severity, subject=alert.subject, body=alert.body)
            for name, alert in await self._choices.previews(caller.company_id)
        ]
        return AlertPreviews(alerts=shown, count=len(shown))

    async def test(self, caller: Administers) -> AlertTest:
        """Mail a test message to the recipients; twice a minute at most."""
        result = await self._choices.test(caller.company_id)
        outcome: Literal["delivered", "retry"] = "delivered" if result.outcome == "delivered" else "retry"
        return AlertTest(outcome=outcome, error=result.error, answer=result.response_body)


def make_router(choices: Choices) -> APIRouter:
    """List the routes."""
    routes = AlertRoutes(choices)
    router = APIRouter(route_class=StrictRoute, tags=["Alerts"])
    for method, path, handler, operation_id, summary, known in (
        ("GET", "", routes.show, "getAlerts", "Show who is told of failures", ()),
        ("PATCH", "", routes.change, "updateAlerts", "Change who is told of failures", (409, 422)),
        ("GET", "/preview", routes.preview, "previewAlerts", "Preview alerts", ()),
        ("POST", "/test", routes.test, "testAlerts", "Mail a test message", (409,)),
    ):
        answers = responses(401, 403, 429, *known)
        router.add_api_route(
            path, handler, methods=[method], operation_id=operation_id, summary=summary, responses=answers
        )
    return router
