"""How a tool changes files: plan in a thread, ask a person where one has to be asked, then all or nothing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fs_server.errors import Failure, quoted
from fs_server.files.etag import DIGITS
from fs_server.journal.carrying import Carried, NotKept, carry_out
from fs_server.journal.operations import MakeDirectory, Operation
from fs_server.journal.planning import Planned
from fs_server.journal.states import FileState
from fs_server.services import Services
from fs_server.tools.consent import Consent
from sandbox import Access, ProtectedPath, Root, Stop, Target, target_of

if TYPE_CHECKING:  # loads SQLite, which a server that only reads never needs
    from fs_server.journal.journal import Journal

__all__ = ["Changing", "directories_for", "etag_after", "notes_of", "with_directories"]

MOST_NOTES = 2
"""Files of one change of which a result tells what could not be kept."""

Plan = Callable[["Changing", "Journal", Stop], Sequence[Operation]]


@dataclass
class Changing:
    """One call of a tool that changes something.

    Attributes:
        services: of the process.
        consent: what a person has agreed to in this call.
        tool: its name, for the history.
        what: what is done, in the caller's words, for a refusal.
        is_rehearsal: nothing will be changed, so nobody is asked.
        asks_for_trees: a person is asked before it removes a large directory. Not where that only moves away, or was
            made by the very change that is undone.
        files: that the change removes, once it was planned.
        undoes: the number of the change that this one takes back, set by the plan.
    """

    services: Services
    consent: Consent
    tool: str
    what: str
    is_rehearsal: bool = False
    asks_for_trees: bool = True
    _confirmed: set[str] = field(default_factory=set)
    files: int = 0
    undoes: int | None = None
    _keep_bytes: int = 0

    async def carry_out(self, paths: Sequence[str], plan: Plan, *, roots: Sequence[Root] = ()) -> Carried:
        """Do what `plan` says, as one change, and return it.

        Args:
            paths: that the caller named: their roots are held against other changes meanwhile.
            plan: makes the operations from what stands there now, in a thread; it may be called several times.
            roots: that are held too. Where neither names one, all are.

        Raises:
            SandboxError, Failure: nothing is changed.
            Unconfirmed: a person has to be asked first; nothing is changed.
        """
        self._keep_bytes = self.services.limits.change_bytes
        held = [*roots, *(self.services.at(path, Access.INSPECT).root for path in paths)]
        try:
            return await self.services.change(
                held or self.services.served(),
                lambda journal, stop: self._until_confirmed(journal, plan, stop),
                what=self.what,
            )
        except Failure as failure:
            if failure.code != "timeout":
                raise
            # What had begun is carried through: a second try could do it twice.
            step = "Look at history before you try again: it may have been done all the same"
            raise Failure("timeout", failure.what, failure.fact, step) from failure

    def target(self, path: str, *, follow: bool = True, known: bool = False) -> Target:
        """Return where a change of `path` goes, if it may be written, or a person agreed to that; see `target_of`.

        Raises:
            SandboxError: it may not be, or cannot be there.
            Unconfirmed: a person has to be asked.
        """
        if self.is_rehearsal or path in self._confirmed:
            return target_of(self.services.at(path, Access.CONFIRMED), follow=follow, known=known)
        try:
            return target_of(self.services.at(path, Access.WRITE), follow=follow, known=known)
        except ProtectedPath as refusal:
            if "ask" not in refusal.facts:
                raise
            # By its real name: the caller's words may be those of a link.
            target = target_of(self.services.at(path, Access.CONFIRMED), follow=follow, known=known)
            self._ask_about(f"{quoted(target.shown)}", f"{target.root.name} {target.parts}", refusal)
            return target

    def _until_confirmed(self, journal: "Journal", plan: Plan, stop: Stop) -> Carried:
        """Plan anew after each agreement: it opens one more directory, or lets go of what would be lost."""
        while True:
            try:
                operations = plan(self, journal, stop)
                return carry_out(
                    journal,
                    operations,
                    tool=self.tool,
                    keep_bytes=self._keep_bytes,
                    stop=stop,
                    undoes=self.undoes,
                    approve=self._approve,
                )
            except ProtectedPath as refusal:
                self._ask_about_tree(refusal)
            except NotKept as refusal:
                self._ask_about_loss(refusal)

    def _ask_about_tree(self, refusal: ProtectedPath) -> None:
        """Ask about a directory that holds names about which a person is asked."""
        if "ask" not in refusal.facts or refusal.subject in self._confirmed:
            raise refusal
        inside = quoted(str(refusal.facts.get("inside", "")))
        words = f"what {quoted(refusal.subject)} holds, such as {inside}"
        self._ask_about(words, f"tree {refusal.subject}", refusal)
        self._confirmed.add(refusal.subject)

    def _ask_about(self, name: str, about: str, refusal: ProtectedPath) -> None:
        self.consent.require(
            f"Let the assistant change {name}? The settings say that you are asked ({refusal.facts['ask']}).",
            about=f"{self.tool} {about}",
            otherwise="Only the operator can change that, with the setting ask; go on without this file",
        )

    def _ask_about_loss(self, refusal: NotKept) -> None:
        limit = f"{refusal.limit >> 20} MiB" if refusal.limit >> 20 else f"{refusal.limit} bytes"
        self.consent.require(
            f"{self.what} could not be undone: more than {limit} would have to be kept. Do it all the same?",
            about=f"{self.tool} loss {self.what}",
            otherwise="Do it in smaller parts, or ask the user to raise change_bytes in the server's settings",
        )
        self._keep_bytes = 0

    def _approve(self, planned: Planned) -> None:
        self.files = planned.files
        most = self.services.limits.confirm_delete_files
        if planned.files > most and planned.tree and self.asks_for_trees:
            self.consent.require(
                f"{self.what} removes {planned.files} files ({planned.size} bytes). Is that meant?",
                about=f"{self.tool} files {planned.fingerprint}",
                otherwise=f"Remove smaller directories, up to {most} files each, or ask the user",
            )


def with_directories(target: Target) -> list[Operation]:
    """Return what makes the directories above a target that do not exist yet."""
    return directories_for([target])


def directories_for(targets: Iterable[Target]) -> list[Operation]:
    """Return what makes the directories above several targets that do not exist yet, each once."""
    above = {
        (directory.root.name, directory.parts): directory
        for target in targets
        for directory in target.directories_to_make()
    }
    return [MakeDirectory(directory) for directory in above.values()]


def etag_after(carried: Carried) -> str:
    """Return the etag of the file that a change wrote last."""
    after = carried.steps[-1].after
    assert isinstance(after, FileState)
    return after.digest[:DIGITS]


def notes_of(carried: Carried) -> list[str]:
    """Return what could not be kept of the files that a change of several replaced, each with its name."""
    told = [f"{quoted(path.rpartition('/')[2])}: {note}" for path, note in carried.notes[:MOST_NOTES]]
    left = len(carried.notes) - len(told)
    return [*told, f"and so for {left} more"] if left else told
