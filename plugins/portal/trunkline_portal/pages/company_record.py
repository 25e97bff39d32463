"""The record of a company, for operators: made, shown, changed, and deleted after a page that lists the consequences."""

import contextlib
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from trunkline import BodyInvalid, FieldError, Refused
from trunkline_portal.access import Chooses, Operates, Viewer
from trunkline_portal.addresses import CHOOSER, root_of
from trunkline_portal.forms import Fields, Submitted, faults_of
from trunkline_portal.portal import Pages
from trunkline_portal.routing import ALONE, Table, get, post

RECORD = "/record"
"""Path of the section below ``Viewer.root``."""
_TEXTS = ("reference", "name", "time_zone")
_FIELDS = (*_TEXTS, "metadata", "alert_recipients")


class CompanyRecordPages(Pages):
    """One company's record, the form for a new one, and the receipt of a deletion."""

    async def show(self, viewer: Operates) -> Response:
        """Show the record of the company that is shown."""
        company = await self._context.companies.view(viewer.company_id)
        values = {name: company[name] or "" for name in _TEXTS}
        values["metadata"] = orjson.dumps(company["metadata"]).decode() if company["metadata"] else ""
        values["alert_recipients"] = ", ".join(company["alert_recipients"])
        return self._form(viewer, company=company, values=values)

    async def save(self, viewer: Operates, fields: Submitted) -> Response:
        """Change the record."""
        try:
            await self._context.companies.change(viewer.company_id, _entered(fields))
        except Refused as error:
            company = await self._context.companies.view(viewer.company_id)
            return self._form(viewer, company=company, values=_typed(fields), faults=faults_of(error))
        return self._portal.redirect(viewer, f"{viewer.root}{RECORD}", flash="Saved.")

    async def show_new(self, viewer: Chooses) -> Response:
        """Show the form for a new company."""
        return self._form(viewer, company=None, values=dict.fromkeys(_FIELDS, ""))

    async def create(self, viewer: Chooses, fields: Submitted) -> Response:
        """Make a company, and redirect to its pages."""
        try:
            made = await self._context.companies.create(_entered(fields))
        except Refused as error:
            return self._form(viewer, company=None, values=_typed(fields), faults=faults_of(error))
        company_id: Any = made["id"]
        await self._portal.sessions.choose_company(viewer.session, company_id)
        said = f"Company {company_id} was created. This is its page."
        return self._portal.redirect(viewer.at(company_id), f"{root_of(company_id)}{RECORD}", flash=said)

    async def ask(self, viewer: Operates) -> Response:
        """Describe the consequences of deleting the company."""
        company = await self._context.companies.view(viewer.company_id)
        part, goes = "", "Its test environment goes with it."
        if viewer.environment == "test":
            part, goes = "the test environment of ", "The live environment stays as it is."
        return self._portal.confirm(
            viewer,
            title=f"Delete {part}{_title(company)}?",
            sentences=[
                "Its keys and subscriptions stop at once, and no event is taken for it any more.",
                "Its events, deliveries, records, keys and sign-in links are removed for good. Nothing brings them back.",
                goes,
            ],
            action=f"{viewer.root}{RECORD}/delete",
            button=f"Delete {'the test environment' if part else 'the company'} and everything of it",
            back=f"{viewer.root}{RECORD}",
        )

    async def delete(self, viewer: Operates) -> Response:
        """Delete the company, and show the receipt."""
        receipt = await self._context.companies.delete(viewer.company_number, environment=viewer.environment)
        company = f"{viewer.company_title[0].upper()}{viewer.company_title[1:]}"
        said = f"{company} has stopped, and is being removed."
        return self._portal.redirect(viewer, f"{CHOOSER}/receipts/{receipt['id']}", flash=said)

    async def show_receipt(self, viewer: Chooses, erasure_id: str) -> Response:
        """Show how much of a deleted company's data has been removed."""
        receipt = await self._context.companies.receipt(erasure_id)
        return self._portal.render(viewer, "company_receipt.html", receipt=receipt)

    def _form(
        self,
        viewer: Viewer,
        *,
        company: Mapping[str, Any] | None,
        values: Mapping[str, str],
        faults: Mapping[str, str] | None = None,
    ) -> Response:
        return self._portal.render(
            viewer,
            "company_record.html",
            status=422 if faults else 200,
            company=company,
            title=_title(company) if company else "New company",
            values=values,
            errors=faults or {},
        )


ROUTES = Table(
    CompanyRecordPages,
    get(RECORD, CompanyRecordPages.show),
    post(RECORD, CompanyRecordPages.save, bucket="admin"),
    get(f"{RECORD}/delete", CompanyRecordPages.ask),
    post(f"{RECORD}/delete", CompanyRecordPages.delete, bucket="write"),
)


OWN_ROUTES = Table(
    CompanyRecordPages,
    get("/company/new", CompanyRecordPages.show_new),
    post("/company/new", CompanyRecordPages.create, bucket="admin"),
    get("/company/receipts/{erasure_id}", CompanyRecordPages.show_receipt),
    below=ALONE,
)


def _title(company: Mapping[str, Any]) -> str:
    return f"company {company['id']}" + (f", “{company['name']}”" if company["name"] else "")


def _typed(fields: Fields) -> dict[str, str]:
    return {name: fields[name] for name in _FIELDS}


def _entered(fields: Fields) -> dict[str, Any]:
    """Read the entered values; an empty field removes its value. Raises Refused."""
    values: dict[str, Any] = {name: fields[name] or None for name in _TEXTS}
    addresses = (address.strip() for address in fields["alert_recipients"].split(","))
    values["alert_recipients"] = [address for address in addresses if address] or None
    values["metadata"] = None
    if fields["metadata"]:
        with contextlib.suppress(orjson.JSONDecodeError):
            values["metadata"] = orjson.loads(fields["metadata"])
        if not isinstance(values["metadata"], dict):
            message = 'must be a JSON object, such as {"plan": "growth"}'
            raise BodyInvalid([FieldError("/metadata", message)])
    return values
