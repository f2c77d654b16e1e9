"""Disks that fill up, lose power or go read-only: a file mounted as ext4, a tmpfs. Needs root."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.figures import Absent

if TYPE_CHECKING:
    from collections.abc import Iterator

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2  # EXT4_GOING_FLAGS_NOLOGFLUSH: nothing more is written, as when power fails
LOOP_MAJOR = 7


@dataclass(slots=True)
class Disk:
    """A mounted ext4 of its own. device: the loop device; image: the file behind it."""

    folder: Path
    image: Path
    device: str = ""
    mounted: bool = field(default=False)

    def mount(self) -> None:
        """Attach and mount; the journal is replayed as after a power cut."""
        self.device = _run("losetup", "--find", "--show", str(self.image)).strip()
        try:
            _run("mount", "-o", "errors=remount-ro", self.device, str(self.folder))
        except BaseException:
            _run("losetup", "--detach", self.device)
            raise
        self.mounted = True

    def unmount(self) -> None:
        """Detach; what the disk did not get is gone."""
        if self.mounted:
            _run("umount", str(self.folder))
            self.mounted = False
            _run("losetup", "--detach", self.device)

    def cut(self) -> None:
        """Cut the power: whatever is not on the disk now never will be."""
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, EXT4_IOC_SHUTDOWN, NO_LOG_FLUSH.to_bytes(4, "little"))
        finally:
            os.close(handle)

    def check(self) -> None:
        """Replay the journal by fsck; raises where the file system itself is damaged."""
        assert not self.mounted
        done = _call("e2fsck", "-p", str(self.image))
        assert done.returncode in {0, 1}, done.stdout + done.stderr

    def break_down(self) -> None:
        """The kernel meets an error and makes the disk read-only under those who write to it."""
        name = Path(self.device).name
        assert name.startswith("loop")
        Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("on purpose")


@contextmanager
def ext4(folder: Path, megabytes: int = 32) -> Iterator[Disk]:
    """Make a disk and mount it at `folder`/disk; it is unmounted whatever happens.

    Raises Absent where that cannot be done.
    """
    _need_root("mkfs.ext4", "losetup", "mount")
    disk = Disk(folder / "disk", folder / "disk.img")
    disk.folder.mkdir()
    with disk.image.open("wb") as file:
        file.truncate(megabytes << 20)
    _run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(disk.image))
    _loop_nodes()
    try:
        disk.mount()
    except subprocess.CalledProcessError as error:
        raise Absent(f"no loop device can be mounted here: {error.stderr.strip()}") from None
    try:
        yield disk
    finally:
        if disk.mounted:
            _call("umount", "--lazy", str(disk.folder))
            _call("losetup", "--detach", disk.device)


@contextmanager
def tmpfs(folder: Path, size: str) -> Iterator[Path]:
    """Mount a tmpfs of `size` at `folder`/small; raises Absent where that cannot be done."""
    _need_root("mount")
    place = folder / "small"
    place.mkdir()
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place))
    except subprocess.CalledProcessError as error:
        raise Absent(f"no tmpfs can be mounted here: {error.stderr.strip()}") from None
    try:
        yield place
    finally:
        _call("umount", "--lazy", str(place))


def fill(filler: Path, free: int) -> None:
    """Leave about `free` bytes on the disk."""
    with suppress(OSError), filler.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with filler.open("r+b") as file:
        file.truncate(max(0, filler.stat().st_size - free))


def _need_root(*programs: str) -> None:
    if os.geteuid() != 0:
        raise Absent("mounting needs root")
    for program in programs:
        if shutil.which(program) is None:
            raise Absent(f"no {program}", "e2fsprogs mount")


def _loop_nodes() -> None:
    """Containers may lack the nodes of devices that the kernel has."""
    for number in range(8):
        node = Path(f"/dev/loop{number}")
        if not node.exists():
            try:
                os.mknod(node, 0o660 | 0o060000, os.makedev(LOOP_MAJOR, number))
            except OSError as error:
                raise Absent(f"no loop devices: {error.strerror}") from None


def _run(*command: str) -> str:
    done = _call(*command)
    done.check_returncode()
    return done.stdout


def _call(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True)
