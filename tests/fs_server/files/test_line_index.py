from fs_server.files.decoding import LineEnd
from fs_server.files.line_index import LineIndexes
from fs_server.files.readable import InMemory

LF = LineEnd("\n", "utf-8", b"\n")


def test_a_shorter_pass_does_not_replace_what_a_longer_one_found() -> None:
    file = InMemory(b"x\n" * 20)
    indexes = LineIndexes()
    short, long = indexes.get(file, LF, 0, 4), indexes.get(file, LF, 0, 4)
    long.extend(file, LF, until=None, stop=None)
    indexes.put(file, LF, long)
    short.extend(file, LF, until=3, stop=None)
    indexes.put(file, LF, short)
    assert indexes.get(file, LF, 0, 4).total_lines == 20


def test_what_is_handed_out_is_extended_on_its_own() -> None:
    file = InMemory(b"x\n" * 20)
    indexes = LineIndexes()
    indexes.put(file, LF, indexes.get(file, LF, 0, 4))
    indexes.get(file, LF, 0, 4).extend(file, LF, until=None, stop=None)
    assert indexes.get(file, LF, 0, 4).total_lines is None


def test_the_files_read_longest_ago_are_forgotten() -> None:
    indexes = LineIndexes(most=2)
    files = [InMemory(b"x\n" * 20) for _ in range(3)]
    for file in files:
        index = indexes.get(file, LF, 0, 4)
        index.extend(file, LF, until=None, stop=None)
        indexes.put(file, LF, index)
    assert [indexes.get(file, LF, 0, 4).total_lines for file in files] == [None, 20, 20]
