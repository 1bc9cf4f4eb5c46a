"""`completion/complete`: paths, for the templates of the roots."""

from typing import Any

import mcp_types as t
from mcp.server.context import ServerRequestContext

from fs_server.errors import Failure
from fs_server.services import Services
from resources import completions
from sandbox import Root, SandboxError, uri_of_path

__all__ = ["CompletionHandler"]

MOST_VALUES = 100
"""Values in one answer (specification 2025-11-25, server/utilities/completion)."""


class CompletionHandler:
    """Completes the argument `path` of a root's template; anything else has no completions."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_complete(
        self, _ctx: ServerRequestContext[Any, Any], params: t.CompleteRequestParams
    ) -> t.CompleteResult:
        """Give the paths that what was typed can become. An empty answer tells nothing of what is outside."""
        root = self._root(params.ref)
        if root is None or params.argument.name != "path":
            return _values([], more=False)
        typed, workspace = params.argument.value, self._services.workspace
        try:
            values, more = await self._services.run(
                root,
                lambda stop: completions(workspace, root, typed, limit=MOST_VALUES, stop=stop),
                what="Completing a path",
            )
        except (SandboxError, Failure):
            return _values([], more=False)
        return _values(values, more=more)

    def _root(self, reference: t.ResourceTemplateReference | t.PromptReference) -> Root | None:
        if not isinstance(reference, t.ResourceTemplateReference):
            return None
        uri = str(reference.uri)
        return next(
            (root for root in self._services.workspace.roots if uri == uri_of_path(root.path) + "/{+path}"), None
        )


def _values(values: list[str], *, more: bool) -> t.CompleteResult:
    total = None if more else len(values)
    return t.CompleteResult(completion=t.Completion(values=values, total=total, has_more=more))
