"""What Windows hands over, as the bytes and numbers that its documentation names."""

import ctypes
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import (
    EscapesRoot,
    InvalidPath,
    IoFailure,
    IsDirectory,
    NameTooLong,
    NotDirectory,
    NotFound,
    PermissionDenied,
    SandboxError,
)
from sandbox.resolve import Kind
from sandbox.resolve._windows_calls import (
    ByHandleFileInformation,
    FileAttributeTagInfo,
    FileBasicInfo,
    FileIdBothDirInfo,
    FileIdInfo,
    FileStandardInfo,
    IoStatusBlock,
    ObjectAttributes,
    UnicodeString,
)
from sandbox.resolve._windows_facts import (
    DIRECTORY,
    READ_ONLY,
    REPARSE_POINT,
    Facts,
    entries_of,
    kind_of,
    link_of,
    refusal_of_status,
    refusal_of_win32,
    stat_of,
)
from tests.support.fake_windows import JUNCTION, SYMLINK, link_data, listing_record

UNKNOWN_TAG, LX_FIFO, UNIX_SOCKET = 0x8000001B, 0x80000024, 0x80000023


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="the numbers are of 64-bit Windows")
@pytest.mark.parametrize(
    ("structure", "size", "offsets"),
    [
        (UnicodeString, 16, {"length": 0, "maximum_length": 2, "buffer": 8}),
        (
            ObjectAttributes,
            48,
            {
                "length": 0,
                "root_directory": 8,
                "object_name": 16,
                "attributes": 24,
                "security_descriptor": 32,
                "security_quality_of_service": 40,
            },
        ),
        (IoStatusBlock, 16, {"status": 0, "information": 8}),
        (FileBasicInfo, 40, {"created": 0, "accessed": 8, "written": 16, "changed": 24, "attributes": 32}),
        (
            FileStandardInfo,
            24,
            {
                "allocation_size": 0,
                "end_of_file": 8,
                "number_of_links": 16,
                "delete_pending": 20,
                "directory": 21,
            },
        ),
        (FileAttributeTagInfo, 8, {"attributes": 0, "tag": 4}),
        (FileIdInfo, 24, {"volume": 0, "file_id": 8}),
        (
            ByHandleFileInformation,
            52,
            {"attributes": 0, "volume": 28, "number_of_links": 40, "index_high": 44, "index_low": 48},
        ),
        (
            FileIdBothDirInfo,
            112,
            {
                "next_entry_offset": 0,
                "created": 8,
                "end_of_file": 40,
                "attributes": 56,
                "file_name_length": 60,
                "ea_size": 64,
                "short_name_length": 68,
                "short_name": 70,
                "file_id": 96,
                "file_name": 104,
            },
        ),
    ],
)
def test_structures_lie_in_memory_as_64_bit_windows_has_them(
    structure: type[ctypes.Structure], size: int, offsets: dict[str, int]
) -> None:
    """Source: the structures' pages on Microsoft Learn, with the natural alignment of the Windows x64 ABI."""
    assert ctypes.sizeof(structure) == size
    assert {name: getattr(structure, name).offset for name in offsets} == offsets


def test_times_sizes_and_identity_come_over_as_os_stat_gives_them() -> None:
    second = 10_000_000
    epoch = 116_444_736_000_000_000
    facts = Facts(
        READ_ONLY,
        size=2**40 + 1,
        links=3,
        volume=2**60,
        file_id=2**100 + 7,
        created=epoch + 5 * second,
        accessed=epoch + 6 * second + 1,
        written=epoch - 1,
    )
    answer = stat_of(facts)
    assert stat.S_ISREG(answer.st_mode)
    assert stat.S_IMODE(answer.st_mode) == 0o444
    assert (answer.st_size, answer.st_nlink, answer.st_dev, answer.st_ino) == (2**40 + 1, 3, 2**60, 2**100 + 7)
    assert answer.st_ctime_ns == 5 * 10**9
    assert answer.st_atime_ns == 6 * 10**9 + 100
    assert answer.st_mtime_ns == -100
    assert (answer[7], answer[8], answer[9]) == (6, -1, 5)


