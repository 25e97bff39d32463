"""The products that the tests of the Make app export: a tiny one by hand, and this deployment's."""

from dataclasses import replace

from tests.plugins.products import a_brand, a_definition, an_object

from trunkline import EventType
from trunkline.pages import Example, ItemList, Product


def text(title: str, **more: object) -> dict[str, object]:
    return {"title": title, "description": f"{title}.", "type": "string"} | more


def number(title: str, **more: object) -> dict[str, object]:
    return {"title": title, "description": f"{title}.", "type": "integer"} | more


TASK = {"task_id": 7, "name": "Call Jane", "due": "2026-02-01"}
OWNERS = a_definition(
    "lookup",
    "owners",
    "GET /lookups/owners",
    "Lists owners.",
    input=an_object(limit=number("Limit", maximum=100), cursor=text("Cursor")),
    output=an_object(
        owners={
            "type": "array",
            "items": an_object(
                owner_id=number("Owner ID"), name=text("Name"), active={"type": "boolean", "title": "Active"}
            ),
        }
    ),
    listed=ItemList("owners", "owner_id", "name"),
)
UPDATE_TASK = a_definition(
    "action",
    "update_task",
    "PATCH /tasks/{task_id}",
    "Changes a task.",
    parameters=an_object("task_id", task_id=number("Task")),
    input=an_object(
        "name",
        name=text("Name"),
        note=text("Note", maxLength=2000),
        due=text("Due", format="date"),
        priority=text("Priority", enum=["high", "low"], default="low"),
        owner_id=number("Owner", **{"x-lookup": {"lookup": "owners", "where": {"active": True}}}),
        tags={"type": "array", "items": {"type": "string"}, "title": "Tags", "description": "Tags."},
    ),
    output=an_object(task_id=number("Task ID"), name=text("Name"), due=text("Due", format="date")),
    examples=(Example({"task_id": 7}, {"name": "Call Jane"}, TASK),),
)
FIND_TASK = a_definition(
    "search",
    "find_task",
    "GET /tasks/search",
    "Finds a task.",
    input=an_object(name=text("Name"), cursor=text("Cursor"), limit=number("Limit", maximum=50)),
    output=an_object(
        results={"type": "array", "items": an_object(task_id=number("Task ID"), name=text("Name"))}
    ),
    examples=(Example({}, {"name": "Call Jane"}, {"results": [{"task_id": 7, "name": "Call Jane"}]}),),
)
TASK_DONE = EventType(
    "task.done",
    title="Task Done",
    description="A task was done.",
    schema=an_object(
        "task_id", task_id=number("Task ID"), done_date=text("Done", format="date-time"), by=number("By")
    )
    | {"examples": [{"task_id": 7, "done_date": "2026-01-28T10:30:00Z", "by": 3}]},
)
TINY = Product(
    a_brand("tasks", "Tasks to do.", color="#112233"),
    "https://api.tasks.example",
    event_types=(TASK_DONE,),
    actions=(UPDATE_TASK,),
    searches=(FIND_TASK,),
    lookups=(OWNERS,),
)


def with_more(product: Product) -> Product:
    """Add an event type and an action to a product."""
    return replace(
        product,
        event_types=(*product.event_types, TASK_DONE),
        actions=(*product.actions, UPDATE_TASK),
        lookups=(*product.lookups, OWNERS),
    )
