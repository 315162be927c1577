"""Becomes another program that ends with its parent, and makes PostgreSQL start for root too.

    python -I -S launch.py PARENT_PID DEATH_SIGNAL same|namespace|nobody PROGRAM ARGUMENT…

A program of its own and not a `preexec_fn`, because that must not run Python beside other threads. Standard
library only and quick to start: it is in front of every process of the stack.

PostgreSQL refuses to run as root. Two ways round it, both leaving its files where they are, even in a
checkout under /root that no other user may enter:

- `namespace`: a user namespace in which our uid 0 is called 1000, so that PostgreSQL sees an ordinary user
  who owns his files;
- `nobody`, where namespaces are forbidden (many containers): that user, keeping of root's powers only the
  one to reach files (CAP_DAC_OVERRIDE); the data folder then belongs to `nobody`.
"""

import ctypes
import os
import resource
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522
UID_INSIDE = 1000
NOBODY = 65534


def _must(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def enter_namespace() -> None:
    """From here on our uid and gid 0 are called 1000; files and signals outside see root as before."""
    libc = ctypes.CDLL(None, use_errno=True)
    _must(libc.unshare(CLONE_NEWUSER), "unshare")
    own = Path("/proc/self")
    (own / "setgroups").write_text("deny", encoding="ascii")
    (own / "uid_map").write_text(f"{UID_INSIDE} 0 1", encoding="ascii")
    (own / "gid_map").write_text(f"{UID_INSIDE} 0 1", encoding="ascii")


def become_nobody() -> None:
    """Become `nobody` with the one capability to reach files, kept across exec."""
    libc = ctypes.CDLL(None, use_errno=True)
    _must(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keep capabilities")
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    mask = 1 << CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    # effective, permitted, inheritable; twice, for capabilities 0–31 and 32–63
    data = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    _must(libc.capset(ctypes.byref(header), ctypes.byref(data)), "capset")
    _must(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0), "ambient capability")


def _end_with(parent: int, death_signal: int) -> None:
    """Ask the kernel for a signal when the parent ends. Last, because a change of user forgets it."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the process that wanted this one is gone")


def main(arguments: list[str]) -> None:
    """Never returns: the process becomes the program."""
    parent, death_signal, user, program, *rest = arguments
    if user == "namespace":
        enter_namespace()
    elif user == "nobody":
        become_nobody()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    _end_with(int(parent), int(death_signal))
    os.execv(program, [program, *rest])


if __name__ == "__main__":
    main(sys.argv[1:])
