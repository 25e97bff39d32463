"""Makes one refusal of all faults that pydantic finds in a request."""

from collections.abc import Mapping, Sequence
from typing import Any

from trunkline.errors import BadQuery, BodyInvalid, FieldError, NotFound, Refused, pointer
from trunkline.errors.spelling import MAX_CORRECTED
from trunkline.errors.wording import fault_words, fields_at


def refusal_of(faults: Sequence[Mapping[str, Any]], body: Any = None) -> Refused:
    """Turn pydantic's faults into one refusal: faults of the path first, then of parameters, then of the body.

    *body* is the model of the body; its fields are suggested if a name is unknown.
    """
    by_place = {
        place: [f for f in faults if f["loc"][0] == place] for place in ("path", "query", "header", "cookie")
    }
    if by_place["path"]:
        kind = "record"
        return NotFound(kind, by_place["path"][0].get("input", ""))
    parameters = [FieldError(str(f["loc"][-1]), fault_words(f)) for f in faults if f["loc"][0] != "body"]
    if parameters:
        noun = "query parameter" if by_place["query"] else "header"
        first = parameters[0]
        return BadQuery(f"The {noun} '{first.path}' {first.message}.", errors=parameters)
    return BodyInvalid(
        [
            FieldError(
                pointer(*f["loc"][1:]),
                fault_words(f, known=fields_at(body, f["loc"][1:]) if number < MAX_CORRECTED else ()),
            )
            for number, f in enumerate(faults)
        ]
    )
