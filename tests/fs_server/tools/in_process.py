"""The tools without the protocol around them, for claims that need a server of their own and no process."""

import asyncio
import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fs_server.app import open_services
from fs_server.config.settings import Limits, RootSetting, Settings
from fs_server.errors import Failure, explain
from fs_server.services import Services
from fs_server.tools.answer import Answer, Text
from fs_server.tools.arguments import validated
from fs_server.tools.consent import Consent
from fs_server.tools.progress import SILENT, Progress
from sandbox import Resolver, SandboxError

__all__ = ["Called", "called"]


class Called:
    """The tools of one server, called one after the other."""

    def __init__(self, services: Services, runner: asyncio.Runner) -> None:
        self.services = services
        self._runner = runner

    def answer(self, name: str, **arguments: object) -> Answer:
        """Call a tool and return its answer."""
        return self.reporting(name, SILENT, **arguments)

    def reporting(self, name: str, progress: Progress, /, **arguments: object) -> Answer:
        """Call a tool that tells how far it is, and return its answer."""
        tool = getattr(importlib.import_module(f"fs_server.tools.{name}"), name)

        async def call() -> Answer:
            asked = validated(tool.arguments, arguments, tool=name)
            answer: Answer = await tool.call(asked, self.services, Consent(), progress)
            return answer

        return self._runner.run(call())

    def blocks(self, name: str, **arguments: object) -> Sequence[str]:
        """Return the text blocks of an answer."""
        return [block.text for block in self.answer(name, **arguments).blocks if isinstance(block, Text)]

    def refusal(self, name: str, **arguments: object) -> Failure:
        """Return why a call is refused."""
        try:
            answer = self.answer(name, **arguments)
        except Failure as failure:
            return failure
        except SandboxError as refusal:
            return explain(refusal)
        raise AssertionError(answer)


@contextmanager
def called(
    *roots: Path,
    journal: Path,
    limits: Limits | None = None,
    deny: tuple[str, ...] = (),
    resolver: Resolver | None = None,
    allow_command: tuple[str, ...] = (),
) -> Iterator[Called]:
    """Serve these directories, with a journal of their own; nothing but what `deny` says is secret."""
    settings = Settings(
        roots=tuple(RootSetting(name=root.name, path=root) for root in roots),
        deny=deny,
        limits=limits or Limits(),
        journal=journal,
        allow_command=allow_command,
    )
    services = open_services(settings, resolver)
    with asyncio.Runner() as runner:
        try:
            yield Called(services, runner)
        finally:
            runner.run(services.close())
            services.opened.close()
