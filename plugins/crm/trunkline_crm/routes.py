"""The plugin's own route: it adds employees to a company."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from trunkline import PluginContext
from trunkline.routes import Caller, Strict, StrictRoute, requires, responses
from trunkline_crm import fields
from trunkline_crm.store import records, tables

Administers = Annotated[Caller, Depends(requires("admin", bucket="admin"))]


class NewEmployee(Strict):
    """Somebody who works for the company."""

    full_name: str = Field(max_length=200, examples=["Maria Lopez"])
    email: str | None = Field(default=None, max_length=254, examples=["maria.lopez@example.com"])


class CreatedEmployee(BaseModel):
    """What the employee is called from now on."""

    employee_id: int


def make_router(context: PluginContext) -> APIRouter:
    """Build the router over the plugin's tables."""

    async def create(body: NewEmployee, caller: Administers) -> CreatedEmployee:
        """Add an employee, whom leads, clients and changes of status can then name."""
        row = fields.read(body.model_dump(), fields.EMPLOYEE, required={"full_name"})
        email = row.get("email")
        row |= {
            "company_id": caller.company_id,
            "name_key": fields.folded(row["full_name"]),
            "email_key": None if email is None else fields.folded(email),
            "created_ms": context.clock.now_ms(),
        }
        async with context.database.write() as connection:
            employee_id = await records.insert(connection, tables.employees, row)
        return CreatedEmployee(employee_id=employee_id)

    router = APIRouter(route_class=StrictRoute, tags=["Employees"])
    router.add_api_route(
        "",
        create,
        methods=["POST"],
        status_code=201,
        operation_id="createEmployee",
        summary="Add an employee",
        responses=responses(422),
    )
    return router
