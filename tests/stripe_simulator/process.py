"""The simulator as a child process, for tests: started on a free port, ready when the call returns, gone with its parent."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from .control import SimulatorControl

PROJECT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0


class SimulatorProcess:
    """`with SimulatorProcess() as simulator:` gives `.url`, `.key` and `.control`; it checks what it sends."""

    def __init__(
        self, *, port: int = 0, state_dir: Path | None = None, key: str = "sk_test_simulator", check_replies: bool = True
    ) -> None:
        self.key = key
        self.url = ""
        self._port = port
        self._state_dir = state_dir
        self._check_replies = check_replies
        self._process: subprocess.Popen[str] | None = None

    @property
    def control(self) -> SimulatorControl:
        return SimulatorControl(self.url)

    def start(self) -> Self:
        """Start it and wait until it listens."""
        command = [sys.executable, "-m", "tests.stripe_simulator", "--port", str(self._port), "--key", self.key]
        command += ["--die-with-parent", str(os.getpid())]
        if self._state_dir:
            command += ["--state", str(self._state_dir)]
        if self._check_replies:
            command.append("--check-replies")
        self._process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        self.url = self._wait_until_ready()
        self._port = int(self.url.rpartition(":")[2])
        return self

    def _wait_until_ready(self) -> str:
        assert self._process
        assert self._process.stdout
        deadline, url = time.monotonic() + START_SECONDS, ""
        while time.monotonic() < deadline:
            if not select.select([self._process.stdout], [], [], 0.5)[0]:
                continue
            # Two short lines come at once, so a readable pipe holds the one we wait for or the process has ended.
            for line in iter(self._process.stdout.readline, ""):
                if line.startswith("listening on "):
                    url = line.removeprefix("listening on ").strip()
                if line.strip() == "simulator ready":
                    return url
            break
        self.stop()
        raise RuntimeError("the Stripe simulator did not start")

    def stop(self) -> None:
        """End it in order (SIGTERM), or by force if it does not."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if not self._process:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
