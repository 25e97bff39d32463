"""Checks of a channel's own route for subscribing, if the plugin has one."""

from collections.abc import Mapping

from trunkline.contract.targets import SecretUrl, Url
from trunkline.schemas.catalog import Json
from trunkline_kit.checks import COMPLETE, check, demand, not_applicable
from trunkline_kit.suites.channel_subject import ChannelSubject, OpenTrial
from trunkline_kit.suites.channel_trial import COMPANY_ID, ChannelTrial

NO_TARGETS = (
    "javascript:alert(1)",
    "file:///etc/passwd",
    "not a url",
    "http://[::1",
    "https://user:secret@example.com/",
    "",
)


class RouteChecks(ChannelSubject):
    """Checks of the route by which customers subscribe."""

    async def _path(self, trial: ChannelTrial) -> str:
        if self.subscribe_path is not None:
            return f"/api/v1{self.subscribe_path}"
        if trial.channel.target is not None:
            return "/api/v1/subscriptions"
        document = (await trial.running.anonymous.get("/openapi.json")).json()
        mounted = [
            f"{routes.base}{routes.prefix}"
            for name, routes in trial.hub.registry.collected.routes
            if name == self.name
        ]
        own = [path for path in document["paths"] if path.startswith(tuple(mounted)) and "{" not in path]
        paths: list[str] = [path for path in own if "target_url" in _members(document, path)]
        if not paths:
            not_applicable(f"the plugin '{self.name}' has no route of its own to subscribe by")
        return paths[0]

    @check("channel.subscribes-by-its-own-route", level=COMPLETE)
    async def test_subscribes_by_its_own_route(self, open_trial: OpenTrial) -> None:
        """A customer who subscribes by the plugin's own route gets the customer's events, and no others."""
        trial = await open_trial()
        path = await self._path(trial)
        answer = await trial.running.client.post(path, json=dict(self.subscribe_request(trial.far_side)))
        demand(
            answer.status_code in {200, 201},
            f"POST {path} answered {answer.status_code} to a valid request ({answer.text[:200]}); it should be 201",
        )
        listed = await trial.hub.subscriptions.list(COMPANY_ID, channel=self.channel)
        demand(
            len(listed) == 1 and answer.json().get("id") == listed[0]["id"],
            f"POST {path} did not make a subscription of the channel '{self.channel}' and show its id; it should",
        )
        await trial.emit(company_id=COMPANY_ID + 1)
        event = await trial.emit()
        await trial.until_ended(event, listed[0])
        arrived = await trial.arrivals(1)
        demand(
            len(arrived) == 1 and arrived[0].is_of(str(event.event_id)),
            f"{trial.name} brought {len(arrived)} events where the caller's company has one; it should bring that one",
        )

    @check("channel.keeps-the-filter-of-a-request", level=COMPLETE)
    async def test_keeps_the_filter_of_a_request(self, open_trial: OpenTrial) -> None:
        """A subscription made by the plugin's own route has the filter that the request gives."""
        trial = await open_trial(dispatch=False)
        path = await self._path(trial)
        kind = trial.hub.catalog.types()[0].name
        if (field := trial.text_field(kind)) is None:
            not_applicable("no event type of this hub has a field for any text")
        document = (await trial.running.anonymous.get("/openapi.json")).json()
        if "filter" not in _members(document, path):
            not_applicable(f"POST {path} takes no filter")
        wanted = {f"payload.{field}": "only this"}
        request = {**self.subscribe_request(trial.far_side), "event_types": [kind], "filter": wanted}
        answer = await trial.running.client.post(path, json=request)
        listed = await trial.hub.subscriptions.list(COMPANY_ID, channel=self.channel)
        demand(
            [subscription["filter"] for subscription in listed] == [wanted],
            f"POST {path} answered {answer.status_code} to a request with a filter, and the subscription has another one; hand it on",
        )

    @check("channel.refuses-impossible-targets", level=COMPLETE)
    async def test_refuses_impossible_targets(self, open_trial: OpenTrial) -> None:
        """The plugin's own route refuses an impossible target with 422, and makes no subscription."""
        trial = await open_trial(dispatch=False)
        path, request = await self._path(trial), dict(self.subscribe_request(trial.far_side))
        for wrong in _impossible(request, trial):
            answer = await trial.running.client.post(path, json={**request, **wrong})
            demand(
                answer.status_code == 422,
                f"POST {path} answered {answer.status_code} to the target {wrong}; it should be 422",
            )
        subscriptions = await trial.hub.subscriptions.list(COMPANY_ID, channel=None)
        demand(
            not subscriptions,
            f"POST {path} made a subscription to a target that cannot be one; it should make none",
        )


def _impossible(request: Mapping[str, Json], trial: ChannelTrial) -> list[dict[str, Json]]:
    """Return changes that make the target of a valid *request* impossible; a declared target has one for each member."""
    if trial.channel.target is not None:
        target = request["target"]
        changes: list[dict[str, Json]] = [
            {name: ["no", "value"]} for name in trial.channel.target.model_fields
        ]
        if trial.channel.target in {Url, SecretUrl}:
            changes += [{"url": wrong} for wrong in NO_TARGETS]
        return [{"target": {**target, **change}} for change in changes]
    fields = [name for name, value in request.items() if value == trial.far_side.url]
    if not fields:
        not_applicable(f"the route of {trial.name} takes no target's URL")
    return [{fields[0]: wrong} for wrong in NO_TARGETS]


def _members(document: Mapping[str, Json], path: str) -> Mapping[str, Json]:
    """Return the members of the body that a POST to *path* takes."""
    content = document["paths"][path].get("post", {}).get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    members: Mapping[str, Json] = (
        document.get("components", {}).get("schemas", {}).get(name, schema).get("properties", {})
    )
    return members
