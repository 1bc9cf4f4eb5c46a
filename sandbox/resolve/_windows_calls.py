r"""The system calls that the Windows resolver makes: the only file that talks to Windows.

**Not verified on real Windows.** The structures' layouts are tested on 64-bit systems and the calls are written to
Microsoft's documentation, but nobody has run them yet.

Every open names one component, or none, relative to a held handle, with FILE_OPEN_REPARSE_POINT (a link is opened,
not followed) and OBJ_DONT_REPARSE (nor may anything else redirect the lookup). Go's `os.Root` opens with both, so
the two are known to go together. The names go to the kernel as they are: Win32's rewriting of paths never happens.

Source: the pages of Microsoft Learn that carry the names of the functions and structures. Fixed-width types
stand for Windows' own, because ctypes' `c_ulong` and `c_wchar` have other sizes elsewhere.
"""

import enum
import os
import sys
from collections.abc import Iterator
from ctypes import Structure, c_int32, c_int64, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from typing import Protocol

from sandbox.resolve._windows_facts import Facts

__all__ = ["Calls", "Purpose", "system_calls"]

# Named as on the pages "NtCreateFile (ntifs.h)" and "File Access Rights Constants".
_LIST, _TRAVERSE, _READ_DATA, _READ_ATTRIBUTES, _SYNCHRONIZE = 0x1, 0x20, 0x1, 0x80, 0x100000
_SHARE_ALL = 0x1 | 0x2 | 0x4  # read, write, delete: a look must not keep others from working
_FILE_OPEN = 1  # the disposition that never creates
_DIRECTORY_FILE, _SYNCHRONOUS, _NON_DIRECTORY_FILE, _OPEN_REPARSE_POINT = 0x1, 0x20, 0x40, 0x200000
# FILE_OPEN_FOR_BACKUP_INTENT is not among the options on purpose: an administrator's backup privilege would
# then pass over the access lists.


class Purpose(enum.Enum):
    """What a handle is opened for. The value: access rights and create options of NtCreateFile."""

    LOOK = (_READ_ATTRIBUTES | _SYNCHRONIZE, 0)
    """To ask for facts and to open beneath. No content is touched."""
    LIST = (_LIST | _READ_ATTRIBUTES | _SYNCHRONIZE, _DIRECTORY_FILE)
    READ = (_READ_DATA | _READ_ATTRIBUTES | _SYNCHRONIZE, _NON_DIRECTORY_FILE)


class Calls(Protocol):
    """What the resolver asks of Windows. Every call raises a `SandboxError` where it fails."""

    def open_path(self, path: str) -> int:
        """Return a handle of the directory at a path of the host, links followed; for roots only."""
        ...

    def open(self, parent: int, name: str, purpose: Purpose) -> int:
        """Return a handle of `name` in `parent`; of `parent`'s own file where `name` is empty, as ReOpenFile does."""
        ...

    def facts(self, handle: int) -> Facts:
        """Return what the handle tells of its file."""
        ...

    def is_on_disk(self, handle: int) -> bool:
        """Tell whether the handle is of a file or directory: not of a pipe, a console or a printer."""
        ...

    def final_path(self, handle: int, *, drive: bool = False) -> str:
        r"""Return where the file stands now, in long names and as they are stored; no separator at the end.

        From the volume's device on (`\Device\HarddiskVolume3\a`), which every volume has, or from the drive.
        """
        ...

    def reparse_data(self, handle: int) -> bytes:
        """Return the data of the reparse point."""
        ...

    def listing(self, handle: int) -> Iterator[bytes]:
        """Yield the directory's records in buffers; `entries_of` reads them."""
        ...

    def descriptor(self, handle: int) -> int:
        """Return a descriptor of the C runtime that reads the file. The handle is the descriptor's from then on."""
        ...

    def close(self, handle: int) -> None:
        """Give a handle back."""
        ...


class UnicodeString(Structure):
    """UNICODE_STRING (ntdef.h). Lengths in bytes; no NUL at the end is counted."""

    _fields_ = (("length", c_uint16), ("maximum_length", c_uint16), ("buffer", c_void_p))


