"""The disk is full: what the broker, or the database, keeps is moved to a small one for a while."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from laboratory.laboratory import READY_WITHIN_S, Inject, Laboratory
from servicenetz.kafka import Kafka
from servicenetz.postgres import Postgres

ROOM_BYTES = 400 * 1024 * 1024
LEFT_BYTES = 256 * 1024
FULL_S = 8.0
BALLAST = "ballast"


def _folder(lab: Laboratory, server: Kafka | Postgres) -> Path:
    home = lab.stack.folder
    return home / "kafka" / "data" if isinstance(server, Kafka) else home / "postgres"


def full(of: str) -> Inject:
    """`of`: kafka or postgres."""

    async def inject(lab: Laboratory) -> None:
        server: Kafka | Postgres = getattr(lab.stack, of)
        folder = _folder(lab, server)
        await lab.load.under_way(0.1)
        await lab.off_loop(server.stop)
        await lab.off_loop(_onto_small_disk, folder)
        try:
            await lab.start(server)
            await lab.load.under_way(0.3)
            _fill(folder)
            lab.hits += 1
            await lab.lasting(FULL_S)
            (folder / BALLAST).unlink()
            await lab.off_loop(server.wait_until_ready, READY_WITHIN_S)
            await lab.load.ended(0.8)
        finally:
            await lab.off_loop(server.stop)
            await lab.off_loop(_back, folder)
        await lab.start(server)

    return inject


def _onto_small_disk(folder: Path) -> None:
    aside = folder.with_name(f"{folder.name}.aside")
    folder.rename(aside)
    folder.mkdir()
    subprocess.run(
        [
            "mount",
            "-t",
            "tmpfs",
            "-o",
            f"size={ROOM_BYTES + _size(aside)},mode=0700",
            "laboratory",
            str(folder),
        ],
        check=True,
    )
    _move(aside, folder)
    aside.rmdir()


def _back(folder: Path) -> None:
    aside = folder.with_name(f"{folder.name}.aside")
    aside.mkdir()
    (folder / BALLAST).unlink(missing_ok=True)
    _move(folder, aside)
    subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()
    aside.rename(folder)


def _move(origin: Path, goal: Path) -> None:
    state = origin.stat()
    os.chown(goal, state.st_uid, state.st_gid)
    goal.chmod(state.st_mode & 0o7777)
    subprocess.run(["cp", "-a", f"{origin}/.", str(goal)], check=True)
    for part in origin.iterdir():
        if part.is_dir() and not part.is_symlink():
            shutil.rmtree(part)
        else:
            part.unlink()


def _size(folder: Path) -> int:
    return sum(part.stat().st_blocks * 512 for part in folder.rglob("*"))


def _fill(folder: Path) -> None:
    """Nothing is left but a last bit, in which writing may stop anywhere."""
    room = os.statvfs(folder)
    with (folder / BALLAST).open("wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, room.f_bavail * room.f_frsize - LEFT_BYTES)
