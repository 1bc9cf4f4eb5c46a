"""A tool as a value: what the model reads, what it takes, what it does."""

import enum
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from fs_server.services import Services
from fs_server.tools.answer import Answer
from fs_server.tools.arguments import Arguments
from fs_server.tools.consent import Consent
from fs_server.tools.progress import Progress

__all__ = ["Effect", "Tool", "tool"]


class Effect(enum.StrEnum):
    """What a call does to the world: it sets the hints that a host reads, and what a read-only server leaves out."""

    READ = "read"
    WRITE = "write"  # adds or changes, loses nothing
    DESTROY = "destroy"  # may replace or remove what is there
    RUN = "run"  # starts a program


Asked = TypeVar("Asked", bound=Arguments)

Function = (
    Callable[[Asked, Services], Awaitable[Answer]]
    | Callable[[Asked, Services, Consent], Awaitable[Answer]]
    | Callable[[Asked, Services, Consent, Progress], Awaitable[Answer]]
)
"""What a tool is made of. The second form is for one that may have to ask a person, the third for one that is slow."""


@dataclass(frozen=True)
class Tool:
    """One tool.

    Attributes:
        name: as the model calls it; also the name of its module.
        title: for a person.
        description: for the model.
        effect: what a call does.
        arguments: the model of what it takes.
        data: the model of what it returns, if that is data rather than text.
        core: a host that shows tools only when they are looked for should show this one at once.
        about_commands: it is about commands that were started, and means nothing where none are.
        call: does it.
    """

    name: str
    title: str
    description: str
    effect: Effect
    arguments: type[Arguments]
    data: type[BaseModel] | None
    core: bool
    about_commands: bool
    call: Callable[[Any, Services, Consent, Progress], Awaitable[Answer]]


def tool(
    *,
    title: str,
    effect: Effect,
    data: type[BaseModel] | None = None,
    core: bool = False,
    about_commands: bool = False,
) -> Callable[[Function[Asked]], Tool]:
    """Make a tool of an async function: its name, its docstring and the type of its first parameter are the tool's."""

    def make(function: Function[Asked]) -> Tool:
        parameters = list(inspect.signature(function, eval_str=True).parameters.values())
        return Tool(
            name=function.__name__,
            title=title,
            description=inspect.cleandoc(function.__doc__ or ""),
            effect=effect,
            arguments=parameters[0].annotation,
            data=data,
            core=core,
            about_commands=about_commands,
            call=lambda *given: function(*given[: len(parameters)]),
        )

    return make
