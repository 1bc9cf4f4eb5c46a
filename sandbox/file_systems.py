"""Which file systems are no place for a root."""

import sys

__all__ = ["PSEUDO", "file_system"]

# File systems whose files are questions to the kernel: reading one may hang, change state, or lead anywhere.
PSEUDO = frozenset({
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs",
    "fusectl", "hugetlbfs", "mqueue", "nsfs", "pipefs", "proc", "pstore", "securityfs", "selinuxfs", "smackfs",
    "sockfs", "sysfs", "tracefs",
})  # fmt: skip


def file_system(handle: int) -> str:
    """Return the type of the file system behind `handle`, or "" where the system does not say: only Linux does.

    Source: proc_pid_fdinfo(5) gives the mount of a descriptor, proc_pid_mountinfo(5) the type of each mount.
    """
    if sys.platform != "linux":
        return ""
    try:
        with open(f"/proc/self/fdinfo/{handle}", encoding="ascii") as facts:
            mount = next(line.split()[1] for line in facts if line.startswith("mnt_id:"))
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
            for line in mounts:
                place, _, kind = line.partition(" - ")
                if place.split()[0] == mount:
                    return kind.split()[0]
    except (OSError, StopIteration):
        return ""
    return ""
