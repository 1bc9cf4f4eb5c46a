"""What is known of a path, and which changes stand in the way of undoing another."""

import os
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fs_server.journal import Absent, Action, Change, FileState, State, Step
from fs_server.journal.journal import Journal
from tests.fs_server.journal.processes import opened
from tests.fs_server.journal.samples import changed, digest_of, directory_of, file_of, put, tree_of

ABSENT = Absent()
ONE, TWO, THREE = (file_of(content) for content in (b"1", b"2", b"3"))


def did(journal: Journal, *steps: Step) -> Change:
    return journal.finish(journal.begin(steps, tool="apply_patch"))


def moved(source: str, destination: str, state: State) -> Step:
    return Step(Action.MOVE, source, state, state, destination=destination)


def removed(path: str, state: State) -> Step:
    return Step(Action.REMOVE, path, state, ABSENT)


def made(path: str, tree: str = "") -> Step:
    return Step(Action.MAKE_DIRECTORY, path, ABSENT, directory_of(tree))


def test_the_newest_change_tells_of_a_file(journal: Journal) -> None:
    assert journal.last_state("/r/a") is None
    did(journal, put("/r/a", ABSENT, ONE))
    did(journal, put("/r/a", ONE, TWO), put("/r/a", TWO, THREE), put("/r/b", ABSENT, ONE))
    journal.begin([put("/r/a", THREE, ONE)], tool="write_file")
    assert journal.last_state("/r/a") == THREE
    assert journal.last_state("/r/b") == ONE
    assert journal.last_state("/r/a.txt") is None
    assert journal.last_state("/r") is None
    did(journal, removed("/r/a", THREE))
    assert journal.last_state("/r/a") == ABSENT
    assert journal.last_state("/r/a/b") == ABSENT


def test_names_that_are_no_text_are_known_too(journal: Journal) -> None:
    path = f"/r/{os.fsdecode(b'caf' + bytes([0xE9]))}"
    did(journal, put(path, ABSENT, ONE))
    assert journal.last_state(path) == ONE
    assert journal.last_state("/r/café") is None


def test_a_file_that_was_moved_is_known_at_its_new_place(journal: Journal) -> None:
    did(journal, moved("/r/a", "/r/b", ONE))
    assert journal.last_state("/r/a") == ABSENT
    assert journal.last_state("/r/b") == ONE


def test_a_directory_that_was_moved_brings_along_what_is_known_of_the_things_in_it(journal: Journal) -> None:
    did(journal, put("/r/d/a", ABSENT, ONE))
    did(journal, moved("/r/d", "/r/e", directory_of()))
    did(journal, put("/r/e/b", ABSENT, TWO), moved("/r/e", "/q/f", directory_of()), put("/q/f/c", ABSENT, THREE))
    assert journal.last_state("/q/f/a") == ONE
    assert journal.last_state("/q/f/b") == TWO
    assert journal.last_state("/q/f/c") == THREE
    assert journal.last_state("/q/f/d") is None
    assert journal.last_state("/r/d/a") == journal.last_state("/r/e/b") == ABSENT
    did(journal, put("/r/d/a", ABSENT, TWO))
    assert journal.last_state("/q/f/a") == ONE, "what came to the old place later is another file"


def test_a_directory_that_was_moved_there_and_back_is_followed(journal: Journal) -> None:
    did(journal, put("/r/d/a", ABSENT, ONE))
    for _ in range(5):
        did(journal, moved("/r/d", "/r/e", directory_of()))
        did(journal, moved("/r/e", "/r/d", directory_of()))
    assert journal.last_state("/r/d/a") == ONE
    assert journal.last_state("/r/e/a") == ABSENT


def test_in_a_removed_directory_is_nothing(journal: Journal) -> None:
    did(journal, put("/r/d/a", ABSENT, ONE))
    did(journal, removed("/r/d", tree_of(journal, a=b"1")))
    assert journal.last_state("/r/d/a") == journal.last_state("/r/d/x/y") == ABSENT
    did(journal, made("/r/d"))
    assert journal.last_state("/r/d") == directory_of()
    assert journal.last_state("/r/d/a") == ABSENT, "it was made empty"


def test_the_manifest_of_a_directory_that_was_put_back_tells_what_is_in_it(journal: Journal) -> None:
    tree = tree_of(journal, a=b"1", b=b"2").tree
    did(journal, made("/r/d", tree))
    assert journal.last_state("/r/d/a") == ONE
    assert journal.last_state("/r/d/c") == ABSENT
    did(journal, made("/r/e", digest_of(b"nobody kept this one")))
    assert journal.last_state("/r/e/a") is None


def test_of_a_directory_that_was_there_before_nothing_is_known_inside(journal: Journal) -> None:
    did(journal, Step(Action.PUT, "/r/d", directory_of(), directory_of()))
    assert journal.last_state("/r/d/a") is None
    did(journal, put("/r/d", directory_of(), ONE))
    assert journal.last_state("/r/d/a") == ABSENT, "a file has nothing in it"


def test_an_undone_change_is_told_by_what_undid_it(journal: Journal) -> None:
    first = did(journal, put("/r/a", ONE, TWO))
    journal.finish(journal.begin([put("/r/a", TWO, ONE)], tool="undo", undoes=first.number))
    assert journal.last_state("/r/a") == ONE


