"""Each route with a body gets the most expensive bodies of the maximum size, made from its schema: none blocks the loop for long."""

import time

import orjson
import pytest

from trunkline.api.requests import MAX_BODY_BYTES

MAX_SECONDS = 0.010
"""Limit of the CPU time for a request that breaks its schema, in addition to ten times the cost of parsing its body."""
TRIES, MAX_DEPTH = 10, 3


def alternatives(schema, document):
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    found = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    return [one for choice in found for one in alternatives(choice, document)] or [schema]


def least(schema, document):
    """Give a small value that a schema accepts, as far as that is simple."""
    schema = alternatives(schema, document)[0]
    if "const" in schema or "enum" in schema:
        return schema.get("const") or schema["enum"][0]
    if examples := schema.get("examples"):
        return examples[0]
    match schema.get("type"):
        case "object" if "properties" in schema:
            names = schema.get("required", ())
            return {name: least(schema["properties"][name], document) for name in names}
        case "object":
            return {}
        case "array":
            return []
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case _:
            return "a" * schema.get("minLength", 1)


def filled(item, size):
    return [item] * (size // (len(orjson.dumps(item)) + 1))


def large_objects(size):
    yield {f"m{number}": number for number in range(size // 16)}
    yield {f"m{number}": "x" for number in range(size // 16)}


def dearest(schema, document, size, *, depth=0):
    """Give values of *size* bytes that are long, large, deep or of the wrong type, at each place of *schema*."""
    for choice in alternatives(schema, document):
        kinds = choice.get("type", "string")
        if "array" in kinds:
            yield from long_lists(choice.get("items", {}), document, size, depth)
        if "object" in kinds or "properties" in choice:
            yield from large_objects(size)
            yield from with_one_dear_member(choice, document, size, depth)
        if "string" in kinds:
            yield "a" * size


def long_lists(item, document, size, depth):
    yield from (filled(one, size) for one in (1, "a", {}, [], None, least(item, document)))
    if item and depth < MAX_DEPTH:
        yield from ([one] for one in dearest(item, document, size, depth=depth + 1))


def with_one_dear_member(schema, document, size, depth):
    whole = least(schema, document)
    for name, member in schema.get("properties", {}).items():
        for one in dearest(member, document, size, depth=depth + 1) if depth < MAX_DEPTH else ():
            yield {**whole, name: one}


def routes_with_bodies(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content:
                yield method, path, content["schema"]


@pytest.mark.slow
async def test_no_body_costs_more_than_to_be_parsed_and_a_little(make_hub, sqlite_database_url):
    running = await make_hub(sqlite_database_url, {"limits.enabled": "false"}, dispatch=False)
    document = (await running.operator.get("/openapi.json")).json()
    routes = list(routes_with_bodies(document))
    assert len(routes) > 30
    dear = []
    for method, path, schema in routes:
        for number, body in enumerate(dearest(schema, document, MAX_BODY_BYTES - 4096)):
            content = orjson.dumps(body)
            if len(content) > MAX_BODY_BYTES:
                continue
            seconds, status = await least_cost(running, method, path, content)
            if seconds > MAX_SECONDS:
                dear.append(
                    f"{method} {path} #{number} {content[:90]} ({len(content):,} bytes): {status}, {seconds * 1000:.0f} ms"
                )
    assert not dear, "\n" + "\n".join(dear)


async def least_cost(running, method, path, content):
    """Give the cost of the more expensive of two callers, each with the lowest of several tries, because other work counts, too."""
    costs = []
    for client in (running.client, running.operator):
        costs.append(await cost(client, method, path, content))
        for _ in range(TRIES):
            if costs[-1][0] > MAX_SECONDS:
                costs[-1] = min(costs[-1], await cost(client, method, path, content))
    return max(costs)


async def cost(client, method, path, content):
    """Give the CPU time of one call, less ten times that of parsing its body, and its status."""
    address = path.replace("{", "").replace("}", "")
    began = time.process_time()
    orjson.loads(content)
    parsed = time.process_time()
    answer = await client.request(
        method.upper(), address, content=content, headers={"content-type": "application/json"}
    )
    return time.process_time() - parsed - 10 * (parsed - began), answer.status_code
