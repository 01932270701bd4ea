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

    @property
    def exit_code(self) -> int | None:
        return self.popen.poll()

    def stop(self) -> None:
        """Ask the main process alone to end, wait for it, and kill it if it takes longer than it may."""
        if self.exit_code is not None:
            return
        self.popen.send_signal(self.stop_signal)
        try:
            self.popen.wait(self.stop_seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Return when `ready()` is true; refuse with the end of the log if the process dies first or `seconds` pass."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.exit_code is not None:
                raise ProcessFailedError(f"{self.name} ended with code {self.exit_code} while starting\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise ProcessFailedError(f"{self.name} was not ready after {seconds:.0f} seconds\n{self.log_tail()}")
            time.sleep(0.02)

    def log_tail(self, lines: int = 15) -> str:
        if self.log is None or not self.log.exists():
            return ""
        text = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join(f"  {self.name} | {line}" for line in text)


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
    return Process(name, popen, stop_signal, stop_seconds, log)


def python_module(module: str, *arguments: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", module, *arguments]
