"""A plugin's routes as one flat list."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trunkline.contract import Routes


@dataclass(frozen=True, slots=True)
class PluginRoute:
    """One method at one path.

    *tags*, *summary* and the other attributes have only what the route declares, without FastAPI's defaults.
    """

    method: str
    path: str
    base: str
    is_shown: bool
    tags: tuple[str, ...]
    summary: str | None
    description: str
    has_model: bool
    status: int
    takes_body: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def slots(self) -> str:
        """Return the path without the names of its parameters: two routes with equal slots clash."""
        return slots_of(self.path)


def slots_of(path: str) -> str:
    """Return *path* without the names of its parameters."""
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


def list_routes(mounted: Sequence[Routes]) -> list[PluginRoute]:
    """List the routes of every router in *mounted*."""
    return [
        _read(route, method, routes)
        for routes in mounted
        for top in routes.router.routes
        for route in _leaves(top)
        for method in sorted(route.methods - {"HEAD", "OPTIONS"})
    ]


def _leaves(route: Any) -> Iterator[Any]:
    """Yield the routes of nested routers, which FastAPI mounts only when called."""
    if hasattr(route, "effective_candidates"):
        for candidate in route.effective_candidates():
            yield from _leaves(candidate)
    elif getattr(route, "methods", None):
        yield route


def _read(route: Any, method: str, routes: Routes) -> PluginRoute:
    return PluginRoute(
        method=method,
        path=f"{routes.base}{routes.prefix}{route.path}",
        base=routes.base,
        is_shown=route.include_in_schema,
        tags=tuple(str(tag) for tag in route.tags),
        summary=route.summary,
        description=route.description or "",
        has_model=route.response_model is not None,
        status=route.status_code or 200,
        takes_body=route.body_field is not None,
    )
