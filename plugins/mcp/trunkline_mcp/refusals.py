"""A tool's answer to a refused or failed call: a sentence and the faulty arguments, so that a model can fix the call."""

from mcp_types import CallToolResult, TextContent

from trunkline import FieldError, Refused
from trunkline.routes import ProviderFailed

MAX_FAULTS = 20
MAX_TEXT = 2_000
_NAMES = {"Idempotency-Key": "idempotency_key"}
_WORDS = (
    ("Idempotency-Key", "idempotency_key"),
    ("query parameter", "argument"),
    ("another request", "another call"),
    ("a new request", "a new call"),
)
"""Terms of HTTP in the hub's messages, and the terms of tools that replace them."""


def result_of(error: Refused | ProviderFailed) -> CallToolResult:
    """Make the result that describes to the model why the call was refused, or that the call failed."""
    if isinstance(error, ProviderFailed) or not error.errors:
        return refuse(error.detail)
    return refuse_arguments(error.errors)


def refuse_arguments(faults: tuple[FieldError, ...]) -> CallToolResult:
    """Name each argument at fault."""
    lines: list[str] = []
    for fault in faults[:MAX_FAULTS]:
        steps = fault.path.removeprefix("/").split("/")
        name = ".".join(step.replace("~1", "/").replace("~0", "~") for step in steps)
        lines.append(f"- {_NAMES.get(fault.path) or name or 'the arguments'} {fault.message}")
    if len(faults) > MAX_FAULTS:
        lines.append(f"- and {len(faults) - MAX_FAULTS} more")
    return refuse("\n".join(["Nothing was done. Mend these arguments and call again:", *lines]))


def refuse(sentence: str) -> CallToolResult:
    """Answer with *sentence* alone."""
    for of_http, of_mcp in _WORDS:
        sentence = sentence.replace(of_http, of_mcp)
    text = sentence if len(sentence) <= MAX_TEXT else f"{sentence[:MAX_TEXT]}…"
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
