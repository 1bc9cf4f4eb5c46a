"""The refusal of a pattern that means nothing: where, and why."""

from fs_server.errors import Failure, quoted

__all__ = ["bad_pattern"]


def bad_pattern(kind: str, pattern: str, at: int | None, fact: str, step: str) -> Failure:
    """Return the refusal of a `pattern`, which is a `kind`, for what stands at its character `at`, from 0."""
    told = f"{fact[0].upper()}{fact[1:]}" if at is None else f"At character {at + 1}: {fact}"
    return Failure("bad_pattern", f"The {kind} {quoted(pattern)}", told, step)
