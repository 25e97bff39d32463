"""A router in front of cells: it sends each call to the database of its company, by the table of docs/explanation/scaling.md.

The router reads only the call itself. It is given the first company id of each cell, each cell's operator key, and the
references of companies.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web
from yarl import URL

SIGN_IN = "/portal/sign-in"
COOKIE = "portal_cell"
_KEY = re.compile(r"[a-z][a-z0-9]{1,15}_(?:live|test)_(0|[1-9][0-9]{0,18})_[A-Za-z0-9_-]{43}")
_OF_THE_CONNECTION = ("Connection", "Content-Length", "Keep-Alive", "Transfer-Encoding")


@dataclass(frozen=True, slots=True)
class Cell:
    """A deployment, and the lowest id of its companies; its ids end before the next cell's lowest id."""

    url: str
    first_company_id: int
    operator_key: str = field(repr=False)


class CompanyUnclear(Exception):
    """An operator's call does not name its company in the head."""


class Router:
    """Chooses among *cells*, which are sorted by their lowest ids. Operators have the key of the first cell."""

    def __init__(self, cells: Sequence[Cell], *, references: Mapping[str, int]) -> None:
        self._cells = cells
        self._references = references

    def cell_of(self, request: web.BaseRequest, key: str) -> Cell:
        """Find the cell of a call with *key*; without a company any cell will do. Raises CompanyUnclear."""
        match = _KEY.fullmatch(key)
        if match is None:
            return self._cells[int(request.cookies.get(COOKIE, 0))]
        return self._cell_with(int(match[1]) or self._company_named(request.headers.get("X-Company-Id", "")))

    def _company_named(self, name: str) -> int:
        return int(name) if name.isascii() and name.isdigit() else self._references.get(name, 0)

    def _cell_with(self, company_id: int) -> Cell:
        found = [cell for cell in self._cells if cell.first_company_id <= company_id]
        if not found:
            raise CompanyUnclear
        return found[-1]

    async def handle(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        key = _key_of(request, body)
        try:
            cell = self.cell_of(request, key)
        except CompanyUnclear:
            detail = "An operator names the company in the header X-Company-Id, by its id or its reference."
            problem = {"type": "about:blank", "title": "Bad request", "status": 400, "detail": detail}
            return web.json_response(problem, status=400, content_type="application/problem+json")
        answer = await self._pass_on(request, body, cell, is_operators=key == self._cells[0].operator_key)
        if request.path == SIGN_IN and key:
            answer.set_cookie(COOKIE, str(self._cells.index(cell)), path="/portal", httponly=True)
        return answer

    async def _pass_on(
        self, request: web.BaseRequest, body: bytes, cell: Cell, *, is_operators: bool
    ) -> web.Response:
        headers = request.headers.copy()
        if is_operators:
            headers["X-Api-Key"] = cell.operator_key
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as session,
            session.request(
                request.method,
                URL(f"{cell.url}{request.raw_path}", encoded=True),
                headers=headers,
                data=body,
                allow_redirects=False,
            ) as answer,
        ):
            kept = answer.headers.copy()
            for name in _OF_THE_CONNECTION:
                kept.popall(name, None)
            return web.Response(status=answer.status, headers=kept, body=await answer.read())


def _key_of(request: web.BaseRequest, body: bytes) -> str:
    """Read a call's key from a header or from the portal's sign-in form; empty if there is none."""
    if request.path == SIGN_IN:
        return parse_qs(body.decode("latin-1")).get("key", [""])[0]
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return request.headers.get("X-Api-Key", bearer)
