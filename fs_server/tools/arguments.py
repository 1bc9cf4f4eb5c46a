"""Arguments of a tool: their schema for the model, and answers that let it repair a wrong call.

Nobody validates before us: neither the protocol library nor the hosts do. Where a client's meaning is plain it is
taken ("12" for 12, a list as JSON text, null for what can be left out), because models and hosts write such calls.
"""

import difflib
import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from fs_server.errors import Failure, quoted

__all__ = ["Arguments", "Paths", "list_from_json", "schema_of", "validated"]


class Arguments(BaseModel):
    """What one tool takes. Unknown names are refused: a misspelt one would silently mean its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def list_from_json(value: object) -> object:
    """Return the list that a client has sent as JSON text; anything else as it is."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


MOST_FAULTS = 3
"""Faults of one call that are told: more do not fit, and a call may have a million."""

_LONG_NUMBER = 10**18

Paths = Annotated[list[str], BeforeValidator(list_from_json)]

Model = TypeVar("Model", bound=Arguments)


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a model, without the titles that pydantic adds and no model needs."""
    schema: dict[str, Any] = _without_titles(model.model_json_schema())
    schema.pop("description", None)  # the tool's own description stands beside it
    if issubclass(model, Arguments):  # several hosts take no references in what a model has to fill in
        parts = schema.pop("$defs", {})
        schema = _with_parts(schema, parts)
    return schema


def _with_parts(node: Any, parts: Mapping[str, Any]) -> Any:
    """Put each part of a schema where it is referred to."""
    if isinstance(node, list):
        return [_with_parts(item, parts) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        part = parts[node["$ref"].rpartition("/")[2]]
        return _with_parts({key: value for key, value in part.items() if key != "description"}, parts)
    return {key: _with_parts(value, parts) for key, value in node.items()}


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
    given = {name: value for name, value in arguments.items() if value is not None or name not in model.model_fields}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
        faults = [_fault(detail, model) for detail in details[:MOST_FAULTS]]
        told = "; ".join(faults) + (f"; and {len(details) - MOST_FAULTS} more" if len(details) > MOST_FAULTS else "")
        accepted = ", ".join(model.model_fields) or "no arguments"
        raise Failure("invalid_argument", f"{tool}: {told}", step=f"It takes: {accepted}") from error


def _fault(detail: ErrorDetails, model: type[Arguments]) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(where, model.model_fields, n=1)
        return f"{quoted(where)} is no parameter" + (f", {near[0]!r} is" if near else "")
    if detail["type"] == "missing":
        return f"{where} is missing"
    message = detail["msg"].removesuffix(".").replace(" after validation", "")
    subject, should, expected = message.partition(" should ")
    if not should:
        return f"{where}: {message}"
    given = f", not {_named(detail['input'])}" if subject == "Input" else ""
    return f"{where} should {expected}{given}"


def _named(given: object) -> str:
    """Return what a client gave, in few words."""
    match given:
        case str():
            return quoted(given[:60])
        case list():
            return "a list"
        case dict():
            return "an object"
        case float() | bool() | None:
            return json.dumps(given)
        case int() if abs(given) < _LONG_NUMBER:
            return str(given)
        case _:
            return "such a number"
