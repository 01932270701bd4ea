"""The whole local stack as a test sees it: started as `make run` starts it, in a folder and on ports of its own."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from redreport.local.supervisor import REPOSITORY
from tests import environment
from tests.ports import free_ports

# On a machine that is busy with other tests a first start takes minutes.
START_SECONDS = 300
# What the test run says about services is not for the stack, which starts its own.
NOT_PASSED_ON = ("DATABASE_URL", "CELERY_BROKER_URL", "EMAIL_URL", "SITE_URL", "LOCAL_MAIL_DIR", "STATIC_ROOT", "PORT")


def wait_for(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Return as soon as `condition()` holds; fail, saying what was waited for, when it has not after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} seconds for {what}"
        time.sleep(0.05)


class Stack:
    """`with Stack(tmp_path / "run") as stack:` gives a running stack; started again in that folder, it has the same data."""

    def __init__(self, run_dir: Path, port: int | None = None, **variables: str) -> None:
        self.run_dir = run_dir
        self.port = port or free_ports(3)
        self.variables = variables
        self.output_file = run_dir.parent / f"{run_dir.name}.out"
        self.popen: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def simulator_url(self) -> str:
        return f"http://127.0.0.1:{self.port + 1}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the supervisor: that of a shell, without what is set for this test run."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in NOT_PASSED_ON and not name.startswith(("DJANGO_", "STRIPE_"))
        }
        # The stacks of one test run share their collected static files: compressing them takes seconds.
        return {**kept, "STATIC_ROOT": str(environment.FOLDER / "stack-static"), **self.variables}

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start the supervisor without waiting for anything."""
        command = [sys.executable, "-m", "redreport.local", "--port", str(self.port), "--run-dir", str(self.run_dir)]
        with self.output_file.open("wb") as output:
            self.popen = subprocess.Popen(
                [*command, "--end-with-parent"],
                cwd=REPOSITORY,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.popen

    def start(self) -> "Stack":
        """Start it and return when it says that it is ready."""
        popen = self.launch()
        try:
            wait_for(lambda: "is ready." in self.output or popen.poll() is not None, "the stack", START_SECONDS)
        except BaseException:
            self.stop()
            raise
        assert popen.poll() is None, f"the stack did not start:\n{self.output}"
        return self

    @property
    def is_running(self) -> bool:
        return self.popen is not None and self.popen.poll() is None

    @property
    def output(self) -> str:
        return self.output_file.read_text(errors="replace")

    def log(self, name: str) -> str:
        path = self.run_dir / "log" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def get(self, path: str) -> tuple[int, str]:
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return answer.status, answer.read().decode()

    def mails(self) -> list[Path]:
        return sorted((self.run_dir / "mail").glob("*.eml"))

    def processes(self) -> dict[int, str]:
        """Every living process of this stack but its supervisor: those that mention its folder. Process id → command line."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or (self.popen and int(entry.name) == self.popen.pid):
                continue
            try:
                command = (entry / "cmdline").read_bytes()
                said = command + (entry / "environ").read_bytes()
            except OSError:
                continue
            if str(self.run_dir).encode() in said and command:
                found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 90) -> int:
        """Ask the supervisor to stop; returns its exit code."""
        assert self.popen
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        return self.popen.wait(seconds)

    def __enter__(self) -> "Stack":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
