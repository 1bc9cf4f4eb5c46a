"""What a tool gives back, before it is put into the protocol's words."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from pydantic import BaseModel

__all__ = ["Answer", "Audio", "Block", "Image", "Text", "note"]


@dataclass(frozen=True, slots=True)
class Text:
    """Text for the model, with no half characters in it."""

    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image, encoded as `media_type` says."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Audio:
    """A sound, encoded as `media_type` says."""

    data: bytes
    media_type: str


Block = Text | Image | Audio


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a call that succeeded.

    Attributes:
        blocks: for the model; of a text tool the payload, then a note.
        facts: for programs, under `_meta["fs-server/result"]`: no payload, only facts.
        data: of a data tool: the structured result. Its text is made from it, so the two cannot differ.
    """

    blocks: tuple[Block, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    data: BaseModel | None = None

    def with_facts(self, facts: Mapping[str, object]) -> Self:
        """Return the same answer with more facts in front."""
        return replace(self, facts={**facts, **self.facts})


def note(*parts: str) -> Text:
    """Return the note that closes a result: what this is, what was left out, how to go on."""
    return Text("[" + "; ".join(part for part in parts if part) + "]")