@pytest.mark.parametrize(
    ("attributes", "tag", "kind"),
    [
        (0x20, 0, Kind.FILE),
        (0x80, SYMLINK, Kind.FILE),
        (DIRECTORY, 0, Kind.DIRECTORY),
        (DIRECTORY | REPARSE_POINT, JUNCTION, Kind.LINK),
        (REPARSE_POINT, SYMLINK, Kind.LINK),
        (REPARSE_POINT, LX_FIFO, Kind.FIFO),
        (REPARSE_POINT, 0x80000025, Kind.DEVICE),
        (REPARSE_POINT, 0x80000026, Kind.DEVICE),
        (REPARSE_POINT, UNIX_SOCKET, Kind.SOCKET),
        (DIRECTORY | REPARSE_POINT, 0x9000001A, Kind.OTHER),
    ],
)
def test_a_reparse_point_is_what_its_tag_says_and_only_with_the_attribute(
    attributes: int, tag: int, kind: Kind
) -> None:
    assert kind_of(attributes, tag) is kind
    assert Kind.of(stat_of(Facts(attributes, tag)).st_mode) is kind


def test_the_print_name_of_a_link_is_never_believed() -> None:
    assert link_of(link_data("a\\b", shown="C:\\harmless")).text == "a\\b"


@pytest.mark.parametrize("tag", [UNKNOWN_TAG, LX_FIFO, 0xA000001D, 0])
def test_data_of_other_reparse_points_is_not_read(tag: int) -> None:
    with pytest.raises(EscapesRoot):
        link_of(link_data("f", tag=tag))


def test_link_data_that_contradicts_itself_is_refused_at_every_length() -> None:
    whole = link_data("a\\b\\c")
    for length in range(len(whole)):
        with pytest.raises(IoFailure):
            link_of(whole[:length])
    with pytest.raises(IoFailure):
        link_of(whole[:10] + b"\x09" + whole[11:])  # half a UTF-16 unit


@given(st.binary(max_size=300))
def test_no_bytes_break_the_readers_of_links_and_listings(data: bytes) -> None:
    for reader in (link_of, lambda read: list(entries_of(read))):
        try:
            reader(data)
        except (EscapesRoot, IoFailure):
            continue


def test_a_listing_cut_anywhere_is_refused() -> None:
    whole = listing_record("first", 0x20, 0, last=False) + listing_record("second", DIRECTORY, 0, last=True)
    assert list(entries_of(whole)) == [("first", Kind.FILE), ("second", Kind.DIRECTORY)]
    for length in range(len(whole)):
        with pytest.raises(IoFailure):
            list(entries_of(whole[:length]))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (0xC0000034, NotFound),
        (0xC000003A, NotFound),
        (0xC0000056, NotFound),
        (0xC0000123, NotFound),
        (0xC0000103, NotDirectory),
        (0xC00000BA, IsDirectory),
        (0xC0000022, PermissionDenied),
        (0xC0000033, InvalidPath),
        (0xC0000106, NameTooLong),
        (0xC000050B, EscapesRoot),
        (0xC0000043, IoFailure),
        (0xC000000D, IoFailure),
    ],
)
def test_every_status_becomes_the_refusal_that_a_caller_can_decide_on(status: int, kind: type[SandboxError]) -> None:
    assert type(refusal_of_status(status)) is kind


def test_failures_without_a_kind_of_their_own_keep_their_number() -> None:
    assert refusal_of_status(0xC0000043).facts == {"errno": "EBUSY"}
    assert refusal_of_status(0xC000000D).facts == {"errno": "NTSTATUS 0xC000000D"}
    assert refusal_of_win32(32).facts == {"errno": "EBUSY"}
    assert refusal_of_win32(1450).facts == {"errno": "Windows error 1450"}
    assert type(refusal_of_win32(3)) is NotFound
    assert type(refusal_of_win32(5)) is PermissionDenied