class ObjectAttributes(Structure):
    """OBJECT_ATTRIBUTES (ntdef.h)."""

    _fields_ = (
        ("length", c_uint32),
        ("root_directory", c_void_p),
        ("object_name", c_void_p),
        ("attributes", c_uint32),
        ("security_descriptor", c_void_p),
        ("security_quality_of_service", c_void_p),
    )


class IoStatusBlock(Structure):
    """IO_STATUS_BLOCK (wdm.h). The first member is a union of a status and a pointer."""

    _fields_ = (("status", c_void_p), ("information", c_void_p))


class FileBasicInfo(Structure):
    """FILE_BASIC_INFO (winbase.h). Class 0 of GetFileInformationByHandleEx."""

    _fields_ = (
        ("created", c_int64),
        ("accessed", c_int64),
        ("written", c_int64),
        ("changed", c_int64),
        ("attributes", c_uint32),
    )


class FileStandardInfo(Structure):
    """FILE_STANDARD_INFO (winbase.h). Class 1."""

    _fields_ = (
        ("allocation_size", c_int64),
        ("end_of_file", c_int64),
        ("number_of_links", c_uint32),
        ("delete_pending", c_uint8),
        ("directory", c_uint8),
    )


class FileAttributeTagInfo(Structure):
    """FILE_ATTRIBUTE_TAG_INFO (winbase.h). Class 9."""

    _fields_ = (("attributes", c_uint32), ("tag", c_uint32))


class FileIdInfo(Structure):
    """FILE_ID_INFO (winbase.h). Class 18. NTFS and ReFS have it; FAT and some network drives do not."""

    _fields_ = (("volume", c_uint64), ("file_id", c_uint8 * 16))


class ByHandleFileInformation(Structure):
    """BY_HANDLE_FILE_INFORMATION (fileapi.h): the older identity, which every file system has."""

    _fields_ = (
        ("attributes", c_uint32),
        ("times", c_uint32 * 6),
        ("volume", c_uint32),
        ("size_high", c_uint32),
        ("size_low", c_uint32),
        ("number_of_links", c_uint32),
        ("index_high", c_uint32),
        ("index_low", c_uint32),
    )


class FileIdBothDirInfo(Structure):
    """FILE_ID_BOTH_DIR_INFO (winbase.h). Class 10. Stands for the layout; `entries_of` reads the bytes."""

    _fields_ = (
        ("next_entry_offset", c_uint32),
        ("file_index", c_uint32),
        ("created", c_int64),
        ("accessed", c_int64),
        ("written", c_int64),
        ("changed", c_int64),
        ("end_of_file", c_int64),
        ("allocation_size", c_int64),
        ("attributes", c_uint32),
        ("file_name_length", c_uint32),
        ("ea_size", c_uint32),
        ("short_name_length", c_uint8),
        ("short_name", c_uint16 * 12),
        ("file_id", c_int64),
        ("file_name", c_uint16 * 1),
    )


