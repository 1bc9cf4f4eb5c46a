"""The text files of a directory, one after the other, and how many others there were and why."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from fs_server.errors import Failure, quoted
from fs_server.files.globs import Globs
from fs_server.files.readable import go_on
from fs_server.files.text import Text, text_of
from sandbox import DEEPEST, Entry, Kind, NotFound, Place, SandboxError, Stop, Walk, ignored_in

__all__ = ["LARGEST_FILE", "TextFiles"]

LARGEST_FILE = 16 << 20
"""Bytes of a file that is read."""


class TextFiles:
    """Iterates over the text files at a place, in the order of their names; each with its own place and its text.

    What .gitignore leaves out is left out, hidden files are not: as `list_directory` does. No link is followed. A file
    that the access of the place is refused to is left out, and so is one that is no text, or is too large.

    Attributes:
        skipped: how many were left out, by reason: `ignored`, `link`, or the code of a refusal. Grows while iterating.
        searched: how many were not.
    """

    def __init__(self, place: Place, globs: Globs, *, stop: Stop) -> None:
        """Prepare to read the file `place`, or the files beneath the directory `place` that `globs` mean."""
        self.skipped: Counter[str] = Counter()
        self.searched = 0
        self._place = place
        self._globs = globs
        self._stop = stop

    def __iter__(self) -> Iterator[tuple[Place, Text]]:
        """Yield the files.

        Raises:
            SandboxError: nothing is there, or it is no file or directory that may be accessed.
            Failure: `cancelled`; of a file that was named itself also why it cannot be read.
        """
        entry = self._place.stat()
        if entry.kind is not Kind.DIRECTORY:
            if self._globs.fit(entry.parts[-1:]):
                yield self._read(entry)
            return
        for found in self._found():
            go_on(self._stop)
            try:
                file = self._read(found)
            except SandboxError as refusal:
                self.skipped[refusal.code] += 1
            except Failure as failure:
                self.skipped[failure.code] += 1
            else:
                yield file

    def _found(self) -> Iterator[Entry]:
        """Yield the regular files that are meant, as far as their names tell."""
        with self._place.open_directory() as directory:
            with self._place.root_directory() as top:
                ignored = ignored_in(top, directory.parts)
            walk = Walk(directory, depth=DEEPEST, ignored=ignored, stop=self._stop)
            for entry in walk:
                if entry.kind is Kind.DIRECTORY or not self._globs.fit(entry.parts[len(directory.parts) :]):
                    continue
                if entry.kind is Kind.FILE:
                    yield entry
                else:
                    self.skipped["link" if entry.kind is Kind.LINK else "not_regular_file"] += 1
            self.skipped += walk.skipped
            go_on(self._stop)

    def _read(self, entry: Entry) -> tuple[Place, Text]:
        subject = self._place.spoken_of(entry.parts)
        place = replace(self._place, parts=entry.parts, subject=subject, directory=False, named=False)
        if entry.size > LARGEST_FILE:
            raise _too_large(subject, entry.size)
        with place.open() as file:
            if file.parts != entry.parts:  # a link stands there by now
                raise NotFound(subject)
            content = file.read_at(0, LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise _too_large(subject, len(content))
        text = text_of(content, subject=quoted(subject))
        self.searched += 1
        return place, text


def _too_large(subject: str, size: int) -> Failure:
    fact = f"It has {size} bytes; files up to {LARGEST_FILE} are read here"
    return Failure("too_large", quoted(subject), fact, "Change a part of it with edit_file")
