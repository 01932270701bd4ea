"""One stack per folder: who runs in it, and whether a predecessor's processes are all gone."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FolderInUseError(Exception):
    """Another stack runs in this folder; the message names its process."""


@contextmanager
def folder_to_ourselves(run_dir: Path, *, wait_seconds: float = 30) -> Iterator[int]:
    """Hold `run_dir` while the block runs. Yields a file descriptor that every child process must inherit.

    A living supervisor refuses us at once. Children of one that was killed end by themselves, and for those we wait: as long as
    one of them lives, its inherited descriptor holds the second lock.
    """
    supervisor = os.open(run_dir / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    children = os.open(run_dir / "children.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _lock(supervisor):
            owner = os.pread(supervisor, 20, 0).decode().strip() or "unknown"
            raise FolderInUseError(f"{run_dir} is in use by a running stack (process {owner}). Stop that one first.")
        os.ftruncate(supervisor, 0)
        os.pwrite(supervisor, f"{os.getpid()}\n".encode(), 0)
        deadline = time.monotonic() + wait_seconds
        while not _lock(children):
            if time.monotonic() > deadline:
                raise FolderInUseError(
                    f"processes of an earlier stack in {run_dir} have not ended after {wait_seconds:.0f} seconds"
                )
            time.sleep(0.1)
        yield children
    finally:
        os.close(children)
        os.close(supervisor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
