"""Child processes that never outlive us: each has its own session and log file, and a signal in case we are killed."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class ProcessFailedError(Exception):
    """A process ended, or did not become ready, when it should be running."""


def die_with_parent(death_signal: signal.Signals, parent: int) -> None:
    """Ask the kernel to send `death_signal` to this process as soon as `parent` is gone; end at once if it already is."""
    _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


@dataclass(frozen=True)
class Process:
    name: str
    popen: "subprocess.Popen[bytes]"
    stop_signal: signal.Signals
    stop_seconds: float
    log: Path | None
    log_start: int

    @property
    def exit_code(self) -> int | None:
        return self.popen.poll()

    def stop(self, in_a_hurry: Callable[[], bool] = lambda: False) -> None:
        """Ask the main process alone to end and wait for it; kill it if that takes too long, or as soon as we are in a hurry."""
        if self.exit_code is not None:
            return
        self.popen.send_signal(self.stop_signal)
        deadline = time.monotonic() + self.stop_seconds
        while self.exit_code is None:
            if time.monotonic() > deadline or in_a_hurry():
                self.popen.kill()
                self.popen.wait()
            time.sleep(0.02)

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Return when `ready()` is true; refuse with the end of the log if the process dies first or `seconds` pass."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.exit_code is not None:
                raise ProcessFailedError(f"{self.name} ended with code {self.exit_code} while starting\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise ProcessFailedError(f"{self.name} was not ready after {seconds:.0f} seconds\n{self.log_tail()}")
            time.sleep(0.02)

    def wait_until_it_says(self, words: str, seconds: float = 60) -> None:
        """Return when `words` stand in what this very process has written: no other program can have said them."""
        self.wait_until(lambda: words in self.output(), seconds)

    def output(self) -> str:
        """What it has written to its log since it was started."""
        if self.log is None:
            return ""
        with self.log.open("rb") as log:
            log.seek(self.log_start)
            return log.read().decode(errors="replace")

    def log_tail(self, lines: int = 15) -> str:
        return "\n".join(f"  {self.name} | {line}" for line in self.output().splitlines()[-lines:])


def start_process(
    name: str,
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    log: Path | None = None,
    cwd: Path | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    death_signal: signal.Signals = signal.SIGKILL,
    stop_seconds: float = 15,
    pass_fds: Sequence[int] = (),
) -> Process:
    """Start `command` in a session of its own (a terminal's Ctrl-C does not reach it), output appended to `log`.

    Must be called from a thread that lives as long as the process should: the kernel ties `death_signal` to that thread.
    """
    parent = os.getpid()
    log_start = log.stat().st_size if log and log.exists() else 0

    def in_child() -> None:
        # A shell's `&` starts us with SIGINT ignored, and an ignored signal would stay ignored in the program started here.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        die_with_parent(death_signal, parent)

    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if log else subprocess.DEVNULL
    try:
        popen = subprocess.Popen(
            [str(part) for part in command],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
            preexec_fn=in_child,  # noqa: PLW1509 - callers are single-threaded while they start processes
        )
    finally:
        if log:
            os.close(output)
    return Process(name, popen, stop_signal, stop_seconds, log, log_start)


def python_module(module: str, *arguments: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", module, *arguments]
