"""A filter for system calls: what code in the sandbox has no business doing.

No other process or thread, no socket, no mount or namespace, no memory that escapes the limits.
bubblewrap takes the filter as a small program for the kernel (classic BPF); this module writes it.
"""

from __future__ import annotations

import platform
import struct

# Calls by name, with their numbers on the two kinds of machine that we know.
_DENIED = {
    # processes and threads (clone3 is answered with "not implemented", see below)
    "clone": (56, 220),
    "fork": (57, None),
    "vfork": (58, None),
    # the network, also between processes
    "socket": (41, 198),
    "socketpair": (53, 199),
    # memory that belongs to no process
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    # namespaces, mounts and other people's processes
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "mount_setattr": (442, 442),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # doors into the kernel
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "personality": (135, 92),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    "swapon": (167, 224),
}
_CLONE3 = (435, 435)
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38


def known_machine() -> bool:
    """Whether there is a filter for this kind of machine."""
    return platform.machine() in _MACHINES


def program(machine: str | None = None) -> bytes:
    """The filter, in the form in which ``bwrap --seccomp`` reads it.

    Raises:
        ValueError: no numbers of system calls are known for this machine.
    """
    machine = machine or platform.machine()
    if machine not in _MACHINES:
        raise ValueError(f"machine must be one of {', '.join(_MACHINES)}; got {machine!r}.")
    column, architecture = _MACHINES[machine]
    lines = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL)]
    lines += [(_LOAD, 0, 0, 0)]
    if machine == "x86_64":  # the same calls once more, under other numbers
        lines += [(_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)]
    for numbers in _DENIED.values():
        if numbers[column] is not None:
            lines += [(_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, _ERROR | _EPERM)]
    lines += [(_EQUAL, 0, 1, _CLONE3[column]), (_RETURN, 0, 0, _ERROR | _ENOSYS)]
    lines += [(_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("<HBBI", *line) for line in lines)