@pytest.mark.parametrize(
    ("path", "touches"),
    [
        ("/r/d", True),
        ("/r/d/a", True),
        ("/r/d/a/b", True),
        ("/r", True),
        ("/", True),
        ("/r/d/", True),
        ("/r/d.txt", False),
        ("/r/d0", False),
        ("/r/d-", False),
        ("/r/d\0", False),
        ("/r/D", False),
        ("/r/e", False),
        ("/q", True),
        ("/q/m/x", True),
        ("/q/mm", False),
        ("r/d", False),
    ],
)
def test_later_changes_touch_a_path_itself_or_above_or_beneath(path: str, touches: bool, journal: Journal) -> None:  # noqa: FBT001 - a column
    first = did(journal, put(path, ONE, TWO))
    later = [did(journal, put("/r/d/a/b", ONE, TWO)), did(journal, removed("/r/d", directory_of()))]
    later += [did(journal, moved("/q/m", "/q/n", ONE))]
    found = journal.later_than(first, [path])
    assert bool(found) is touches
    assert [change for change in later if change in found] == found, "the oldest first"
    assert journal.later_than(later[-1], [path]) == []


def test_later_than_counts_what_is_done(journal: Journal) -> None:
    first = changed(journal, "/r/a")
    second = changed(journal, "/r/a")
    journal.begin([put("/r/a", ONE, TWO)], tool="write_file")
    third = journal.finish(journal.begin([put("/r/a", TWO, ONE)], tool="undo", undoes=second.number))
    assert journal.later_than(first, ["/r/a"]) == [third]
    assert journal.later_than(first, []) == []


NAMES = st.lists(st.sampled_from(["a", "b", "a.", "a0", "a-", "\udcff"]), min_size=1, max_size=3)
PATHS = NAMES.map(lambda names: "/" + "/".join(names))


@given(touched=st.lists(st.tuples(PATHS, st.none() | PATHS), max_size=6), asked=st.lists(PATHS, max_size=3))
@settings(max_examples=50)
def test_touching_is_what_comparing_names_one_by_one_finds(
    touched: list[tuple[str, str | None]], asked: list[str], shared: Journal
) -> None:
    first = did(shared, put("/elsewhere", ONE, TWO))
    numbers = {
        did(shared, moved(path, destination, ONE) if destination else put(path, ONE, TWO)).number: [path, destination]
        for path, destination in touched
    }
    expected = [
        number
        for number, paths in numbers.items()
        if any(
            path and (f"{path}/".startswith(f"{one}/") or f"{one}/".startswith(f"{path}/"))
            for path in paths
            for one in asked
        )
    ]
    assert [change.number for change in shared.later_than(first, asked)] == expected


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    """A journal for all examples of a property."""
    with opened(tmp_path_factory.mktemp("shared") / "journal") as journal:
        yield journal


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["put", "remove", "move"]), PATHS, PATHS, st.sampled_from([ONE, TWO, THREE])),
        max_size=12,
    ),
    asked=PATHS,
)
@settings(max_examples=60)
def test_what_is_known_of_a_path_is_what_stands_there(
    steps: list[tuple[str, str, str, FileState]], asked: str, shared: Journal
) -> None:
    """A model that carries out every change: whatever the journal claims to know, the model has."""
    files: dict[str, FileState] = {}
    root = f"/{next(NUMBERS)}"
    for action, *names, state in steps:
        path, destination = (f"{root}{name}" for name in names)
        beneath = {file: files[file] for file in files if f"{file}/".startswith(f"{path}/")}
        inside = any(path.startswith(f"{file}/") for file in files)
        if action == "put" and not inside and not (beneath and path not in files):
            did(shared, put(path, files.get(path, ABSENT), state))
            files[path] = state
        elif action == "remove" and beneath:
            did(shared, removed(path, files.get(path, directory_of())))
            files = {file: files[file] for file in files if file not in beneath}
        elif action == "move" and beneath and _is_free(files, path, destination):
            did(shared, moved(path, destination, files.get(path, directory_of())))
            files = {file: files[file] for file in files if file not in beneath}
            files |= {destination + file[len(path) :]: state for file, state in beneath.items()}
    for path in {root + asked, *files}:
        known = shared.last_state(path)
        if isinstance(known, FileState) or path in files:
            assert known == files.get(path)
        elif known == ABSENT:
            assert not any(f"{file}/".startswith(f"{path}/") for file in files)


NUMBERS = count()


def _is_free(files: dict[str, FileState], path: str, destination: str) -> bool:
    """Tell whether a directory can be moved there: nothing stands there, beneath or above, nor is it in itself."""
    return not f"{destination}/".startswith(f"{path}/") and not any(
        f"{file}/".startswith(f"{destination}/") or f"{destination}/".startswith(f"{file}/") for file in files
    )


def test_thousands_of_paths_are_looked_up_at_once(journal: Journal) -> None:
    first = did(journal, *(put(f"/r/{number}", ONE, TWO) for number in range(2_000)))
    second = changed(journal, "/r/1999/x")
    assert journal.later_than(first, [step.path for step in first.steps]) == [second]
