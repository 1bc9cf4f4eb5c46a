"""Steps: a program in the sandbox, and what it may do there."""

from fs_server.cli.try_session.step import Group, Question, Seen, Step, Unexpected, code_of, facts_of, texts

__all__ = ["COMMANDS"]

_CANNOT = frozenset({"sandbox_unavailable", "command_refused"})
"""Refusals that say that commands cannot be confined here, which is no fault of the server."""


async def _run(question: Question) -> Seen:
    asked: dict[str, object] = {"argv": ["echo", "one argument;", "$HOME is not filled in"]}
    result = await question.call("run_command", asked)
    code = code_of(result)
    if code in _CANNOT:
        return Seen(code, asked, said=tuple(texts(result)), refused=True)
    told = texts(result)
    if code or told[0] != "one argument; $HOME is not filled in\n":
        raise Unexpected(" ".join(told))
    enforcement = facts_of(result)["enforcement"]
    came = f"exit code 0, in the sandbox {enforcement['tier']}, network: {enforcement['network']}"
    return Seen("a program ran", asked, came, quoted=(told[0].rstrip("\n"),), said=_holes(enforcement["not_prevented"]))


def _holes(not_prevented: list[str]) -> tuple[str, ...]:
    return (f"It does not prevent: {'; '.join(not_prevented)}.",) if not_prevented else ()


COMMANDS = Group("What a command may do", (Step("run_command", _run, tool="run_command"),))
