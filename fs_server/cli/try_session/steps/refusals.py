"""Steps: what is refused, and the sentence that a model gets so that it can do better."""

from collections.abc import Mapping

from fs_server.cli.try_session.step import Group, NothingToAsk, Question, Seen, Step, Unexpected, code_of, texts

__all__ = ["REFUSALS"]


async def _outside(question: Question) -> Seen:
    return await _refused(question, {"path": "../outside.txt"}, {"escapes_root", "outside_roots"})


async def _secret(question: Question) -> Seen:
    if not question.survey.secret:
        raise NothingToAsk("the settings make no .env secret")
    asked = {"path": question.survey.secret}
    if code_of(await question.call("read_file", asked)) == "not_found":
        raise NothingToAsk(f"there is no {question.survey.secret} here")
    return await _refused(question, asked, {"protected_path"})


async def _argument(question: Question) -> Seen:
    return await _refused(question, {"path": ".", "lines": "1-20"}, {"invalid_argument"})


async def _refused(question: Question, asked: Mapping[str, object], codes: set[str]) -> Seen:
    result = await question.call("read_file", asked)
    code, said = code_of(result), tuple(texts(result))
    if code not in codes:
        raise Unexpected(f"A refusal was due ({' or '.join(sorted(codes))}). Instead: {' '.join(said)[:300]}")
    return Seen(code, asked, said=said, refused=True)


REFUSALS = Group(
    "What is refused",
    (
        Step("outside the root", _outside, tool="read_file", asks="read_file"),
        Step("a secret name", _secret, tool="read_file", asks="read_file"),
        Step("a wrong argument", _argument, tool="read_file", asks="read_file"),
    ),
)