if sys.platform == "win32":
    import ctypes
    import msvcrt

    from sandbox.errors import InvalidPath, IoFailure, from_os_error
    from sandbox.resolve._windows_facts import refusal_of_status, refusal_of_win32

    _OBJ_CASE_INSENSITIVE, _OBJ_DONT_REPARSE = 0x40, 0x1000
    _OPEN_EXISTING, _BACKUP_SEMANTICS = 3, 0x02000000  # "CreateFileW": the flag without which no directory opens
    _INVALID_HANDLE = c_void_p(-1).value
    _BASIC, _STANDARD, _ATTRIBUTE_TAG, _ID_BOTH_DIRECTORY, _ID = 0, 1, 9, 10, 18  # FILE_INFO_BY_HANDLE_CLASS
    # "System Error Codes"; the second line: what a file system answers that does not know a class of information
    _ERROR_FILE_NOT_FOUND, _ERROR_NO_MORE_FILES = 2, 18
    _ERROR_INVALID_FUNCTION, _ERROR_NOT_SUPPORTED, _ERROR_INVALID_PARAMETER = 1, 50, 87
    _FILE_TYPE_DISK = 1
    _FSCTL_GET_REPARSE_POINT, _LONGEST_REPARSE_DATA = 0x000900A8, 16 * 1024
    _VOLUME_NAME_DOS, _VOLUME_NAME_NT = 0x0, 0x2
    _LONGEST_PATH = 32_768  # characters: "Maximum Path Length Limitation"

    class SystemCalls:
        """`Calls`, made for real."""

        def __init__(self) -> None:
            nt = ctypes.WinDLL("ntdll")
            win = ctypes.WinDLL("kernel32", use_last_error=True)
            pointer, number, handle = c_void_p, c_uint32, c_void_p

            self._nt_create_file = nt.NtCreateFile
            self._nt_create_file.restype = c_int32
            self._nt_create_file.argtypes = (
                *(pointer, number, pointer, pointer, pointer),
                *(number, number, number, number, pointer, number),
            )
            self._create_file = win.CreateFileW
            self._create_file.restype = handle
            self._create_file.argtypes = (ctypes.c_wchar_p, number, number, pointer, number, number, handle)
            self._information = win.GetFileInformationByHandleEx
            self._information.restype = c_int32
            self._information.argtypes = (handle, c_int32, pointer, number)
            self._old_information = win.GetFileInformationByHandle
            self._old_information.restype = c_int32
            self._old_information.argtypes = (handle, pointer)
            self._file_type = win.GetFileType
            self._file_type.restype = number
            self._file_type.argtypes = (handle,)
            self._final_path = win.GetFinalPathNameByHandleW
            self._final_path.restype = number
            self._final_path.argtypes = (handle, ctypes.c_wchar_p, number, number)
            self._control = win.DeviceIoControl
            self._control.restype = c_int32
            self._control.argtypes = (handle, number, pointer, number, pointer, number, pointer, pointer)
            self._close = win.CloseHandle
            self._close.restype = c_int32
            self._close.argtypes = (handle,)

        def open_path(self, path: str) -> int:
            if "\0" in path:  # a C string would end there
                raise InvalidPath(reason="a NUL cannot be part of a path")
            access = _LIST | _TRAVERSE | _READ_ATTRIBUTES | _SYNCHRONIZE
            found = self._create_file(path, access, _SHARE_ALL, None, _OPEN_EXISTING, _BACKUP_SEMANTICS, None)
            if found in {None, _INVALID_HANDLE}:
                raise refusal_of_win32(ctypes.get_last_error())
            return int(found)

        def open(self, parent: int, name: str, purpose: Purpose) -> int:
            encoded = name.encode("utf-16-le", "surrogatepass")
            text = ctypes.create_string_buffer(encoded + b"\0\0")
            spelled = UnicodeString(len(encoded), len(encoded), ctypes.addressof(text))
            attributes = ObjectAttributes(
                length=ctypes.sizeof(ObjectAttributes),
                root_directory=parent,
                object_name=ctypes.addressof(spelled),
                attributes=_OBJ_CASE_INSENSITIVE | _OBJ_DONT_REPARSE,
            )
            access, options = purpose.value
            options |= _SYNCHRONOUS | _OPEN_REPARSE_POINT
            opened, outcome = c_void_p(), IoStatusBlock()
            status: int = self._nt_create_file(
                *(ctypes.byref(opened), access, ctypes.byref(attributes), ctypes.byref(outcome), None),
                *(0, _SHARE_ALL, _FILE_OPEN, options, None, 0),
            )
            if status < 0:  # NT_SUCCESS: zero and above ("Using NTSTATUS Values")
                raise refusal_of_status(status & 0xFFFFFFFF)
            return opened.value or 0

        def facts(self, handle: int) -> Facts:
            basic, standard, tag = FileBasicInfo(), FileStandardInfo(), FileAttributeTagInfo()
            self._ask(handle, _BASIC, basic)
            self._ask(handle, _STANDARD, standard)
            self._ask(handle, _ATTRIBUTE_TAG, tag)
            volume, file_id = self._identity(handle)
            return Facts(
                attributes=tag.attributes,
                tag=tag.tag,
                size=standard.end_of_file,
                links=0 if standard.delete_pending else standard.number_of_links,
                volume=volume,
                file_id=file_id,
                created=basic.created,
                accessed=basic.accessed,
                written=basic.written,
            )

        def _identity(self, handle: int) -> tuple[int, int]:
            modern = FileIdInfo()
            if self._information(handle, _ID, ctypes.byref(modern), ctypes.sizeof(modern)):
                return modern.volume, int.from_bytes(bytes(modern.file_id), "little")
            code = ctypes.get_last_error()
            if code not in {_ERROR_INVALID_FUNCTION, _ERROR_NOT_SUPPORTED, _ERROR_INVALID_PARAMETER}:
                raise refusal_of_win32(code)
            old = ByHandleFileInformation()
            if not self._old_information(handle, ctypes.byref(old)):
                raise refusal_of_win32(ctypes.get_last_error())
            return old.volume, old.index_high << 32 | old.index_low

        def _ask(self, handle: int, kind: int, answer: Structure) -> None:
            if not self._information(handle, kind, ctypes.byref(answer), ctypes.sizeof(answer)):
                raise refusal_of_win32(ctypes.get_last_error())

        def is_on_disk(self, handle: int) -> bool:
            return bool(self._file_type(handle) == _FILE_TYPE_DISK)

        def final_path(self, handle: int, *, drive: bool = False) -> str:
            buffer = ctypes.create_unicode_buffer(_LONGEST_PATH)
            form = _VOLUME_NAME_DOS if drive else _VOLUME_NAME_NT
            length: int = self._final_path(handle, buffer, _LONGEST_PATH, form)
            if length == 0:
                raise refusal_of_win32(ctypes.get_last_error())
            if length >= _LONGEST_PATH:  # then it is the length that would be needed
                raise IoFailure(errno="ENAMETOOLONG")
            path = buffer.value
            if drive and path.startswith("\\\\?\\UNC\\"):
                path = "\\\\" + path.removeprefix("\\\\?\\UNC\\")
            return path.removeprefix("\\\\?\\").rstrip("\\")

        def reparse_data(self, handle: int) -> bytes:
            buffer, length = ctypes.create_string_buffer(_LONGEST_REPARSE_DATA), c_uint32()
            room, told = ctypes.sizeof(buffer), ctypes.byref(length)
            if not self._control(handle, _FSCTL_GET_REPARSE_POINT, None, 0, buffer, room, told, None):
                raise refusal_of_win32(ctypes.get_last_error())
            return buffer.raw[: length.value]

        def listing(self, handle: int) -> Iterator[bytes]:
            buffer = (c_uint64 * 8192)()  # 64 KiB, aligned as the records have to be
            room = ctypes.sizeof(buffer)
            while self._information(handle, _ID_BOTH_DIRECTORY, ctypes.byref(buffer), room):
                yield bytes(buffer)
            code = ctypes.get_last_error()
            # FILE_NOT_FOUND: the top of an empty FAT volume, which has not even `.` to list.
            if code not in {_ERROR_FILE_NOT_FOUND, _ERROR_NO_MORE_FILES}:
                raise refusal_of_win32(code)

        def descriptor(self, handle: int) -> int:
            try:
                # Without O_TEXT the bytes come as they are.
                return msvcrt.open_osfhandle(handle, os.O_RDONLY | os.O_NOINHERIT)
            except OSError as error:
                raise from_os_error(error, "") from error

        def close(self, handle: int) -> None:
            self._close(handle)

    def system_calls() -> Calls:
        """Return the calls of this system."""
        return SystemCalls()

else:

    def system_calls() -> Calls:
        """Refuse: these calls exist on Windows only."""
        raise NotImplementedError("the calls of Windows exist on Windows only")
