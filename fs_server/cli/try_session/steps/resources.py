"""Steps: the same files as resources, for a host that lets its user attach them."""

import mcp_types as t
from mcp.shared.exceptions import MCPError

from fs_server.cli.try_session.step import Group, NothingToAsk, Question, Seen, Step, Unexpected
from fs_server.cli.try_session.survey import DIRECTORY_READ, DIRECTORY_TYPE, directory_page

__all__ = ["RESOURCES"]

_NOT_FOUND = frozenset({t.INVALID_PARAMS, -32002})
"""What 2026 and 2025 have for a resource that is not there (specification, server/resources, error handling)."""


async def _list(question: Question) -> Seen:
    roots = (await question.client.list_resources()).resources
    if not roots:
        raise Unexpected("No resource is listed, not even a root.")
    return Seen("the roots", quoted=tuple(f"{root.name}  {root.uri}  {root.mime_type}" for root in roots))


async def _templates(question: Question) -> Seen:
    templates = (await question.client.list_resource_templates()).resource_templates
    if not templates:
        raise Unexpected("There is no template.")
    return Seen("for any path", quoted=tuple(template.uri_template for template in templates))


async def _directory(question: Question) -> Seen:
    uri = _root(question)
    page = await directory_page(question.client, uri)
    names = [child.name + ("/" if child.mime_type == DIRECTORY_TYPE else "") for child in page.resources]
    came = f"{len(names)} children{', and more pages' if page.next_cursor else ''}"
    return Seen("children", {"uri": uri}, came, quoted=(", ".join(names),) if names else ())


async def _read(question: Question) -> Seen:
    find = question.survey.text
    if find is None:
        raise NothingToAsk("no text file was found near the top")
    contents = (await question.client.read_resource(find.uri)).contents
    if not contents:
        raise Unexpected("No contents came.")
    content = contents[0]
    if isinstance(content, t.TextResourceContents):
        told, size = "text", f"{len(content.text):,} characters"
    else:
        told, size = "bytes", f"{len(content.blob):,} characters of base64"
    return Seen(told, {"uri": find.uri}, f"{told}, {content.mime_type}, {size}")


async def _complete(question: Question) -> Seen:
    survey = question.survey
    typed = next((find.path[:1] for find in survey.top if find.path[:1].isalnum() and find.path != find.uri), "")
    if not typed:
        raise NothingToAsk("nothing with a plain name lies at the top")
    asked = {"name": "path", "value": typed}
    reference = t.ResourceTemplateReference(type="ref/resource", uri=survey.template)
    values = (await question.client.complete(reference, asked)).completion.values
    if not values:
        raise Unexpected("There is no way to go on from the first letter of a name.")
    return Seen("paths", asked, quoted=(", ".join(values),))


async def _missing(question: Question) -> Seen:
    uri = f"{_root(question)}/no/such/file"
    try:
        await question.client.read_resource(uri)
    except MCPError as error:
        if error.code not in _NOT_FOUND:
            raise
        return Seen(f"error {error.code}", {"uri": uri}, said=(f"error {error.code}: {error.message}",), refused=True)
    raise Unexpected("What is not there was read.")


def _root(question: Question) -> str:
    if not question.survey.root:
        raise NothingToAsk("no root is listed")
    return question.survey.root


RESOURCES = Group(
    "The same as resources, which a host can attach",
    (
        Step("resources/list", _list, capability="resources"),
        Step("resources/templates/list", _templates, capability="resources"),
        Step(DIRECTORY_READ, _directory, capability="resources"),
        Step("resources/read", _read, capability="resources"),
        Step("completion/complete", _complete, capability="completions"),
        Step("a missing resource", _missing, capability="resources", asks="resources/read"),
    ),
)
