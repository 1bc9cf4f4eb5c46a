"""Arguments of a tool: their schema for the model, and answers that let it repair a wrong call.

Nobody validates before us: neither the protocol library nor the hosts do. Where a client's meaning is plain it is
taken ("12" for 12, a list as JSON text), because models write such calls.
"""

import difflib
import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from fs_server.errors import Failure, quoted

__all__ = ["Arguments", "PathText", "Paths", "schema_of", "validated"]


class Arguments(BaseModel):
    """What one tool takes. Unknown names are refused: a misspelt one would silently mean its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _list_from_json(value: object) -> object:
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


PathText = str
Paths = Annotated[list[str], BeforeValidator(_list_from_json)]

Model = TypeVar("Model", bound=Arguments)


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a model, without the titles that pydantic adds and no model needs."""
    schema: dict[str, Any] = _without_titles(model.model_json_schema())
    schema.pop("description", None)  # the tool's own description stands beside it
    return schema


def _without_titles(node: Any, *, names: bool = False) -> Any:
    """Drop the keyword `title`, but not a property that is called so."""
    if isinstance(node, list):
        return [_without_titles(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without_titles(value, names=key in {"properties", "$defs"} and not names)
        for key, value in node.items()
        if names or key != "title"
    }


def validated(model: type[Model], arguments: Mapping[str, Any], *, tool: str) -> Model:
    """Return the arguments of one call.

    Raises:
        Failure: `invalid_argument`, telling every fault that fits, and what is accepted.
    """
    try:
        return model.model_validate(dict(arguments))
    except ValidationError as error:
        faults = [_fault(detail, model) for detail in error.errors(include_url=False, include_context=True)]
        shown = "; ".join(faults[:3]) + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")  # noqa: PLR2004
        accepted = ", ".join(model.model_fields) or "no arguments"
        raise Failure("invalid_argument", f"{tool}: {shown}", step=f"It takes: {accepted}") from error


def _fault(detail: ErrorDetails, model: type[Arguments]) -> str:
    where = ".".join(str(part) for part in detail["loc"]) or "the arguments"
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(where, model.model_fields, n=1)
        return f"{quoted(where)} is no parameter" + (f", {near[0]!r} is" if near else "")
    if detail["type"] == "missing":
        return f"{where} is missing"
    given = detail["input"]
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)
    message = detail["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{where} should be {message}, not {quoted(text[:60])}"
